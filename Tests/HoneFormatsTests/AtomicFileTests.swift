import Foundation
import Testing

@testable import HoneFormats

@Suite struct AtomicFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func content(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: folder.url.appending(path: name)), as: UTF8.self)
  }

  @Test func `a committed file replaces the old one and leaves nothing else`() throws {
    try folder.write(Array("old".utf8), to: "a.txt")
    let file = try AtomicFile(path: folder.path("a.txt"))
    try file.write(Array("new ".utf8))
    try file.write(Array("text".utf8))
    #expect(try content("a.txt") == "old")
    #expect(try folder.names == [".a.txt.partial", "a.txt"])
    try file.commit()
    #expect(try content("a.txt") == "new text")
    #expect(try folder.names == ["a.txt"])
  }

  @Test func `without a commit the old file stays and nothing is left`() throws {
    try folder.write(Array("old".utf8), to: "a.txt")
    do {
      let file = try AtomicFile(path: folder.path("a.txt"))
      try file.write(Array("half".utf8))
    }
    #expect(try content("a.txt") == "old")
    #expect(try folder.names == ["a.txt"])
  }

  @Test func `the partial file of a killed process is taken over`() throws {
    try folder.write(Array("a very long remainder".utf8), to: ".a.txt.partial")
    try AtomicFile.write(Array("new".utf8), to: folder.path("a.txt"))
    #expect(try content("a.txt") == "new")
    #expect(try folder.names == ["a.txt"])
  }

  @Test func `two writers of one file are kept apart`() throws {
    let path = folder.path("a.txt")
    let first = try AtomicFile(path: path)
    #expect(
      fault { try AtomicFile(path: path) }
        == "\(path): is being written by another process; wait for it, or write somewhere else")
    try first.commit()
    #expect(try folder.names == ["a.txt"])
  }

  @Test func `a full disk is an error before the first byte`() throws {
    let path = folder.path("a.txt")
    let text = try #require(fault { try AtomicFile(path: path, expectedSize: Int.max) })
    #expect(text.hasPrefix("\(path): needs \(Int.max) bytes, but the disk has only "))
    #expect(text.hasSuffix(" left; make room or write somewhere else"))
    #expect(try folder.names == [])
  }

  @Test func `a folder that is missing or a file is an error`() throws {
    let path = folder.path("no/a.txt")
    #expect(
      fault { try AtomicFile(path: path) }
        == "\(path): cannot be written: No such file or directory")
    #expect(fault { try AtomicFile(path: "x/") } == "x/: is not the name of a file")
    try folder.write([], to: "file")
    let inside = folder.path("file/a.txt")
    #expect(
      fault { try AtomicFile(path: inside) } == "\(inside): cannot be written: Not a directory")
  }

  @Test func `a target that is a folder is an error and nothing is left`() throws {
    let path = folder.path("sub")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    #expect(
      fault { try AtomicFile.write([1], to: path) }
        == "\(path): cannot be put in place: Is a directory")
    #expect(try folder.names == ["sub"])
  }
}
