/// The generator that torch draws from on a CPU (MT19937), for random matrices that peers draw again
/// from their seed and never store.
///
/// Matsumoto & Nishimura, "Mersenne Twister", 1998. For everything that Hone itself draws there is
/// ``RandomSource``.
package struct MersenneTwister {
  private var state: [UInt32]
  private var index = 624

  /// - Parameter seed: of which torch uses the lower 32 bits.
  package init(seed: Int) {
    state = [UInt32(truncatingIfNeeded: seed)]
    state.reserveCapacity(624)
    for place in 1..<624 {
      let last = state[place - 1]
      state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(place))
    }
  }

  package mutating func next() -> UInt32 {
    if index == 624 { renew() }
    var word = state[index]
    index += 1
    word ^= word >> 11
    word ^= word << 7 & 0x9d2c_5680
    word ^= word << 15 & 0xefc6_0000
    return word ^ word >> 18
  }

  private mutating func renew() {
    for place in 0..<624 {
      let word = state[place] & 0x8000_0000 | state[(place + 1) % 624] & 0x7fff_ffff
      state[place] = state[(place + 397) % 624] ^ word >> 1 ^ (word & 1 == 0 ? 0 : 0x9908_b0df)
    }
    index = 0
  }

  /// A number in [-bound, bound) as torch's `uniform_` draws it for f32: 24 random bits, scaled in
  /// double.
  package mutating func uniform(upTo bound: Float) -> Float {
    Float(Double(next() & 0xff_ffff) * 0x1p-24 * Double(bound + bound) - Double(bound))
  }
}
