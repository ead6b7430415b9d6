import Foundation
import Testing

@testable import HoneFormats

@Suite struct MappedFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `bytes are the file's, and an empty file has none`() throws {
    try folder.write([1, 2, 3], to: "a")
    try folder.write([], to: "empty")
    let file = try MappedFile(path: folder.path("a"))
    #expect(Array(file.bytes) == [1, 2, 3])
    #expect(try MappedFile(path: folder.path("empty")).bytes.isEmpty)
  }

  @Test func `what is no regular file is an error`() throws {
    let missing = folder.path("missing")
    #expect(
      fault { try MappedFile(path: missing) }
        == "\(missing): cannot be opened: No such file or directory")
    #expect(
      fault { try MappedFile(path: folder.url.path) }
        == "\(folder.url.path): is not a regular file")
    let pipe = folder.path("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(fault { try MappedFile(path: pipe) } == "\(pipe): is not a regular file")
  }

  @Test func `a discarded range reads as before`() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try folder.write(bytes, to: "a")
    let file = try MappedFile(path: folder.path("a"))
    file.discard(5..<90_000)
    #expect(Array(file.bytes) == bytes)
    MappedFile(copying: bytes, named: "memory").discard(0..<100_000)
  }
}
