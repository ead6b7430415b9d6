import HoneFormats

/// A JSON file that holds a list of objects: only where they stand is held in memory.
struct JSONArrayFile: RecordSource {
  private let file: RandomAccessFile
  private let ranges: [Range<Int>]
  private let lines: [Int32]

  var path: String { file.path }
  var count: Int { ranges.count }

  init(path: String) throws {
    file = try RandomAccessFile(path: path)
    var scanner = Scanner(file: path)
    try file.forEachPiece { bytes, offset in
      for (index, byte) in bytes.enumerated() { try scanner.take(byte, at: offset + index) }
    }
    (ranges, lines) = try scanner.finished()
  }

  func record(_ index: Int) throws -> JSONObject {
    let value = try file.bytes(ranges[index]).withUnsafeBytes {
      try JSONParser.parse($0, file: path, firstLine: Int(lines[index]))
    }
    guard let object = value.object else {
      throw FormatError(
        file: path, place: place(index), problem: "element \(index + 1) is not an object")
    }
    return object
  }

  func place(_ index: Int) -> String { "line \(lines[index]), element \(index + 1)" }

  /// Finds where a list's elements begin and end; what is in them, the parser judges later.
  private struct Scanner {
    let file: String
    private var ranges: [Range<Int>] = []
    private var lines: [Int32] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var isFinished = false
    /// Where the current element began, and behind its last byte that is no white space.
    private var start: Int?
    private var end = 0
    private var line: Int32 = 1

    init(file: String) { self.file = file }

    mutating func take(_ byte: UInt8, at position: Int) throws {
      if byte == 0x0A { line += 1 }
      if position < 3, [0xEF, 0xBB, 0xBF][position] == byte { return }
      if isInString {
        end = position + 1
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        return
      }
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: return
      case _ where isFinished: throw fault("has text behind the list")
      case UInt8(ascii: "[") where depth == 0: depth = 1
      case _ where depth == 0:
        throw FormatError(
          file: file, place: "line \(line)", problem: "is not a list of objects",
          advice: "expected [{...}, {...}]; a file of one object a line is named .jsonl")
      case UInt8(ascii: ",") where depth == 1: try endElement(isLast: false)
      case UInt8(ascii: "]") where depth == 1:
        try endElement(isLast: true)
        isFinished = true
      default:
        if start == nil {
          start = position
          lines.append(line)
        }
        end = position + 1
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
        default: break
        }
        if depth < 1 { throw fault("closes what was never opened") }
      }
    }

    private mutating func endElement(isLast: Bool) throws {
      guard let start else {
        if isLast, ranges.isEmpty { return }
        throw fault("has a comma with nothing between it and the next element")
      }
      ranges.append(start..<end)
      self.start = nil
    }

    private func fault(_ problem: String) -> FormatError {
      FormatError(file: file, place: "line \(line)", problem: problem)
    }

    func finished() throws -> ([Range<Int>], [Int32]) {
      guard isFinished else {
        throw fault(depth == 0 ? "is empty" : "ends before its list does")
      }
      guard !ranges.isEmpty else {
        throw DataError(file, problem: "is a list without elements")
      }
      return (ranges, lines)
    }
  }
}
