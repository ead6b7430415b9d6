import Foundation
import HoneTensors

/// Chooses tokens for one sequence.
///
/// The draw for a token depends on the seed, the sequence's number and the token's place alone, so a
/// sequence comes out the same whatever runs beside it.
struct Sampler {
  private let options: SamplingOptions
  private let random: RandomSource
  private var seen: Set<Int32> = []
  private var place: UInt64 = 0

  /// - Parameters:
  ///   - sequence: the sequence's number in its run.
  ///   - prompt: tokens that count as seen.
  init(_ options: SamplingOptions, sequence: Int, prompt: [Int32]) {
    self.options = options
    random = RandomSource(seed: options.seed, purpose: "sampling", step: UInt64(sequence))
    if options.repetitionPenalty != 1 { seen = Set(prompt) }
  }

  /// The next token.
  ///
  /// - Parameter logits: `[vocabulary]`; changed on the way.
  /// - Throws: ``GenerationError`` when the logits are not finite numbers.
  mutating func next(_ logits: UnsafeMutableBufferPointer<Float>) throws -> Int32 {
    defer { place += 1 }
    for token in seen {
      let logit = logits[Int(token)]
      logits[Int(token)] =
        logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty
    }
    let likeliest = Self.likeliest(logits)
    guard logits[Int(likeliest)].isFinite else {
      throw GenerationError(
        problem: "the model's logits are not finite numbers",
        advice: "its weights or the adapter's are damaged")
    }
    let token = options.temperature == 0 ? likeliest : drawn(logits, best: logits[Int(likeliest)])
    if options.repetitionPenalty != 1 { seen.insert(token) }
    return token
  }

  /// The first of the largest logits.
  private static func likeliest(_ logits: UnsafeMutableBufferPointer<Float>) -> Int32 {
    var best = 0
    for index in 1..<logits.count where logits[index] > logits[best] { best = index }
    return Int32(best)
  }

  /// A token and its chance over that of the likeliest, which is 1.
  private typealias Candidate = (token: Int32, weight: Float)

  /// The heaviest candidates in order, of equal ones the first, up to the one that is enough; all where none is.
  ///
  /// Few are wanted of a whole vocabulary, so bands of weights are put in order until they have those.
  private static func heaviest(
    of candidates: [Candidate], isEnough: (Candidate) -> Bool
  ) -> [Candidate] {
    var heaviest: [Candidate] = []
    var rest = candidates
    var least: Float = 1
    while !rest.isEmpty {
      least /= 8
      var band = rest.filter { $0.weight >= least }
      rest.removeAll { $0.weight >= least }
      band.sort { ($0.weight, $1.token) > ($1.weight, $0.token) }
      for candidate in band {
        heaviest.append(candidate)
        if isEnough(candidate) { return heaviest }
      }
    }
    return heaviest
  }

  private func drawn(_ logits: UnsafeMutableBufferPointer<Float>, best: Float) -> Int32 {
    // What is 20 below the likeliest at temperature 1 has a chance under 2e-9 a token.
    let floor = best - 20 * max(1, options.temperature)
    var candidates: [Candidate] = []
    for (index, logit) in logits.enumerated() where logit >= floor {
      candidates.append((Int32(index), exp((logit - best) / options.temperature)))
    }
    if options.topK > 0 {
      var count = 0
      candidates = Self.heaviest(of: candidates) { _ in
        count += 1
        return count == options.topK
      }
    }
    if options.topP < 1 {
      let total = candidates.reduce(0) { $0 + Double($1.weight) }
      var sum = 0.0
      candidates = Self.heaviest(of: candidates) { candidate in
        sum += Double(candidate.weight)
        return sum >= Double(options.topP) * total
      }
    }
    if options.minP > 0 {
      // The likeliest has weight 1.
      candidates = candidates.filter { $0.weight >= options.minP }
    }
    let total = candidates.reduce(0) { $0 + Double($1.weight) }
    var left = random.uniform(place) * total
    for candidate in candidates {
      left -= Double(candidate.weight)
      if left < 0 { return candidate.token }
    }
    return candidates[candidates.count - 1].token
  }
}
