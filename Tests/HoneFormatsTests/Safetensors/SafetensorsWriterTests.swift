import Foundation
import Testing

@testable import HoneFormats

@Suite struct SafetensorsWriterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: ["types.safetensors", "f32.safetensors"])
  func `what the reference wrote is written again byte for byte`(name: String) throws {
    let source = SharedFiles.fixtures.appending(path: "reference/\(name)")
    let file = try SafetensorsFile(path: source.path)
    let entries = file.tensors.map {
      SafetensorsWriter.Entry(name: $0.name, type: $0.type, shape: $0.shape)
    }
    let copy = folder.path("copy.safetensors")
    try SafetensorsWriter.write(to: copy, entries.reversed(), metadata: file.metadata) {
      entry, append in
      let tensor = try #require(file.tensor(named: entry.name))
      // In pieces, as a caller that converts row by row would.
      for byte in tensor.bytes.indices {
        try append(UnsafeRawBufferPointer(rebasing: tensor.bytes[byte...byte]))
      }
    }
    #expect(try Data(contentsOf: source) == Data(contentsOf: URL(filePath: copy)))
    #expect(try folder.names == ["copy.safetensors"])
  }

  @Test func `data begin at a multiple of eight bytes`() throws {
    for length in 1...9 {
      let path = folder.path("a.safetensors")
      let name = String(repeating: "n", count: length)
      try SafetensorsWriter.write(to: path, [.init(name: name, type: .u8, shape: [3])]) {
        _, append in
        try [1, 2, 3].withUnsafeBytes { _ in try [UInt8](1...3).withUnsafeBytes(append) }
      }
      let tensor = try #require(try SafetensorsFile(path: path).tensor(named: name))
      #expect(tensor.range.lowerBound.isMultiple(of: 8))
      #expect(Array(tensor.bytes) == [1, 2, 3])
    }
  }

  @Test func `metadata are sorted and an empty file is well-formed`() throws {
    let path = folder.path("a.safetensors")
    try SafetensorsWriter.write(to: path, [], metadata: ["b": "2", "a": "\"1\"\n"]) { _, _ in }
    let bytes = try Data(contentsOf: URL(filePath: path))
    #expect(
      String(decoding: bytes.dropFirst(8), as: UTF8.self)
        == #"{"__metadata__":{"a":"\"1\"\n","b":"2"}}"#)
    #expect(try SafetensorsFile(path: path).metadata == ["b": "2", "a": "\"1\"\n"])
  }

  @Test func `when the data fail, the old file stays and nothing is left`() throws {
    struct Interruption: Error {}
    try folder.write([7], to: "a.safetensors")
    let path = folder.path("a.safetensors")
    #expect(throws: Interruption.self) {
      try SafetensorsWriter.write(to: path, [.init(name: "a", type: .u8, shape: [4])]) {
        _, append in
        try [UInt8](1...2).withUnsafeBytes(append)
        throw Interruption()
      }
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == Data([7]))
    #expect(try folder.names == ["a.safetensors"])
  }

  @Test func `a disk that is too small is an error before any data are asked for`() throws {
    let path = folder.path("a.safetensors")
    let text = try #require(
      fault {
        try SafetensorsWriter.write(
          to: path, [.init(name: "a", type: .f32, shape: [1 << 30, 1 << 27])]
        ) { _, _ in Issue.record("asked for data") }
      })
    #expect(text.hasPrefix("\(path): needs 57646075230342"))
    #expect(text.contains(" bytes, but the disk has only "))
    #expect(try folder.names == [])
  }
}
