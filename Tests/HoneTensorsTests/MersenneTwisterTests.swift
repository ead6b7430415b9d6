import HoneTensors
import Testing

@Suite struct MersenneTwisterTests {
  @Test func `the ten thousandth word is that of the C++ standard`() {
    var source = MersenneTwister(seed: 5489)
    for _ in 1..<10_000 { _ = source.next() }
    #expect(source.next() == 4_123_659_995)
  }

  @Test func `seeds count by their lower half, and numbers lie within the bound`() {
    var (source, other) = (MersenneTwister(seed: 7), MersenneTwister(seed: 7 + 1 << 32))
    for _ in 0..<1000 {
      let number = source.uniform(upTo: 0.25)
      #expect(number == other.uniform(upTo: 0.25) && number >= -0.25 && number < 0.25)
    }
  }
}
