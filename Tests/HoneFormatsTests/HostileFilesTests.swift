import Foundation
import Testing

@testable import HoneFormats

/// Bytes that once did, or might, bring a parser down: each must be read or answered with an error.
@Suite struct HostileFilesTests {
  private static let formats = ["gguf", "safetensors", "json"]

  /// What the fuzzer found worth keeping, and what it starts from.
  private static func files(of format: String) throws -> [URL] {
    let folders = [
      SharedFiles.fixtures.appending(path: "hostile/\(format)"),
      SharedFiles.packageRoot.appending(path: "Fuzz/Seeds/\(format)"),
    ]
    return try folders.flatMap {
      try FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil)
    }.sorted { $0.path < $1.path }
  }

  /// Reads bytes; errors other than ``FormatError`` are passed on.
  private func read(_ bytes: [UInt8], as format: String) throws {
    let file = MappedFile(copying: bytes, named: "hostile.\(format)")
    do {
      switch format {
      case "gguf":
        let gguf = try GGUFFile(file) { throw FormatError(file: $0, problem: "is not there") }
        for (_, value) in gguf.metadata {
          guard let array = value.array, array.elementType != .array else { continue }
          for index in 0..<array.count { _ = try? array.value(at: index) }
        }
        for tensor in gguf.tensors { #expect(tensor.bytes.count >= 0) }
      case "safetensors":
        for tensor in try SafetensorsFile(file).tensors { #expect(tensor.bytes.count >= 0) }
      default:
        let value = try JSONParser.parse(contentsOf: file)
        #expect(try JSONParser.parse(value.text()) == value)
      }
    } catch let error as FormatError {
      #expect(!error.description.contains("\0"))
    }
  }

  @Test(arguments: formats) func `kept files are read or refused`(format: String) throws {
    let files = try Self.files(of: format)
    #expect(files.count > 3)
    for file in files { try read(Array(try Data(contentsOf: file)), as: format) }
  }

  @Test(arguments: formats) func `every changed byte is read or refused`(format: String) throws {
    for file in try Self.files(of: format) {
      let bytes = Array(try Data(contentsOf: file))
      for position in bytes.indices {
        for change: UInt8 in [0x01, 0x20, 0x80, 0xFF] {
          var changed = bytes
          changed[position] ^= change
          try read(changed, as: format)
        }
      }
    }
  }

  @Test(arguments: formats) func `every truncation is read or refused`(format: String) throws {
    for file in try Self.files(of: format) {
      let bytes = Array(try Data(contentsOf: file))
      for count in bytes.indices { try read(Array(bytes.prefix(count)), as: format) }
    }
  }
}
