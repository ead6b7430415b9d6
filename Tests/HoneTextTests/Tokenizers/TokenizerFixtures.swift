import Foundation
import HoneFormats

@testable import HoneText

/// Strings and the ids that transformers gives them, and where models and shared files are.
enum TokenizerFixtures {
  static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static let folder = packageRoot.appending(path: "Tests/HoneTextTests/Fixtures")

  /// The folder with shared reference material; nil, said aloud, when this machine has none.
  static let shared: URL? = {
    let folder =
      ProcessInfo.processInfo.environment["HONE_SHARED"].map { URL(filePath: $0) }
      ?? packageRoot.deletingLastPathComponent().appending(path: "shared")
    if FileManager.default.fileExists(atPath: folder.path) { return folder }
    print("SKIPPED: tests of shared files, because \(folder.path) is absent (set HONE_SHARED)")
    return nil
  }()

  /// A real model's file below the cache of fetched models; nil, said aloud, when it is not there.
  static func model(_ name: String) -> URL? {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["HOME"] ?? "/"
    let cache =
      environment["HONE_CACHE"]
      ?? "\(environment["XDG_CACHE_HOME"] ?? "\(home)/.cache")/hone"
    let files = FileManager.default.enumerator(
      at: URL(filePath: cache), includingPropertiesForKeys: nil)
    for case let file as URL in files ?? .init() where file.lastPathComponent == name {
      return file
    }
    print("SKIPPED: tests of \(name), because \(cache) does not hold it (see hone pull)")
    return nil
  }

  static let smollm2 = model("SmolLM2-135M-Instruct.Q4_1.gguf")

  /// The 12,000 strings.
  static let strings: [[UInt8]] = {
    var reader = ByteReader(folder.appending(path: "strings.bin"))
    return (0..<reader.uint32()).map { _ in reader.bytes(reader.uint16()) }
  }()

  /// The strings' ids, in the strings' order.
  static func ids(_ name: String) -> [[Int32]] {
    var reader = ByteReader(folder.appending(path: name))
    return (0..<reader.uint32()).map { _ in
      (0..<reader.uint16()).map { _ in Int32(reader.uint16()) }
    }
  }

  /// The strings of which a tokenizer makes other ids than those expected, as lines to show.
  static func differences(
    _ tokenizer: Tokenizer, _ strings: [[UInt8]], _ expected: [[Int32]],
    addingSpecialTokens: Bool = true
  ) -> [String] {
    var lines: [String] = []
    for (string, ids) in zip(strings, expected) {
      let found = tokenizer.encode(string, addingSpecialTokens: addingSpecialTokens)
      if found != ids {
        let text = String(decoding: string, as: UTF8.self).debugDescription
        func tokens(_ ids: [Int32]) -> String {
          ids.map { tokenizer.token(of: $0) ?? "?" }.joined(separator: "|")
        }
        lines.append("\(text): expected \(ids) \(tokens(ids)), found \(found) \(tokens(found))")
      }
    }
    return lines
  }
}

/// Reads little-endian numbers from a fixture.
struct ByteReader {
  private let data: Data
  private var position = 0

  init(_ url: URL) {
    do { data = try Data(contentsOf: url) } catch { fatalError("fixture \(url.path): \(error)") }
  }

  mutating func uint16() -> Int {
    defer { position += 2 }
    return Int(data[position]) | Int(data[position + 1]) << 8
  }

  mutating func uint32() -> Int {
    let low = uint16()
    return low | uint16() << 16
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    defer { position += count }
    return Array(data[position..<position + count])
  }
}
