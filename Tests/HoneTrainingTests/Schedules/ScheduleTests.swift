import Testing

@testable import HoneTraining

@Suite struct ScheduleTests {
  private func rates(_ kind: Schedule.Kind, warmup: Int, steps: Int) -> [Double] {
    let schedule = Schedule(kind: kind, peak: 8, warmupSteps: warmup, stepCount: steps)
    return (1...steps).map(schedule.rate)
  }

  @Test func `the warm-up climbs in equal steps and none is zero`() {
    #expect(rates(.constant, warmup: 4, steps: 6) == [2, 4, 6, 8, 8, 8])
  }

  @Test func `a line falls to zero after the last step`() {
    #expect(rates(.linear, warmup: 0, steps: 4) == [8, 6, 4, 2])
    #expect(rates(.linear, warmup: 2, steps: 6) == [4, 8, 8, 6, 4, 2])
  }

  @Test func `a cosine is half way in the middle`() {
    let rates = rates(.cosine, warmup: 0, steps: 4)
    #expect(rates[0] == 8 && abs(rates[2] - 4) < 1e-12)
    #expect(rates[1] > rates[2] && rates[2] > rates[3] && rates[3] > 0)
  }
}
