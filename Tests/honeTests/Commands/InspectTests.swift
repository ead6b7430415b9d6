import Foundation
import HoneFormats
import Testing

@Suite struct InspectTests {
  @Test(arguments: ["tied", "sharded", "rope-scaled", "gguf/tied-f32.gguf"])
  func `a model's files are summed up in tables`(name: String) throws {
    let outcome = try Program.run(["inspect", PackageFiles.tinyModel(name)])
    #expect(outcome.code == 0)
    #expect(outcome.error == "")
    try Snapshot.expect(
      outcome.output.replacingOccurrences(of: PackageFiles.root, with: "ROOT"),
      "inspect-\(name.replacingOccurrences(of: "/", with: "-"))")
  }

  @Test func `as JSON the sums agree with the file`() throws {
    let outcome = try Program.run(
      ["inspect", "--json", PackageFiles.tinyModel("tied") + "/model.safetensors"])
    let json = try JSONParser.parse(outcome.output)
    let storage = try #require(json["storage"]?.array)
    #expect(storage.count == 1)
    #expect(storage[0]["type"] == .string("F32"))
    #expect(storage[0]["bytes"]?.integer == 4 * (json["parameters"]?.integer ?? 0))
    #expect(json["runs"] == .bool(false))
  }

  @Test func `a folder without a model and a damaged file are errors`() throws {
    let folder = try TemporaryFolder()
    let empty = try Program.run(["inspect", folder.path])
    #expect(empty.code == 1)
    #expect(
      empty.error == """
        error: \(folder.path): holds no model; a model's folder has config.json and \
        model.safetensors or its index

        """)
    let damaged = try Program.run(["inspect", try folder.write("GGUF\u{3}", to: "cut.gguf")])
    #expect(damaged.code == 1)
    #expect(damaged.error.hasPrefix("error: \(folder.path)/cut.gguf: "))
  }
}
