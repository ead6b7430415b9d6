import Foundation
import HoneFormats

/// Where records come from: a file's objects, rows or texts, any of them at any time.
package protocol RecordSource: Sendable {
  var path: String { get }
  var count: Int { get }

  /// A record.
  ///
  /// - Throws: ``HoneFormats/FormatError`` with the line.
  func record(_ index: Int) throws -> JSONObject

  /// Where a record stands, for errors: `line 7`.
  func place(_ index: Int) -> String
}

package enum RecordSources {
  /// Opens a file or a folder of text files.
  ///
  /// - Throws: ``DataError`` or ``HoneFormats/FormatError`` when it cannot be read as any format.
  package static func open(_ path: String) throws -> any RecordSource {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DataError(path, problem: "does not exist")
    }
    if isFolder.boolValue { return try TextFiles(folder: path) }
    switch path.split(separator: ".").last.map({ $0.lowercased() }) {
    case "jsonl", "ndjson": return try JSONLinesFile(path: path)
    case "json": return try JSONArrayFile(path: path)
    case "csv": return try CSVFile(path: path)
    case "txt", "md", "text": return try TextFiles(files: [path], subject: path)
    default:
      throw DataError(
        path, problem: "is of no known kind",
        advice: "Hone reads .jsonl, .json, .csv, .txt and .md files, and folders of them")
    }
  }
}

/// A JSON Lines file: only where its lines begin is held in memory.
struct JSONLinesFile: RecordSource {
  private let file: MappedFile
  /// The bytes of each record that is not blank.
  private let starts: [Int]
  private let lines: [Int32]

  var path: String { file.path }
  var count: Int { starts.count }

  init(path: String) throws {
    let file = try MappedFile(path: path)
    var starts: [Int] = []
    var lines: [Int32] = []
    let bytes = file.bytes
    var position = bytes.prefix(3).elementsEqual([0xEF, 0xBB, 0xBF]) ? 3 : 0
    var line: Int32 = 0
    while position < bytes.count {
      line += 1
      let end = Self.lineEnd(bytes, from: position)
      if !bytes[position..<end].allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
        starts.append(position)
        lines.append(line)
      }
      position = end + 1
    }
    guard !starts.isEmpty else {
      throw DataError(
        path, problem: "is empty", advice: "expected one JSON object a line")
    }
    self.file = file
    self.starts = starts
    self.lines = lines
  }

  private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    guard let base = bytes.baseAddress,
      let found = memchr(base + start, 0x0A, bytes.count - start)
    else { return bytes.count }
    return UnsafeRawPointer(found) - base
  }

  func record(_ index: Int) throws -> JSONObject {
    let end = Self.lineEnd(file.bytes, from: starts[index])
    let value = try JSONParser.parse(
      UnsafeRawBufferPointer(rebasing: file.bytes[starts[index]..<end]), file: path,
      firstLine: Int(lines[index]))
    guard let object = value.object else {
      throw FormatError(file: path, place: place(index), problem: "is not a JSON object")
    }
    return object
  }

  func place(_ index: Int) -> String { "line \(lines[index])" }
}

/// A JSON file that holds a list of objects.
struct JSONArrayFile: RecordSource {
  let path: String
  private let objects: [JSONObject]
  var count: Int { objects.count }

  init(path: String) throws {
    self.path = path
    let file = try MappedFile(path: path)
    let value = try JSONParser.parse(contentsOf: file)
    guard let list = value.array, !list.isEmpty else {
      throw DataError(path, problem: "is not a list of objects", advice: "or name it .jsonl")
    }
    objects = try list.enumerated().map { index, value in
      guard let object = value.object else {
        throw DataError(path, problem: "element \(index + 1) is not an object")
      }
      return object
    }
  }

  func record(_ index: Int) -> JSONObject { objects[index] }
  func place(_ index: Int) -> String { "element \(index + 1)" }
}

/// Text files, one record a file, under the key `text`.
struct TextFiles: RecordSource {
  let path: String
  private let files: [String]
  var count: Int { files.count }

  init(files: [String], subject: String) throws {
    path = subject
    self.files = files
  }

  init(folder: String) throws {
    let names =
      FileManager.default.enumerator(atPath: folder)?
      .compactMap { $0 as? String } ?? []
    let texts = names.filter { name in
      [".txt", ".md", ".text"].contains { name.lowercased().hasSuffix($0) }
    }.sorted()
    guard !texts.isEmpty else {
      throw DataError(
        folder, problem: "holds no .txt or .md file",
        advice: "give a file, or a folder with train.jsonl")
    }
    try self.init(files: texts.map { "\(folder)/\($0)" }, subject: folder)
  }

  func record(_ index: Int) throws -> JSONObject {
    let file = try MappedFile(path: files[index])
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      throw FormatError(
        file: files[index], problem: "is not UTF-8", advice: "convert it to UTF-8")
    }
    return JSONObject([("text", .string(text))])
  }

  func place(_ index: Int) -> String { files[index] }
}
