import Foundation
import HoneFormats
import Testing

@Suite struct GGUFFileTests {
  @Test func `tensors have dimensions in file order, shapes in row order, and their bytes`() throws
  {
    var builder = GGUFBuilder(tensors: 2)
    builder.tensor("a", [4, 2])
    builder.tensor("b", [64], type: GGMLType.q4_1.rawValue, offset: 32)
    builder.data((0..<72).map { $0 })
    let file = try builder.open()
    #expect(file.version == 3)
    #expect(file.alignment == 32)
    #expect(file.tensors.map(\.name) == ["a", "b"])
    let a = try #require(file.tensor(named: "a"))
    #expect(a.dimensions == [4, 2])
    #expect(a.shape == [2, 4])
    #expect(a.elementCount == 8)
    #expect(Array(a.bytes) == Array(0..<32))
    let b = try #require(file.tensor(named: "b"))
    #expect(b.type == .q4_1)
    #expect(Array(b.bytes) == Array(32..<72))
    #expect(file.tensor(named: "c") == nil)
  }

  @Test func `a tensor keeps its bytes when the file object is gone`() throws {
    var builder = GGUFBuilder(tensors: 1)
    builder.tensor("a", [2])
    builder.data([1, 2, 3, 4, 5, 6, 7, 8])
    let tensor = try #require(try builder.open().tensor(named: "a"))
    #expect(Array(tensor.bytes) == [1, 2, 3, 4, 5, 6, 7, 8])
  }

  @Test func `general alignment moves the data`() throws {
    var builder = GGUFBuilder(version: 2, tensors: 1, entries: 1)
    builder.entry("general.alignment", .uint32, UInt32(128))
    builder.tensor("a", [1])
    builder.data([9, 8, 7, 6], alignment: 128)
    let file = try builder.open()
    #expect(file.version == 2)
    #expect(file.alignment == 128)
    #expect(file.tensors[0].range == 128..<132)
  }

  @Test func `a scalar has no dimensions and an empty tensor has no bytes`() throws {
    var builder = GGUFBuilder(tensors: 2)
    builder.tensor("scalar", [])
    builder.tensor("empty", [0, 5])
    builder.data([1, 2, 3, 4])
    let file = try builder.open()
    #expect(file.tensors[0].shape == [])
    #expect(file.tensors[0].elementCount == 1)
    #expect(file.tensors[0].bytes.count == 4)
    #expect(file.tensors[1].bytes.isEmpty)
  }

  @Test(arguments: GGMLType.allCases)
  func `every type locates one block`(type: GGMLType) throws {
    var builder = GGUFBuilder(tensors: 1)
    builder.tensor("a", [UInt64(type.elementsPerBlock)], type: type.rawValue)
    builder.data(Array(repeating: 7, count: type.bytesPerBlock))
    #expect(try builder.open().tensors[0].bytes.count == type.bytesPerBlock)
    builder.bytes.removeLast()
    #expect(builder.fault()?.contains("bytes past the file's end") == true)
  }

  // MARK: Split models

  private func part(_ number: UInt16, of count: UInt16, tensor: String, total: Int32 = 2) -> [UInt8]
  {
    var builder = GGUFBuilder(tensors: 1, entries: 3)
    builder.entry("split.no", .uint16, number)
    builder.entry("split.count", .uint16, count)
    builder.entry("split.tensors.count", .int32, total)
    builder.tensor(tensor, [1])
    builder.data([UInt8(number), 0, 0, 0])
    return builder.bytes
  }

  @Test func `parts are read as one model`() throws {
    var builder = GGUFBuilder()
    builder.bytes = part(0, of: 2, tensor: "a")
    let second = part(1, of: 2, tensor: "b")
    let file = try builder.open(
      named: "m-00001-of-00002.gguf", parts: ["m-00002-of-00002.gguf": second])
    #expect(file.tensors.map(\.name) == ["a", "b"])
    #expect(file.tensors.map { $0.bytes[0] } == [0, 1])
    #expect(file.tensors[1].file.path == "m-00002-of-00002.gguf")
  }

  @Test func `faults of parts are named`() {
    var first = GGUFBuilder()
    first.bytes = part(0, of: 2, tensor: "a")
    var second = GGUFBuilder()
    second.bytes = part(1, of: 2, tensor: "b")
    let firstName = "m-00001-of-00002.gguf"
    let secondName = "m-00002-of-00002.gguf"
    #expect(
      second.fault(named: secondName)
        == "m-00002-of-00002.gguf: is part 2 of a model in 2 parts; open the first part, "
        + "m-00001-of-00002.gguf")
    #expect(
      first.fault(named: "x.gguf")
        == "x.gguf: is part 1 of a model in 2 parts, but its name does not end in "
        + "\"-00001-of-00002.gguf\"; rename the parts to what their publisher calls them")
    #expect(first.fault(named: firstName) == "m-00002-of-00002.gguf: cannot be opened")
    #expect(
      first.fault(named: firstName, parts: [secondName: first.bytes])
        == "m-00002-of-00002.gguf: says it is part 1 of 2, but its name says part 2 of 2")
    #expect(
      first.fault(named: firstName, parts: [secondName: part(1, of: 2, tensor: "a")])
        == "m-00002-of-00002.gguf: tensor \"a\": stands twice in the file")
    first.bytes = part(0, of: 2, tensor: "a", total: 3)
    #expect(
      first.fault(named: firstName, parts: [secondName: second.bytes])
        == "m-00001-of-00002.gguf: metadata key \"split.tensors.count\": promises 3 tensors, "
        + "but the parts hold 2")
    first.bytes = part(0, of: 20_000, tensor: "a")
    #expect(
      first.fault(named: firstName)
        == "m-00001-of-00002.gguf: metadata key \"split.count\": is 20000, more than 9999 parts")
  }

  // MARK: Real files

  @Test(.enabled(if: !SharedFiles.vocabularies.isEmpty), arguments: SharedFiles.vocabularies)
  func `shared vocabularies open fast and decode whole`(url: URL) throws {
    let clock = ContinuousClock()
    var file: GGUFFile?
    let opening = try clock.measure { file = try GGUFFile(path: url.path) }
    let metadata = try #require(file).metadata
    let tokens = try metadata.requireStringArray("tokenizer.ggml.tokens")
    var strings: [String] = []
    let decoding = try clock.measure { strings = try tokens.strings() }
    print("\(url.lastPathComponent): \(tokens.count) tokens, open \(opening), decode \(decoding)")
    #expect(strings.count == tokens.count)
    #expect(try metadata.requireIntegers("tokenizer.ggml.token_type").count == tokens.count)
    #expect(try metadata.requireUInt("tokenizer.ggml.eos_token_id") < tokens.count)
    if let merges = try metadata.stringArray("tokenizer.ggml.merges") {
      #expect(try merges.strings().allSatisfy { $0.contains(" ") })
    }
    #expect(try #require(file).tensors.isEmpty)
  }
}
