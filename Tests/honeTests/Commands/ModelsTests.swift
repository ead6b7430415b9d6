import Foundation
import HoneFormats
import Testing

@Suite struct ModelsTests {
  private let empty: [String: String?] = ["HONE_CACHE": "/nowhere"]

  @Test func `the models stand in a table`() throws {
    try Snapshot.expect(try Program.run(["models"], environment: empty).output, "models")
  }

  @Test func `as JSON they have all that identifies them`() throws {
    let outcome = try Program.run(["models", "--json"], environment: empty)
    try Snapshot.expect(outcome.output, "models-json")
    let models = try #require(try JSONParser.parse(outcome.output).array)
    #expect(models.allSatisfy { $0["sha256"]?.string?.count == 64 })
  }

  @Test func `the families stand in a table with what was checked`() throws {
    let outcome = try Program.run(["models", "--families"])
    #expect(outcome.code == 0 && outcome.error == "")
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    try Snapshot.expect(outcome.output, "models-families")
    let json = try JSONParser.parse(
      try Program.run(["models", "--families", "--json"]).output)
    let families = try #require(json.array)
    let llama = try #require(families.first { $0["name"]?.string == "llama" })
    #expect(llama["real_model"]?.string == "smollm2-135m")
    #expect(families.allSatisfy { $0["fixtures"]?.array?.isEmpty == false })
  }
}
