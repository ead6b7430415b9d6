import Foundation

/// Rotary position embedding: how fast each pair of a head's numbers turns.
///
/// Su et al., "RoFormer", 2021; scaling as in transformers' `modeling_rope_utils.py`.
public struct RotarySpec: Sendable, Equatable {
  public var base: Float
  /// How many of a head's numbers turn; the rest stay.
  public var dimension: Int
  public var scaling: Scaling

  public enum Scaling: Sendable, Equatable {
    case none
    /// Positions divided by a factor.
    case linear(factor: Float)
    /// Llama 3.1: slow pairs divided by the factor, fast ones kept, those between blended.
    case llama3(
      factor: Float, lowFrequencyFactor: Float, highFrequencyFactor: Float, originalContext: Int)
    /// Each pair's frequency divided by its own number, as GGUF's `rope_freqs.weight` has them.
    case factors([Float])
    /// YaRN: slow pairs divided by the factor, fast ones kept, those between blended by their place.
    case yarn(YaRN)
  }

  /// Peng et al. 2023, https://arxiv.org/abs/2309.00071
  public struct YaRN: Sendable, Equatable {
    public var factor: Float
    public var originalContext: Int
    /// Turns within the original context above which a pair is kept, and below which it is slowed.
    public var fast: Float = 32
    public var slow: Float = 1
    /// What cosines and sines are multiplied by; nil for 0.1 ln(factor) + 1.
    public var magnitude: Float?
    /// Whether the first and the last blended pair are whole numbers.
    public var rounds = true

    /// `0.1 growth ln(factor) + 1`.
    static func magnitude(factor: Float, growth: Float = 1) -> Float {
      factor <= 1 ? 1 : 0.1 * growth * log(factor) + 1
    }
  }

  public init(base: Float, dimension: Int, scaling: Scaling = .none) {
    self.base = base
    self.dimension = dimension
    self.scaling = scaling
  }

  /// Radians a position, for each pair; computed in f32 step by step as transformers does.
  var frequencies: [Float] {
    let plain = (0..<dimension / 2).map { pair in
      1 / pow(base, Float(2 * pair) / Float(dimension))
    }
    switch scaling {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .factors(let factors): return zip(plain, factors).map { $0 / $1 }
    case .yarn(let yarn):
      /// The pair that turns so often within the original context.
      func place(_ turns: Float) -> Float {
        Float(dimension) * log(Float(yarn.originalContext) / (turns * 2 * Float.pi))
          / (2 * log(base))
      }
      var (low, high) = (place(yarn.fast), place(yarn.slow))
      if yarn.rounds { (low, high) = (low.rounded(.down), high.rounded(.up)) }
      (low, high) = (max(low, 0), min(high, Float(dimension - 1)))
      if low == high { high += 0.001 }
      return plain.enumerated().map { pair, frequency in
        let slowed = min(max((Float(pair) - low) / (high - low), 0), 1)
        return frequency / yarn.factor * slowed + frequency * (1 - slowed)
      }
    case .llama3(let factor, let low, let high, let context):
      let longest = Float(context) / low
      let shortest = Float(context) / high
      return plain.map { frequency in
        let wavelength = 2 * Float.pi / frequency
        if wavelength < shortest { return frequency }
        if wavelength > longest { return frequency / factor }
        let smooth = (Float(context) / wavelength - low) / (high - low)
        return (1 - smooth) * frequency / factor + smooth * frequency
      }
    }
  }
}

extension RotarySpec {
  /// What cosines and sines are multiplied by.
  var magnitude: Float {
    guard case .yarn(let yarn) = scaling else { return 1 }
    return yarn.magnitude ?? YaRN.magnitude(factor: yarn.factor)
  }
}

/// Cosines and sines of positions 0, 1, 2, ... for each pair, grown as positions are needed.
package final class RotaryTable {
  private let frequencies: [Float]
  private let magnitude: Float
  /// `[positions x pairs]`.
  package private(set) var cosines: [Float] = []
  package private(set) var sines: [Float] = []
  package private(set) var positionCount = 0

  package init(_ spec: RotarySpec) {
    frequencies = spec.frequencies
    magnitude = spec.magnitude
  }

  package var pairCount: Int { frequencies.count }

  /// Makes the table hold positions `0 ..< count`.
  package func grow(to count: Int) {
    guard count > positionCount else { return }
    let target = max(count, positionCount * 2, 256)
    cosines.reserveCapacity(target * pairCount)
    sines.reserveCapacity(target * pairCount)
    for position in positionCount..<target {
      for frequency in frequencies {
        let angle = Float(position) * frequency
        cosines.append(cos(angle) * magnitude)
        sines.append(sin(angle) * magnitude)
      }
    }
    positionCount = target
  }
}
