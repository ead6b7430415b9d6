import HoneTensors
import Testing

@Suite struct RandomSourceTests {
  @Test func `a draw depends on seed, purpose, step and index alone`() {
    let source = RandomSource(seed: 7, purpose: "dropout", step: 3)
    let again = RandomSource(seed: 7, purpose: "dropout", step: 3)
    #expect(source.words(11) == again.words(11))
    #expect(source.words(11) != source.words(12))
    #expect(source.words(11) != RandomSource(seed: 7, purpose: "dropout", step: 4).words(11))
    #expect(source.words(11) != RandomSource(seed: 7, purpose: "shuffle", step: 3).words(11))
    #expect(source.words(11) != RandomSource(seed: 8, purpose: "dropout", step: 3).words(11))
  }

  @Test func `uniform numbers fill the unit interval evenly`() {
    let source = RandomSource(seed: 1, purpose: "test")
    var bins = [Int](repeating: 0, count: 10)
    for index in 0..<100_000 { bins[Int(source.uniform(UInt64(index)) * 10)] += 1 }
    #expect(bins.allSatisfy { abs($0 - 10_000) < 500 })
  }

  @Test func `normal numbers have the distribution's moments`() {
    let source = RandomSource(seed: 1, purpose: "test")
    let numbers = (0..<100_000).map { source.normal($0) }
    func mean(_ power: Int) -> Double {
      numbers.reduce(0) { sum, number in
        sum + (0..<power).reduce(1) { product, _ in product * number }
      } / 100_000
    }
    #expect(abs(mean(1)) < 0.01)
    #expect(abs(mean(2) - 1) < 0.02)
    #expect(abs(mean(3)) < 0.05)
    #expect(abs(mean(4) - 3) < 0.1)
  }
}
