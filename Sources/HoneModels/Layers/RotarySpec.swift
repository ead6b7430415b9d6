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

/// Cosines and sines of positions 0, 1, 2, ... for each pair, grown as positions are needed.
package final class RotaryTable {
  private let frequencies: [Float]
  /// `[positions x pairs]`.
  package private(set) var cosines: [Float] = []
  package private(set) var sines: [Float] = []
  package private(set) var positionCount = 0

  package init(_ spec: RotarySpec) { frequencies = spec.frequencies }

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
        cosines.append(cos(angle))
        sines.append(sin(angle))
      }
    }
    positionCount = target
  }
}
