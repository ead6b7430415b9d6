import Foundation
import HoneFormats
import Testing

/// Recipes with stages, run as a person would.
@Suite struct TrainStagesTests {
  /// Facts to learn, then pairs; a cache of its own.
  private struct Tiny {
    let folder: TemporaryFolder
    let training: String

    init(_ training: String = "steps: 6, batch_size: 3, learning_rate: 5e-3, checkpoint_every: 1")
      throws
    {
      self.training = training
      folder = try TemporaryFolder()
      let sums = (0..<24).map {
        TinyTraining.example("What is \($0) and \($0 % 7)?", "It is \($0 + $0 % 7).")
      }
      let pairs = (0..<24).map {
        #"{"prompt": "Sum of \#($0)?", "chosen": " It is \#($0).", "rejected": " Who knows? \#($0)"}"#
      }
      for (name, lines) in [("sums", sums), ("pairs", pairs)] {
        _ = try folder.write(lines[4...].joined(separator: "\n") + "\n", to: "\(name).jsonl")
        _ = try folder.write(lines[..<4].joined(separator: "\n") + "\n", to: "\(name)-held.jsonl")
      }
    }

    static let sums = "{train: sums.jsonl, valid: sums-held.jsonl, max_tokens: 96}"
    static let pairs = "{train: pairs.jsonl, valid: pairs-held.jsonl, max_tokens: 96}"

    func staged(_ name: String = "all") throws -> String {
      try folder.write(
        """
        model: \(PackageFiles.tinyModel("tied"))
        method: {lora: {rank: 4, dropout: 0.1}}
        training: {\(training)}
        stages:
          - name: sft
            data: \(Self.sums)
          - name: dpo
            objective: {dpo: {beta: 0.2}}
            data: \(Self.pairs)
        output: \(name)

        """, to: "\(name).yaml")
    }

    func single(_ name: String, method: String, objective: String, data: String) throws -> String {
      try folder.write(
        """
        model: \(PackageFiles.tinyModel("tied"))
        method: {lora: \(method)}
        objective: \(objective)
        data: \(data)
        training: {\(training)}
        output: \(name)

        """, to: "\(name).yaml")
    }

    var environment: [String: String?] { ["HONE_CACHE": "\(folder.path)/cache"] }

    func train(_ recipe: String, _ more: String...) throws -> Program.Outcome {
      try Program.run(["train", recipe, "--threads", "1"] + more, environment: environment)
    }

    func adapter(_ run: String) -> Data? {
      FileManager.default.contents(
        atPath: "\(folder.path)/\(run)/adapter/adapter_model.safetensors")
    }

    func text(_ name: String) throws -> String {
      try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8)
    }
  }

  @Test func `two stages are the two runs done by hand, to the bit`() throws {
    let tiny = try Tiny()
    let outcome = try tiny.train(tiny.staged())
    #expect(outcome.code == 0, "\(outcome.error)")
    let first = try tiny.single(
      "first", method: "{rank: 4, dropout: 0.1}", objective: "sft", data: Tiny.sums)
    #expect(try tiny.train(first).code == 0)
    let second = try tiny.single(
      "second", method: "{from: first/adapter}",
      objective: "{dpo: {beta: 0.2, reference: adapter}}", data: Tiny.pairs)
    #expect(try tiny.train(second).code == 0)
    #expect(tiny.adapter("first") != nil && tiny.adapter("all/sft") == tiny.adapter("first"))
    #expect(tiny.adapter("second") != nil && tiny.adapter("all/dpo") == tiny.adapter("second"))
    #expect(tiny.adapter("all") == tiny.adapter("second"))

    for part in ["stage 1 of 2: sft", "stage 2 of 2: dpo"] { #expect(outcome.error.contains(part)) }
    #expect(outcome.output.contains("chosen is likelier (dpo)"))
    #expect(outcome.output.contains("BASE") && outcome.output.contains("\n  sft   "))
    let report = try tiny.text("all/report.html")
    for part in ["<h1>sft</h1>", "<h1>dpo</h1>", "Stage by stage", "<h3>Rewards</h3>"] {
      #expect(report.contains(part), "\(part)")
    }
    // What was trained stands in the folder and reads back.
    let again = try Program.run(
      [
        "train", "\(tiny.folder.path)/all/recipe.yaml", "--threads", "1", "--set",
        "output=\(tiny.folder.path)/again",
      ], environment: tiny.environment)
    #expect(again.code == 0, "\(again.error)")
    #expect(tiny.adapter("again") == tiny.adapter("all"))
    // Nothing is written over, nothing is trained twice.
    #expect(try tiny.train(tiny.staged()).error.contains("holds a run already"))
    let resumed = try tiny.train(tiny.staged(), "--resume")
    #expect(resumed.code == 0 && resumed.error.contains("sft, finished before"))
    #expect(resumed.error.contains("dpo, finished before") && !resumed.error.contains("training "))
    #expect(tiny.adapter("all") == tiny.adapter("second"))
  }

  @Test(arguments: [1, 2]) func `interrupted in either stage, it goes on to the same bits`(
    stage: Int
  ) throws {
    let length = "steps: 90, batch_size: 1, checkpoint_every: 1000, validate_every: 500"
    let whole = try Tiny(length)
    #expect(try whole.train(whole.staged()).code == 0)
    let tiny = try Tiny(length)
    let recipe = try tiny.staged()
    var stages = 0
    let outcome = try Program.run(
      ["train", recipe, "--threads", "1", "--json"], environment: tiny.environment,
      sending: SIGINT
    ) { line in
      // All lines so far are looked at anew each time.
      if line.contains(#""event": "stage", "name": "sft""#) { stages = 0 }
      if line.contains(#""event": "stage""#) { stages += 1 }
      return stages == stage && line.contains(#""event": "step", "step": 5,"#)
    }
    #expect(outcome.code == 130)
    let name = stage == 1 ? "sft" : "dpo"
    #expect(outcome.error.contains(" of \(name) is written; --resume goes on after it"))
    #expect(tiny.adapter("all") == nil && tiny.adapter("all/\(name)") == nil)
    let end = try tiny.train(recipe, "--resume")
    #expect(end.code == 0, "\(end.error)")
    #expect(end.error.contains("finished before") == (stage == 2))
    #expect(end.error.contains("resumed after step"))
    #expect(tiny.adapter("all") != nil && tiny.adapter("all") == whole.adapter("all"))
  }

  @Test func `an earlier stage that was changed is noticed`() throws {
    let tiny = try Tiny()
    let recipe = try tiny.staged()
    #expect(try tiny.train(recipe).code == 0)
    let before = tiny.adapter("all")
    let rate = try tiny.train(recipe, "--resume", "--set", "stages.sft.training.learning_rate=1e-3")
    #expect(rate.code == 1 && rate.error.contains("learning_rate (was 0.005, is 0.001)"))
    // Trained anew with something else, it is no start for what followed the old one.
    try FileManager.default.removeItem(atPath: "\(tiny.folder.path)/all/sft")
    let start = try tiny.train(
      recipe, "--resume", "--set", "stages.sft.training.learning_rate=1e-3")
    #expect(start.code == 1 && start.error.contains("starting adapter (was "), "\(start.error)")
    #expect(tiny.adapter("all") == before)
  }

  @Test func `what is wrong with a later stage is known before the first is trained`() throws {
    let tiny = try Tiny()
    let recipe = try tiny.staged()
    _ = try tiny.folder.write("{\"prompt\": 3}\n", to: "pairs.jsonl")
    let outcome = try tiny.train(recipe)
    #expect(outcome.code == 1 && outcome.error.contains("pairs.jsonl"))
    #expect(!FileManager.default.fileExists(atPath: "\(tiny.folder.path)/all"))
  }

  @Test func `a plan has all stages, and writes nothing`() throws {
    let tiny = try Tiny()
    let recipe = try tiny.staged()
    let page = try Program.run(["plan", recipe, "--threads", "1"], environment: tiny.environment)
    #expect(page.code == 0, "\(page.error)")
    for part in ["stage 1 of 2: sft", "stage 2 of 2: dpo", "all stages"] {
      #expect(page.output.contains(part))
    }
    let json = try JSONParser.parse(
      Program.run(["plan", recipe, "--threads", "1", "--json"], environment: tiny.environment)
        .output)
    #expect(json["stages"]?["dpo"]?["steps"]?.integer == 6)
    #expect(!FileManager.default.fileExists(atPath: "\(tiny.folder.path)/all"))
    #expect(!FileManager.default.fileExists(atPath: "\(tiny.folder.path)/cache"))
  }
}
