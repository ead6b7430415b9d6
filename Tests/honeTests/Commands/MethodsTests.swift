import Foundation
import HoneFormats
import Testing

@Suite struct MethodsTests {
  private let tiny = PackageFiles.tinyModel("tied")

  @Test func `the methods stand in a table`() throws {
    let outcome = try Program.run(["methods"])
    #expect(outcome.code == 0 && outcome.error == "")
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    try Snapshot.expect(outcome.output, "methods")
  }

  @Test func `on a model they are counted`() throws {
    let outcome = try Program.run(["methods", "--model", tiny])
    // What is said while it counts depends on how long that takes.
    #expect(outcome.code == 0)
    // The words below the table are folded where the model's path happens to end.
    let parts = outcome.output.components(separatedBy: "\n\n")
    try Snapshot.expect(parts[0] + "\n", "methods-counted")
    #expect(parts.count == 2 && parts[1].hasPrefix("With the default settings, on"))
  }

  @Test func `one is explained with its settings`() throws {
    let outcome = try Program.run(["methods", "lora"])
    #expect(outcome.code == 0 && outcome.error == "")
    try Snapshot.expect(outcome.output, "methods-lora")
  }

  @Test func `as JSON they have all that the pages say`() throws {
    let all = try JSONParser.parse(try Program.run(["methods", "--json"]).output)
    let methods = try #require(all.array)
    #expect(methods.contains { $0["name"]?.string == "lora" && $0["merges"]?.bool == true })
    #expect(methods.allSatisfy { $0["parameters"] == nil && $0["settings"] == nil })
    let one = try JSONParser.parse(
      try Program.run(["methods", "ia3", "--model", tiny, "--json"]).output)
    // Keys and values of two heads of 16, and a feed-forward half of 32, in two blocks.
    #expect(one["parameters"]?.integer == 2 * (32 + 32 + 32))
    #expect(one["memory_bytes"]?.integer == 16 * 2 * (32 + 32 + 32))
    #expect(one["settings"]?.array?.first?["key"]?.string == "target_modules")
    #expect(one["exchange"]?.array?.first?["peft_type"]?.string == "IA3")
  }

  @Test func `a method that there is not is told with the nearest, with exit code 2`() throws {
    let outcome = try Program.run(["methods", "lroa"])
    #expect(outcome.code == 2 && outcome.output == "")
    #expect(outcome.error == "error: lroa: is not a method of adaptation; did you mean lora?\n")
    let nowhere = try Program.run(["methods", "--model", "/nowhere.gguf"])
    #expect(nowhere.code == 1 && nowhere.output == "")
  }
}
