/// A set of texts, built of smaller ones: what a regular expression or a schema allows.
package indirect enum Grammar: Sendable {
  /// One text.
  case text([UInt8])
  /// One character of a set of code points.
  case character([ClosedRange<UInt32>])
  /// One after the other.
  case sequence([Grammar])
  /// One of several.
  case choice([Grammar])
  /// So many times; without an upper bound as often as one likes.
  case repeated(Grammar, Int, Int?)

  static let empty = Grammar.sequence([])

  static func text(_ text: String) -> Grammar { .text(Array(text.utf8)) }

  static func optional(_ grammar: Grammar) -> Grammar { .repeated(grammar, 0, 1) }
}

/// Sets of code points as ranges.
enum CodePoints {
  /// All that are characters.
  static let all: [ClosedRange<UInt32>] = [0...0xD7FF, 0xE000...0x10FFFF]

  /// Ranges in order, without those that touch.
  static func joined(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = result.last, range.lowerBound <= last.upperBound &+ 1 {
        result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
    return result
  }

  /// What of a set is in another one.
  static func intersection(
    _ left: [ClosedRange<UInt32>], _ right: [ClosedRange<UInt32>]
  ) -> [ClosedRange<UInt32>] {
    left.flatMap { a in
      right.compactMap { b in
        let (low, high) = (max(a.lowerBound, b.lowerBound), min(a.upperBound, b.upperBound))
        return low <= high ? low...high : nil
      }
    }
  }

  /// All characters but those of a set.
  static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in joined(ranges) {
      if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
      next = range.upperBound + 1
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return intersection(result, all)
  }

  /// The bytes of the characters of a range: sequences of byte ranges, of equal length within each.
  static func byteSequences(_ range: ClosedRange<UInt32>) -> [[ClosedRange<UInt8>]] {
    var result: [[ClosedRange<UInt8>]] = []
    for (low, high) in [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, 0x10FFFF)]
      as [(
        UInt32, UInt32
      )]
    {
      let (low, high) = (max(low, range.lowerBound), min(high, range.upperBound))
      if low <= high { result += split(low, high) }
    }
    return result
  }

  /// Cuts a range of characters of one length until all bytes but the first differing one are full.
  private static func split(_ low: UInt32, _ high: UInt32) -> [[ClosedRange<UInt8>]] {
    let (first, last) = (bytes(low), bytes(high))
    for position in stride(from: first.count - 1, to: 0, by: -1) {
      let mask: UInt32 = (1 << (6 * UInt32(first.count - position))) - 1
      guard low & ~mask != high & ~mask else { continue }
      if low & mask != 0 { return split(low, low | mask) + split((low | mask) + 1, high) }
      if high & mask != mask { return split(low, (high & ~mask) - 1) + split(high & ~mask, high) }
    }
    return [zip(first, last).map { $0...$1 }]
  }

  private static func bytes(_ code: UInt32) -> [UInt8] {
    switch code {
    case ..<0x80: return [UInt8(code)]
    case ..<0x800: return [UInt8(0xC0 | code >> 6), UInt8(0x80 | code & 63)]
    case ..<0x10000:
      return [UInt8(0xE0 | code >> 12), UInt8(0x80 | code >> 6 & 63), UInt8(0x80 | code & 63)]
    default:
      return [
        UInt8(0xF0 | code >> 18), UInt8(0x80 | code >> 12 & 63), UInt8(0x80 | code >> 6 & 63),
        UInt8(0x80 | code & 63),
      ]
    }
  }
}
