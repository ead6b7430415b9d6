import Foundation
import HoneFormats
import Testing

/// Merging, and adapters beside their base.
@Suite struct MergeTests {
  let folder: TemporaryFolder
  private let adapter =
    "\(PackageFiles.root)/Tests/HoneTrainingTests/Fixtures/lora-tied-plain/final"

  init() throws { folder = try TemporaryFolder() }

  private func score(_ model: String, _ more: String...) throws -> [Double] {
    let text = try folder.write("The quick brown fox, 2024", to: "t.txt")
    let outcome = try Program.run(
      ["score", "--model", model, "--file", text, "--json", "--compute", "f32"] + more)
    #expect(outcome.code == 0 && outcome.error == "")
    let json = try JSONParser.parse(outcome.output)
    return try #require(json["logprobs"]?.array).compactMap(\.double)
  }

  private func largest(_ one: [Double], _ two: [Double]) -> Double {
    one.count == two.count ? zip(one, two).map { abs($0 - $1) }.max() ?? 0 : .infinity
  }

  @Test(arguments: ["tied", "gguf/tied-f32.gguf"])
  func `the merged model scores as base and adapter do`(base: String) throws {
    let base = PackageFiles.tinyModel(base)
    let merged = "\(folder.path)/merged"
    let outcome = try Program.run(
      [
        "merge", "--model", base, "--adapter", adapter, "--out", merged, "--format", "f32",
        "--json",
      ])
    #expect(outcome.code == 0 && outcome.error == "")
    let report = try JSONParser.parse(outcome.output)
    #expect(report["top_agreement"]?.double == 1)
    let adapted = try score(base, "--adapter", adapter)
    #expect(try largest(score(merged), adapted) < 1e-4)
    #expect(try largest(score(base), adapted) > 0.01)
  }

  @Test func `what cannot be an adapter is told, with exit code 1`() throws {
    let outcome = try Program.run([
      "merge", "--model", PackageFiles.tinyModel("tied"), "--adapter", "/nowhere", "--out",
      "\(folder.path)/merged",
    ])
    #expect(
      outcome
        == Program.Outcome(
          code: 1, output: "",
          error: """
            error: /nowhere: is not a folder with an adapter; an adapter is a folder with \
            adapter_config.json and adapter_model.safetensors

            """))
    #expect(try Program.run(["merge", "--out", "x"]).code == 2)
  }

  @Test func `several adapters are added up`() throws {
    let base = PackageFiles.tinyModel("tied")
    let two = try score(base, "--adapter", adapter, "--adapter", adapter)
    let one = try score(base, "--adapter", adapter)
    #expect(largest(one, two) > 0.01)
  }
}
