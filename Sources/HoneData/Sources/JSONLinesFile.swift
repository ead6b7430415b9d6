import Foundation
import HoneFormats

/// A JSON Lines file: only where its records begin is held in memory.
struct JSONLinesFile: RecordSource {
  private let file: RandomAccessFile
  /// Where each record begins, a line that is not blank; and the file's end.
  private var starts: [Int] = []
  /// The records' lines; empty as long as no line is blank, when a record's line is its number.
  private var lines: [Int32] = []

  var path: String { file.path }
  var count: Int { starts.count - 1 }

  init(path: String) throws {
    file = try RandomAccessFile(path: path)
    try index()
    guard count > 0 else {
      throw DataError(
        path, problem: "is empty", advice: "expected one JSON object a line")
    }
  }

  private mutating func index() throws {
    var starts: [Int] = []
    var lines: [Int32] = []
    var line: Int32 = 1
    // Whether the line that is being read has shown anything but white space.
    var isBlank = true
    try file.forEachPiece { bytes, offset in
      guard let base = bytes.baseAddress else { return }
      var position = 0
      // Some editors begin a UTF-8 file with a byte order mark.
      if offset == 0, bytes.prefix(3).elementsEqual([0xEF, 0xBB, 0xBF]) { position = 3 }
      while position < bytes.count {
        if isBlank {
          while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
          guard position < bytes.count else { return }
          if bytes[position] != 0x0A {
            if lines.isEmpty, Int(line) != starts.count + 1 {
              lines = (0..<Int32(starts.count)).map { $0 + 1 }
            }
            if !lines.isEmpty || Int(line) != starts.count + 1 { lines.append(line) }
            starts.append(offset + position)
            isBlank = false
          }
        }
        guard let end = memchr(base + position, 0x0A, bytes.count - position) else { return }
        position = UnsafeRawPointer(end) - base + 1
        isBlank = true
        line += 1
      }
    }
    starts.append(file.count)
    self.starts = starts
    self.lines = lines
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D
  }

  func record(_ index: Int) throws -> JSONObject {
    var bytes = try file.bytes(starts[index]..<starts[index + 1])
    // Blank lines between this record and the next are not part of it.
    if let end = bytes.firstIndex(of: 0x0A) { bytes.removeSubrange(end...) }
    let value = try bytes.withUnsafeBytes {
      try JSONParser.parse($0, file: path, firstLine: line(index))
    }
    guard let object = value.object else {
      throw FormatError(
        file: path, place: place(index), problem: "is not a JSON object",
        advice: "expected one {...} a line")
    }
    return object
  }

  private func line(_ index: Int) -> Int { lines.isEmpty ? index + 1 : Int(lines[index]) }

  func place(_ index: Int) -> String { "line \(line(index))" }
}
