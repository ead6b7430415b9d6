/// A value for each code point, read from a table's text: runs of equal values over all of them.
struct RunTable: Sendable {
  /// Where each run begins; the first at 0.
  let starts: [UInt32]
  let values: [UInt8]

  /// Reads runs, each a value (one character) and a length (base 32, lowest digit first, 32 added
  /// to every digit but the last).
  init(_ text: StaticString) {
    var starts: [UInt32] = []
    var values: [UInt8] = []
    starts.reserveCapacity(text.utf8CodeUnitCount / 2)
    values.reserveCapacity(text.utf8CodeUnitCount / 2)
    var position: UInt32 = 0
    var length: UInt32 = 0
    var shift: UInt32 = 0
    var value: UInt8?
    text.withUTF8Buffer { buffer in
      for character in buffer {
        let digit = Self.digit(character)
        guard let current = value else {
          value = digit
          continue
        }
        length |= UInt32(digit & 31) << shift
        shift += 5
        guard digit < 32 else { continue }
        starts.append(position)
        values.append(current)
        position += length
        (length, shift, value) = (0, 0, nil)
      }
    }
    self.starts = starts
    self.values = values
  }

  func value(of point: UInt32) -> UInt8 {
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= point { low = middle } else { high = middle }
    }
    return values[low]
  }

  /// The code points whose value satisfies the condition.
  func points(where isMember: (UInt8) -> Bool) -> CodePointSet {
    var ranges: [ClosedRange<UInt32>] = []
    for (index, value) in values.enumerated() where isMember(value) {
      let end = index + 1 < starts.count ? starts[index + 1] : 0x110000
      if let last = ranges.last, last.upperBound + 1 == starts[index] {
        ranges[ranges.count - 1] = last.lowerBound...end - 1
      } else {
        ranges.append(starts[index]...end - 1)
      }
    }
    return CodePointSet(ranges)
  }

  static func digit(_ character: UInt8) -> UInt8 {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    default: 63
    }
  }
}
