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

  // MARK: Strategies

  private let combining = "\(PackageFiles.root)/Tests/HoneAdaptersTests/Fixtures/combining"
  private let base = PackageFiles.tinyModel("tied")

  private func merge(_ adapters: [String], _ more: String...) throws -> Program.Outcome {
    let given = adapters.flatMap { ["--adapter", "\(combining)/\($0)"] }
    return try Program.run(
      ["merge", "--model", base, "--out", "\(folder.path)/out"] + given + more)
  }

  @Test func `weights say how much of each adapter counts`() throws {
    let outcome = try merge(["a=0.5", "a=0.25"], "--format", "f32")
    #expect(outcome.code == 0 && outcome.error == "")
    let one = "\(folder.path)/one"
    let single = try Program.run([
      "merge", "--model", base, "--adapter", "\(combining)/a=0.75", "--format", "f32", "--out", one,
    ])
    #expect(single.code == 0 && single.error == "")
    #expect(try largest(score("\(folder.path)/out"), score(one)) < 1e-5)
    let whole = try score(base, "--adapter", "\(combining)/a")
    #expect(try largest(score(one), whole) > 0.01)
  }

  @Test func `LoRAs become one adapter, which scores as the merged model does`() throws {
    let outcome = try merge(["a=0.7", "c=-1.3"], "--into", "adapter")
    #expect(
      outcome
        == Program.Outcome(
          code: 0,
          output: """
            \(folder.path)/out: a LoRA of rank 6 at 6 projections, made by linear

            """, error: ""))
    let adapted = try score(base, "--adapter", "\(folder.path)/out")
    let model = "\(folder.path)/model"
    #expect(
      try Program.run([
        "merge", "--model", base, "--adapter", "\(combining)/a=0.7", "--adapter",
        "\(combining)/c=-1.3", "--format", "f32", "--out", model,
      ]).code == 0)
    #expect(try largest(score(model), adapted) < 1e-5)
    let again = try merge(["a", "c"], "--into", "adapter")
    #expect(again.code == 1 && again.output == "")
    #expect(again.error.hasSuffix("out: is not empty; give a new folder, or remove this one\n"))
  }

  @Test func `a strategy makes a model as well as an adapter`() throws {
    let settings = [
      "--strategy", "ties", "--density", "0.4", "--majority-sign-method", "frequency",
    ]
    let outcome = try merge(["a=0.7", "b=0.3"], settings[0], settings[1], "--format", "f32")
    #expect(outcome.code == 0 && outcome.error == "")
    let adapter = "\(folder.path)/adapter"
    let json = try Program.run(
      [
        "merge", "--model", base, "--adapter", "\(combining)/a=0.7", "--adapter",
        "\(combining)/b=0.3", "--into", "adapter", "--out", adapter, "--json",
      ] + settings)
    let report = try JSONParser.parse(json.output)
    #expect(report["strategy"]?.string == "ties" && report["rank"]?.integer == 4)
    #expect(report["projections"]?.integer == 8 && report["residual"]?.double == 0)
    // Another density and another election.
    let difference = try largest(score(adapterless: adapter), score("\(folder.path)/out"))
    #expect(difference > 1e-4)
  }

  private func score(adapterless adapter: String) throws -> [Double] {
    try score(base, "--adapter", adapter)
  }

  @Test func `what svd leaves out is said`() throws {
    let outcome = try merge(
      ["a", "b"], "--strategy", "svd", "--rank", "2", "--into", "adapter")
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("a LoRA of rank 2 at 8 projections, made by svd; "))
    #expect(outcome.output.hasSuffix(" % of the sum are left out\n"))
  }

  @Test(arguments: [
    (["--strategy", "tise"], "error: tise: is not a strategy of merging; did you mean ties?\n"),
    (
      ["--density", "0.5"],
      "error: linear: density: is not a setting of linear; it has none\n"
    ),
    (
      ["--strategy", "ties", "--density", "nan"],
      "error: --density is nan, expected a number.\n"
    ),
    (
      ["--strategy", "dare_ties", "--density", "1.5", "--seed=-1"],
      """
      error: dare_ties: 2 faults:
        density: is 1.5, expected a number from 1e-06 to 1
        seed: is -1, expected an integer from 0 on

      """
    ),
  ])
  func `a strategy or setting that cannot be is told, with exit code 2`(
    options: [String], expected: String
  ) throws {
    let outcome = try Program.run(
      ["merge", "--model", base, "--adapter", "\(combining)/a", "--out", "x"] + options)
    #expect(outcome.code == 2 && outcome.output == "")
    #expect(outcome.error.hasPrefix(expected))
  }

  @Test(arguments: ["much", "nan", "inf", ""])
  func `a weight that is no number is told, with exit code 2`(weight: String) throws {
    let outcome = try merge(["a=\(weight)"])
    #expect(outcome.code == 2 && outcome.output == "")
    #expect(
      outcome.error == """
        error: --adapter \(combining)/a: the weight after = is no finite number; it looks like \
        --adapter \(combining)/a=0.5

        """)
  }

  @Test func `adapters that cannot be combined are told with all reasons`() throws {
    let ranks = try merge(["a", "c"], "--strategy", "ties", "--into", "adapter")
    #expect(ranks.code == 1 && ranks.output == "")
    #expect(ranks.error.hasPrefix("error: ties: 4 faults:\n"))
    #expect(ranks.error.contains("the ranks differ, 4 in \(combining)/a, 2 in \(combining)/c"))
    let ia3 = "\(PackageFiles.root)/Tests/HoneAdaptersTests/Fixtures/peft-vectors/ia3-defaults"
    let method = try Program.run([
      "merge", "--model", base, "--adapter", ia3, "--out", "\(folder.path)/out", "--into",
      "adapter",
    ])
    #expect(method.code == 1)
    #expect(method.error.contains("is made by ia3, and only LoRAs are combined to one"))
    // Another base: every tensor that does not fit is named.
    let other = try Program.run([
      "merge", "--model", PackageFiles.tinyModel("untied"), "--adapter", "\(combining)/a", "--out",
      "\(folder.path)/out", "--into", "adapter",
    ])
    #expect(other.code == 1 && other.error.contains("has shape "))
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
  }

  @Test func `several adapters are added up`() throws {
    let base = PackageFiles.tinyModel("tied")
    let two = try score(base, "--adapter", adapter, "--adapter", adapter)
    let one = try score(base, "--adapter", adapter)
    #expect(largest(one, two) > 0.01)
  }
}
