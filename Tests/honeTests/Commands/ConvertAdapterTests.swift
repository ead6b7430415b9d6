import Foundation
import HoneFormats
import Testing

@Suite struct ConvertAdapterTests {
  let folder: TemporaryFolder
  private let base = PackageFiles.tinyModel("tied")
  private let fixtures = "\(PackageFiles.root)/Tests/HoneAdaptersTests/Fixtures"

  init() throws { folder = try TemporaryFolder() }

  private func convert(_ adapter: String, _ more: String...) throws -> Program.Outcome {
    try Program.run(
      [
        "convert-adapter", "--model", base, "--adapter", "\(fixtures)/\(adapter)", "--out",
        "\(folder.path)/out",
      ] + more)
  }

  @Test func `a LoRA for adapters comes back as it was`() throws {
    let outcome = try convert("combining/c", "--format", "adapters")
    // Places other than down_proj and v_proj are not changed.
    #expect(outcome.code == 0 && outcome.error == "")
    #expect(outcome.output.contains("out: lora in the format of adapters; logits differ by "))
    let back = "\(folder.path)/back"
    let again = try Program.run([
      "convert-adapter", "--model", base, "--adapter", "\(folder.path)/out", "--out", back,
      "--format", "peft", "--json",
    ])
    #expect(again.code == 0 && again.error == "")
    let report = try JSONParser.parse(again.output)
    #expect(report["largest_difference"]?.double ?? 1 < 1e-6)
    #expect(report["residual"]?.isNull == true)
    let config = try JSONParser.parse(
      String(contentsOfFile: "\(back)/adapter_config.json", encoding: .utf8))
    #expect(config["peft_type"]?.string == "LORA")
  }

  @Test func `another method becomes a LoRA, and what it leaves out is said`() throws {
    let outcome = try convert("peft-vectors/ia3-defaults", "--to", "lora", "--rank", "64")
    #expect(outcome.code == 0 && outcome.error == "")
    #expect(outcome.output.contains("out: lora in the format of peft, rank 64 at 6 projections; "))
    #expect(outcome.output.contains("leaves out "))
    let cut = try Program.run([
      "convert-adapter", "--model", base, "--adapter", "\(fixtures)/peft-vectors/ia3-defaults",
      "--out", "\(folder.path)/cut", "--to", "lora", "--rank", "2", "--json",
    ])
    let report = try JSONParser.parse(cut.output)
    #expect(report["residual"]?.double ?? 0 > 0.1)
    #expect(report["residuals"]?.object?.count == 6)
  }

  @Test(arguments: [
    ([], "error: there is nothing to do; give --to lora, --format, or both\n"),
    (["--to", "ia3"], "error: --to ia3: nothing can be converted to ia3; expected lora\n"),
    (["--to", "lroa"], "error: lroa: is not a method of adaptation; did you mean lora?\n"),
    (["--to", "lora", "--rank", "0"], "error: --rank is 0, expected 1 to 65536.\n"),
    (["--format", "gguf"], "error: The value 'gguf' is invalid for '--format <format>'"),
  ])
  func `what cannot be asked is told, with exit code 2`(
    options: [String], expected: String
  ) throws {
    let outcome = try Program.run(
      ["convert-adapter", "--model", base, "--adapter", "x", "--out", "y"] + options)
    #expect(outcome.code == 2 && outcome.output == "")
    #expect(outcome.error.hasPrefix(expected))
  }

  @Test func `what cannot be converted is told with the reason, and nothing is left`() throws {
    for (adapter, options, expected) in [
      ("adapterhub/sequential", ["--to", "lora"], "sequential: is bottleneck: "),
      (
        "adapterhub/sequential", ["--format", "peft"],
        "sequential: is bottleneck, which peft does not have"
      ),
      ("combining/e", ["--format", "adapters"], "o_proj: adapters has no LoRA there"),
      ("peft-vectors/norms-some", ["--format", "adapters"], "which has no form in adapters"),
      ("nowhere", ["--to", "lora"], "is not a folder with an adapter"),
    ] {
      let outcome = try Program.run(
        [
          "convert-adapter", "--model", base, "--adapter", "\(fixtures)/\(adapter)", "--out",
          "\(folder.path)/out",
        ] + options)
      #expect(outcome.code == 1 && outcome.output == "")
      #expect(outcome.error.contains(expected), "\(outcome.error)")
    }
    #expect(folder.contents.isEmpty)
    _ = try folder.write("", to: "full")
    let full = try Program.run([
      "convert-adapter", "--model", base, "--adapter", "\(fixtures)/combining/a", "--out",
      folder.path, "--format", "adapters",
    ])
    #expect(full.code == 1 && full.error.contains("is not empty; give a new folder"))
  }
}
