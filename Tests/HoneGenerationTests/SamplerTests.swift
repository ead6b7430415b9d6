import Foundation
import Testing

@testable import HoneGeneration

@Suite struct SamplerTests {
  /// 1/8, 1/2, 1/16, 1/4, 1/16: in no order, and with a tie.
  private static let logits: [Float] = [0.125, 0.5, 0.0625, 0.25, 0.0625].map { log($0) }

  private func next(_ sampler: inout Sampler, _ logits: [Float] = Self.logits) throws -> Int32 {
    var logits = logits
    return try logits.withUnsafeMutableBufferPointer { try sampler.next($0) }
  }

  /// How often each token is drawn first, over many sequences.
  private func frequencies(_ options: SamplingOptions, prompt: [Int32] = []) throws -> [Double] {
    var counts = Array(repeating: 0, count: Self.logits.count)
    let draws = 20_000
    for sequence in 0..<draws {
      var sampler = Sampler(options, sequence: sequence, prompt: prompt)
      counts[Int(try next(&sampler))] += 1
    }
    return counts.map { Double($0) / Double(draws) }
  }

  /// Four deviations of a frequency over 20,000 draws are 0.014 at most.
  private func expect(
    _ found: [Double], _ shares: [Double], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let total = shares.reduce(0, +)
    for (frequency, share) in zip(found, shares) {
      #expect(abs(frequency - share / total) < 0.015, sourceLocation: sourceLocation)
      // What is left out never comes.
      if share == 0 { #expect(frequency == 0, sourceLocation: sourceLocation) }
    }
  }

  @Test(arguments: [
    (SamplingOptions(temperature: 1), [2.0, 8, 1, 4, 1]),
    // Temperature raises probabilities to the power 1/T.
    (SamplingOptions(temperature: 0.5), [4, 64, 1, 16, 1]),
    (SamplingOptions(temperature: 2), [2.0, 8, 1, 4, 1].map { $0.squareRoot() }),
    (SamplingOptions(temperature: 1, topK: 1), [0, 8, 0, 0, 0]),
    (SamplingOptions(temperature: 1, topK: 2), [0, 8, 0, 4, 0]),
    // Of two that tie for the last place the first is taken.
    (SamplingOptions(temperature: 1, topK: 4), [2, 8, 1, 4, 0]),
    (SamplingOptions(temperature: 1, topK: 99), [2, 8, 1, 4, 1]),
    // The token that passes the sum is kept.
    (SamplingOptions(temperature: 1, topP: 0.4), [0, 8, 0, 0, 0]),
    (SamplingOptions(temperature: 1, topP: 0.7), [0, 8, 0, 4, 0]),
    (SamplingOptions(temperature: 1, topP: 0.8), [2, 8, 0, 4, 0]),
    // Relative to the likeliest, not to one.
    (SamplingOptions(temperature: 1, minP: 0.3), [0, 8, 0, 4, 0]),
    (SamplingOptions(temperature: 1, minP: 0.2), [2, 8, 0, 4, 0]),
    (SamplingOptions(temperature: 1, minP: 1), [0, 8, 0, 0, 0]),
  ])
  func `each option keeps the tokens and proportions of its definition`(
    options: SamplingOptions, shares: [Double]
  ) throws {
    expect(try frequencies(options), shares)
  }

  @Test func `temperature comes before top-p, and top-k before it too`() throws {
    // At temperature 2 two tokens have 0.59 of the whole, at temperature 1 they have 0.75.
    expect(
      try frequencies(SamplingOptions(temperature: 2, topP: 0.65)),
      [2.0, 8, 0, 4, 0].map { $0.squareRoot() })
    // Of the two that top-k leaves the first has 2/3.
    expect(try frequencies(SamplingOptions(temperature: 1, topK: 2, topP: 0.6)), [0, 8, 0, 0, 0])
  }

  @Test func `min-p looks at probabilities after the temperature`() throws {
    // (1/4) / (1/2) is 0.5, its square 0.25.
    expect(try frequencies(SamplingOptions(temperature: 0.5, minP: 0.3)), [0, 1, 0, 0, 0])
  }

  @Test func `the repetition penalty multiplies negative and divides positive logits`() throws {
    // log(1/2) doubled is log(1/4); a token counts once, however often it was seen.
    let options = SamplingOptions(temperature: 1, repetitionPenalty: 2)
    expect(try frequencies(options, prompt: [1, 1, 1]), [2, 4, 1, 4, 1])
    var greedy = Sampler(
      SamplingOptions(repetitionPenalty: 2), sequence: 0, prompt: [1])
    #expect(try next(&greedy, [2, 3, -1]) == 0)
    // Now 0 was seen too: 1, 1.5.
    #expect(try next(&greedy, [2, 3, -1]) == 1)
    var negative = Sampler(SamplingOptions(repetitionPenalty: 2), sequence: 0, prompt: [0])
    #expect(try next(&negative, [-1, -1.5, -4]) == 1)
    #expect(try next(&negative, [-1, -1.5, -1.9]) == 2)
  }

  @Test func `without temperature the first of the likeliest is taken`() throws {
    var sampler = Sampler(SamplingOptions(topK: 3, topP: 0.1, seed: 5), sequence: 3, prompt: [])
    for _ in 0..<3 { #expect(try next(&sampler, [0, 2, 1, 2]) == 1) }
  }

  @Test func `the seed, the sequence and the place decide a draw, and nothing else`() throws {
    func draws(seed: UInt64, sequence: Int = 0, count: Int = 40) throws -> [Int32] {
      var sampler = Sampler(
        SamplingOptions(temperature: 1, seed: seed), sequence: sequence, prompt: [])
      return try (0..<count).map { _ in try next(&sampler) }
    }
    #expect(try draws(seed: 7) == draws(seed: 7))
    #expect(try draws(seed: 7) != draws(seed: 8))
    #expect(try draws(seed: 7, sequence: 1) != draws(seed: 7))
    // Other logits at earlier places leave later draws as they are.
    var sampler = Sampler(SamplingOptions(temperature: 1, seed: 7), sequence: 0, prompt: [])
    for _ in 0..<20 { _ = try next(&sampler, [5, 4, 3, 2, 1]) }
    let rest = try (0..<20).map { _ in try next(&sampler) }
    #expect(try rest == Array(draws(seed: 7).suffix(20)))
  }

  @Test(arguments: [Float.nan, .infinity]) func `logits that are no numbers are an error`(
    logit: Float
  ) throws {
    for temperature: Float in [0, 1] {
      var sampler = Sampler(SamplingOptions(temperature: temperature), sequence: 0, prompt: [])
      #expect(throws: GenerationError.self) { try next(&sampler, [logit, logit, logit]) }
    }
  }

  @Test(arguments: [
    (SamplingOptions(temperature: -1), "temperature is -1.0, expected 0 or more"),
    (SamplingOptions(temperature: .nan), "temperature is nan, expected 0 or more"),
    (SamplingOptions(topK: -1), "top-k is -1, expected 0 (all) or more"),
    (SamplingOptions(topP: 0), "top-p is 0.0, expected above 0, up to 1"),
    (SamplingOptions(minP: 1.5), "min-p is 1.5, expected 0 to 1"),
    (SamplingOptions(repetitionPenalty: 0), "repetition penalty is 0.0, expected above 0"),
  ])
  func `values that make no sense are named`(options: SamplingOptions, fault: String) {
    #expect(options.faults == [fault])
    #expect(SamplingOptions.greedy.faults == [])
  }
}
