/// Reads the records of a JSON Lines file one after the other, without holding more than one.
///
/// Empty lines are passed over. Pages that have been read are given back, so the memory in use does
/// not grow with the file.
public struct JSONLines {
  /// One record, with where it stands.
  public struct Record: Equatable, Sendable {
    /// The line's number, counted from 1.
    public var line: Int
    /// The line's bytes in the file, without its end.
    public var range: Range<Int>
    public var value: JSONValue
  }

  private static let discardInterval = 8 << 20

  private let file: MappedFile
  private var position: Int
  private var line = 0
  private var discarded = 0

  public init(path: String) throws {
    self.init(try MappedFile(path: path))
  }

  package init(_ file: MappedFile) {
    self.file = file
    // Some editors begin a UTF-8 file with a byte order mark.
    position = file.bytes.prefix(3).elementsEqual([0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// The next record; nil at the end.
  ///
  /// - Throws: ``FormatError`` with the line. Calling again goes on with the line after it.
  public mutating func next() throws -> Record? {
    while position < file.bytes.count {
      let range = nextLine()
      let isBlank = file.bytes[range].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      guard !isBlank else { continue }
      let value = try JSONParser.parse(file.slice(range), file: file.path, firstLine: line)
      return Record(line: line, range: range, value: value)
    }
    return nil
  }

  private mutating func nextLine() -> Range<Int> {
    if position - discarded >= Self.discardInterval {
      file.discard(discarded..<position)
      discarded = position
    }
    let start = position
    let newline = file.bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
    let end = newline ?? file.bytes.count
    position = newline.map { $0 + 1 } ?? end
    line += 1
    return start..<end
  }
}
