/// What single code points become, read from a table's text.
struct MappingTable: Sendable {
  private let points: [UInt32]
  /// Where each result begins in `results`, and where the last ends.
  private let offsets: [Int]
  private let results: [UInt32]

  /// Reads entries, each the distance from the last code point, the result's length and its code
  /// points, all in base 32 with the lowest digit first and 32 added to every digit but the last.
  init(_ text: StaticString) {
    var points: [UInt32] = []
    var offsets = [0]
    var results: [UInt32] = []
    text.withUTF8Buffer { buffer in
      var index = 0
      func number() -> UInt32 {
        var value: UInt32 = 0
        var shift: UInt32 = 0
        while true {
          let digit = UInt32(RunTable.digit(buffer[index]))
          index += 1
          value |= (digit & 31) << shift
          shift += 5
          if digit < 32 { return value }
        }
      }
      var last: UInt32 = 0
      while index < buffer.count {
        last += number()
        points.append(last)
        for _ in 0..<number() { results.append(number()) }
        offsets.append(results.count)
      }
    }
    self.points = points
    self.offsets = offsets
    self.results = results
  }

  subscript(point: UInt32) -> ArraySlice<UInt32>? {
    var low = 0
    var high = points.count
    while low < high {
      let middle = (low + high) / 2
      if points[middle] < point { low = middle + 1 } else { high = middle }
    }
    guard low < points.count, points[low] == point else { return nil }
    return results[offsets[low]..<offsets[low + 1]]
  }

  /// All entries.
  var all: [(point: UInt32, result: ArraySlice<UInt32>)] {
    points.indices.map { (points[$0], results[offsets[$0]..<offsets[$0 + 1]]) }
  }
}
