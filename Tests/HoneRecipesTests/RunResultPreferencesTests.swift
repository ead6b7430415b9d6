import HoneFormats
import HoneTraining
import Testing

@testable import HoneRecipes

/// What the report of a run for preferences says about its course.
@Suite struct RunResultPreferencesTests {
  /// A run of so many steps whose rewards go from 0 in a straight line to those given.
  private func result(
    chosen: Double, rejected: Double, steps: Int = 40, early: Double = 0.5
  ) -> RunResult {
    var result = RunResult(
      end: TrainingEvent.End(interruptedAfter: steps, peakMemory: 0), folder: RunFolder(path: "/r"))
    result.events = (0..<steps).map { step in
      let progress = Double(step) / Double(steps - 1)
      return JSONObject([
        ("event", .string("step")), ("step", .integer(step + 1)),
        ("rewards/chosen", .number(chosen * progress)),
        ("rewards/rejected", .number(rejected * progress)),
        ("rewards/margins", .number((chosen - rejected) * progress)),
        ("rewards/accuracies", .number(step == 0 ? 0 : max(early, progress))),
        ("logps/chosen", .number(-9)),
      ])
    }
    return result
  }

  private func warnings(_ result: RunResult) -> [Substring] {
    result.preferenceWarnings.map { $0.prefix { $0 != ":" } }
  }

  @Test func `a course as it should be gives no warning`() {
    #expect(warnings(result(chosen: 1, rejected: -2)).isEmpty)
    #expect(warnings(result(chosen: -1e-9, rejected: 2)).isEmpty)
    #expect(warnings(result(chosen: 2, rejected: 1)).isEmpty)
  }

  @Test func `that both rewards fall is told, with what helps`() {
    let found = result(chosen: -1, rejected: -4)
    #expect(warnings(found) == ["Both rewards fell"])
    #expect(found.preferenceWarnings[0].contains("larger beta"))
  }

  @Test func `that all is right from the start is told, unless the run is too short to say`() {
    let told: [Substring] = ["Nearly all preferences are right from the start"]
    #expect(warnings(result(chosen: 1, rejected: -1, early: 1)) == told)
    #expect(warnings(result(chosen: 1, rejected: -1, early: 0.9)).isEmpty)
    #expect(warnings(result(chosen: 1, rejected: -1, steps: 9, early: 1)).isEmpty)
  }

  @Test func `curves leave out what a model that is its own reference says`() {
    let curves = result(chosen: 1, rejected: -2).preferenceCurves
    #expect(curves.map(\.name) == ["Rewards", "Preferences right"])
    #expect(curves[0].lines.map(\.name) == ["chosen", "rejected"])
    #expect(curves[1].lines[0].points.first?.step == 2)
    #expect(curves[1].lines[0].points.count == 39)
    #expect(curves[1].lines[1].points.isEmpty)
  }

  @Test func `a run for something else has neither`() {
    var result = result(chosen: 1, rejected: 1)
    result.events = [JSONObject([("event", .string("step")), ("loss", .number(1))])]
    #expect(result.preferenceCurves.isEmpty && result.preferenceWarnings.isEmpty)
  }
}
