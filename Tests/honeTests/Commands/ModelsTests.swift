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
}
