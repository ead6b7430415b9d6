import Foundation
import Testing

@testable import HoneFormats

@Suite struct SafetensorsFolderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func shard(_ file: String, _ tensors: [String]) throws {
    try SafetensorsWriter.write(
      to: folder.path(file), tensors.map { .init(name: $0, type: .u8, shape: [1]) }
    ) { entry, append in try [UInt8](entry.name.utf8.prefix(1)).withUnsafeBytes(append) }
  }

  private func index(_ map: String) throws {
    try folder.write(
      Array(#"{"metadata":{"total_size":1},"weight_map":\#(map)}"#.utf8),
      to: "model.safetensors.index.json")
  }

  private func openFault() -> String? {
    fault { try SafetensorsFolder(path: folder.url.path) }
  }

  @Test func `a single file is a folder's weights, even beside an index`() throws {
    try shard("model.safetensors", ["a", "b"])
    try index(#"{"a":"gone.safetensors"}"#)
    let weights = try SafetensorsFolder(path: folder.url.path + "/")
    #expect(weights.tensors.map(\.name) == ["a", "b"])
    #expect(weights.files.count == 1)
  }

  @Test func `shards are read as one`() throws {
    try shard("model-00001-of-00002.safetensors", ["b", "a"])
    try shard("model-00002-of-00002.safetensors", ["c"])
    try index(
      """
      {"a":"model-00001-of-00002.safetensors","b":"model-00001-of-00002.safetensors",
       "c":"model-00002-of-00002.safetensors"}
      """)
    let weights = try SafetensorsFolder(path: folder.url.path)
    #expect(weights.tensors.map(\.name) == ["a", "b", "c"])
    #expect(weights.tensor(named: "c")?.bytes.first == UInt8(ascii: "c"))
    #expect(weights.tensor(named: "d") == nil)
  }

  @Test func `a folder without weights is an error`() {
    #expect(
      openFault()
        == "\(folder.url.path): holds neither model.safetensors nor model.safetensors.index.json")
  }

  @Test func `every disagreement of index and shards is named`() throws {
    try shard("1.safetensors", ["a", "extra", "c"])
    try shard("2.safetensors", ["b"])
    try index(
      """
      {"a":"1.safetensors","missing":"1.safetensors","b":"2.safetensors","c":"2.safetensors",
       "d":"3.safetensors","e":"../m.safetensors","f":5}
      """)
    let path = folder.path("model.safetensors.index.json")
    #expect(
      openFault() == """
        \(path): does not agree with its shards:
          tensor "e" is not mapped to the name of a file
          tensor "f" is not mapped to the name of a file
          tensor "missing" is not in 1.safetensors
          1.safetensors holds tensor "c", but the index says 2.safetensors
          1.safetensors holds tensor "extra", but the index has no such
          tensor "c" is not in 2.safetensors
          \(folder.path("3.safetensors")): cannot be opened: No such file or directory
        """)
  }

  @Test func `a long list of disagreements is cut`() throws {
    try shard("1.safetensors", [])
    try index(
      "{" + (0..<50).map { #""t\#($0)":"1.safetensors""# }.joined(separator: ",") + "}")
    let text = try #require(openFault())
    #expect(text.hasSuffix("\n  and 10 more"))
    #expect(text.split(separator: "\n").count == 42)
  }

  @Test(arguments: ["{}", "[]", "null"])
  func `an index without a map is an error`(map: String) throws {
    try index(map)
    #expect(
      openFault()
        == "\(folder.path("model.safetensors.index.json")): has no \"weight_map\" of tensor names")
  }
}
