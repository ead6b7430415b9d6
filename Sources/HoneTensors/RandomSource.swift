#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Random numbers by counter (Philox 4x32-10): the draw for a key and an index never depends on what
/// else was drawn, so neither threads nor resumption change it.
///
/// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
public struct RandomSource: Sendable {
  private let key: (UInt32, UInt32)
  private let stream: UInt64

  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - purpose: what the numbers are for; different purposes are independent.
  ///   - step: which step, sample or sequence they belong to.
  public init(seed: UInt64, purpose: String, step: UInt64 = 0) {
    // FNV-1a of the purpose, mixed into the seed.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let mixed = seed ^ hash
    key = (UInt32(truncatingIfNeeded: mixed), UInt32(truncatingIfNeeded: mixed >> 32))
    stream = step
  }

  /// The four words of draw number `index`.
  public func words(_ index: UInt64) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1) = (UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32))
    var (c2, c3) = (UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    var (k0, k1) = key
    for _ in 0..<10 {
      let low = UInt64(c0) * 0xD251_1F53
      let high = UInt64(c2) * 0xCD9E_8D57
      (c0, c1, c2, c3) = (
        UInt32(truncatingIfNeeded: high >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: high),
        UInt32(truncatingIfNeeded: low >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: low)
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }

  /// A number in [0, 1), with 53 random bits.
  public func uniform(_ index: UInt64) -> Double {
    let (a, b, _, _) = words(index)
    return Double((UInt64(a) << 32 | UInt64(b)) >> 11) * 0x1p-53
  }

  /// A number of the normal distribution with mean 0 and deviation 1 (Box and Muller 1958).
  public func normal(_ index: UInt64) -> Double {
    let (a, b, c, d) = words(index)
    // In (0, 1], so that the logarithm is finite.
    let radius = (-2 * log((Double((UInt64(a) << 32 | UInt64(b)) >> 11) + 1) * 0x1p-53))
      .squareRoot()
    return radius * cos(2 * .pi * Double((UInt64(c) << 32 | UInt64(d)) >> 11) * 0x1p-53)
  }
}
