import Foundation
import HoneFormats
import Testing

/// Runs that learn from preferences.
@Suite struct TrainPreferencesTests {
  /// A run's folder with pairs, and a cache of its own.
  private struct Tiny {
    let folder: TemporaryFolder
    var run: String { "\(folder.path)/run" }
    var cache: String { "\(folder.path)/cache" }

    init() throws {
      folder = try TemporaryFolder()
      func rows(_ range: Range<Int>) -> String {
        range.map { number in
          """
          {"prompt": "What is \(number) and \(number % 7)?", \
          "chosen": " It is \(number + number % 7).", "rejected": " Who knows \(number)?"}
          """
        }.joined(separator: "\n") + "\n"
      }
      _ = try folder.write(rows(0..<24), to: "train.jsonl")
      _ = try folder.write(rows(30..<36), to: "valid.jsonl")
    }

    func recipe(
      _ objective: String, method: String = "{lora: {rank: 4}}", output: String = "run",
      training: String = "steps: 8, batch_size: 3, learning_rate: 5e-3, checkpoint_every: 1"
    ) throws -> String {
      try folder.write(
        """
        model: \(PackageFiles.tinyModel("tied"))
        method: \(method)
        objective: \(objective)
        data: {train: train.jsonl, valid: valid.jsonl, max_tokens: 96}
        training: {\(training)}
        output: \(output)

        """, to: "\(output).yaml")
    }

    func train(_ recipe: String, _ more: String...) throws -> Program.Outcome {
      try Program.run(
        ["train", recipe, "--threads", "2"] + more, environment: ["HONE_CACHE": cache])
    }

    func adapter(_ output: String = "run") -> Data? {
      FileManager.default.contents(
        atPath: "\(folder.path)/\(output)/adapter/adapter_model.safetensors")
    }

    func events(_ output: String = "run") throws -> [JSONObject] {
      var lines = try JSONLines(path: "\(folder.path)/\(output)/events.jsonl")
      var events: [JSONObject] = []
      while let record = try lines.next() { record.value.object.map { events.append($0) } }
      return events
    }

    var kept: [String] {
      (try? FileManager.default.contentsOfDirectory(atPath: "\(cache)/reference"))?.sorted() ?? []
    }
  }

  @Test func `DPO starts at ln 2 with margins of nothing, and learns the pairs`() throws {
    let tiny = try Tiny()
    let outcome = try tiny.train(tiny.recipe("dpo"))
    #expect(outcome.code == 0, "\(outcome.error)")
    let events = try tiny.events()
    let steps = events.filter { $0["event"]?.string == "step" }
    #expect(steps.first?["loss"]?.double.map { abs($0 - log(2)) < 1e-7 } == true)
    #expect(steps.first?["rewards/margins"]?.double == 0)
    let first = try #require(events.first { $0["event"]?.string == "validation" })
    #expect(first["rewards/margins"]?.double == 0)
    let last = try #require(events.last { $0["event"]?.string == "validation" })
    #expect((last["rewards/accuracies"]?.double ?? 0) > 0.8)
    #expect((last["loss"]?.double ?? 9) < 0.6)
    #expect(outcome.output.contains("preferences right"))
  }

  @Test func `that length explains the preference is told in the end and in the report`() throws {
    let tiny = try Tiny()
    let rows = (0..<24).map {
      #"{"prompt": "Sum \#($0)?", "chosen": " It is all of \#($0 + 7) in the end.", "rejected": " \#($0)."}"#
    }
    _ = try tiny.folder.write(rows.joined(separator: "\n") + "\n", to: "train.jsonl")
    let outcome = try tiny.train(tiny.recipe("dpo"))
    let warning = "he longer answer is the chosen one in 100 % of the pairs"
    #expect(outcome.output.contains("\nwarning: T\(warning)"))
    let report = try String(contentsOfFile: "\(tiny.run)/report.html", encoding: .utf8)
    #expect(report.contains("<li>T\(warning)"))
    #expect(report.contains("<h3>Rewards</h3>") && report.contains("<h3>Preferences right</h3>"))
  }

  @Test(arguments: ["kto", "orpo", "simpo", "cpo", "{dpo: {loss: [ipo, sft], reference: none}}"])
  func `the others learn too`(_ objective: String) throws {
    let tiny = try Tiny()
    let outcome = try tiny.train(tiny.recipe(objective))
    #expect(outcome.code == 0, "\(outcome.error)")
    let held = try tiny.events().filter { $0["event"]?.string == "validation" }
    let losses = held.compactMap { $0["loss"]?.double }
    #expect(losses.count > 1 && (losses.last ?? 9) < losses[0])
    #expect(tiny.kept.count == (objective == "kto" ? 2 : 0))
  }

  @Test func `a reward model learns the pairs, scores answers, and writes none`() throws {
    let tiny = try Tiny()
    let outcome = try tiny.train(tiny.recipe("{reward: {center_rewards: 0.01}}"))
    #expect(outcome.code == 0, "\(outcome.error)")
    #expect(tiny.kept.isEmpty)
    #expect(outcome.output.contains("try it   hone score --model"))
    let last = try #require(tiny.events().last { $0["event"]?.string == "validation" })
    let right = try #require(last["rewards/accuracies"]?.double)
    #expect(right > 0.8)

    let model = ["--model", PackageFiles.tinyModel("tied"), "--adapter", "\(tiny.run)/adapter"]
    let data = ["--data", "\(tiny.folder.path)/valid.jsonl"]
    let table = try Program.run(["score"] + model + data)
    #expect(table.code == 0, "\(table.error)")
    #expect(table.output.contains("right") && table.output.contains("chosen, mean"))
    let lines = try Program.run(["score", "--json"] + model + data).output
      .split(separator: "\n").map { try JSONParser.parse(String($0), file: "output") }
    try #require(lines.count == 6)
    let found = lines.count {
      ($0["chosen"]?.double ?? 0) > ($0["rejected"]?.double ?? 0)
    }
    #expect(abs(Double(found) / 6 - right) < 1e-9)

    let chat = try Program.run(["generate", "--prompt", "What is 1 and 1?"] + model)
    #expect(chat.code == 1 && chat.error.contains("holds a reward model"), "\(chat.error)")
    let both = try Program.run(["score", "--file", "x"] + model + data)
    #expect(both.code == 2 && both.error.contains("one of --file and --data"), "\(both.error)")
    let plain = try Program.run(["score"] + model.prefix(2) + data)
    #expect(plain.code == 2 && plain.error.contains("a reward model"), "\(plain.error)")
  }

  @Test func `a reference is kept, used again to the bit, and made anew when it is damaged`() throws
  {
    let tiny = try Tiny()
    #expect(try tiny.train(tiny.recipe("dpo")).code == 0)
    #expect(tiny.kept.count == 2)
    let again = try tiny.train(tiny.recipe("dpo", output: "again"))
    #expect(again.error.contains("computed before"))
    #expect(tiny.adapter() != nil && tiny.adapter("again") == tiny.adapter())
    for name in tiny.kept {
      let path = "\(tiny.cache)/reference/\(name)"
      var bytes = try #require(FileManager.default.contents(atPath: path))
      bytes[bytes.count - 3] ^= 0x10
      try bytes.write(to: URL(fileURLWithPath: path))
    }
    let damaged = try tiny.train(tiny.recipe("dpo", output: "damaged"))
    #expect(damaged.code == 0 && damaged.error.contains("computed anew"))
    #expect(tiny.adapter("damaged") == tiny.adapter())
    let other = try tiny.train(
      tiny.recipe("dpo", output: "other"), "--set", "data.max_tokens=40", "--set",
      "data.max_truncated=1")
    #expect(other.code == 0, "\(other.error)")
    #expect(tiny.kept.count >= 2)
  }

  @Test func `an interrupted run goes on to the same adapter, without its cache too`() throws {
    let whole = try Tiny()
    let training = "steps: 150, batch_size: 3, checkpoint_every: 1000, validate_every: 500"
    #expect(try whole.train(whole.recipe("dpo", training: training)).code == 0)
    let tiny = try Tiny()
    let recipe = try tiny.recipe("dpo", training: training)
    let outcome = try Program.run(
      ["train", recipe, "--threads", "1", "--json"], environment: ["HONE_CACHE": tiny.cache],
      sending: SIGINT
    ) { $0.contains(#""event": "step", "step": 5,"#) }
    #expect(outcome.code == 130)
    try FileManager.default.removeItem(atPath: tiny.cache)
    let end = try tiny.train(recipe, "--resume")
    #expect(end.code == 0, "\(end.error)")
    #expect(tiny.adapter() != nil && tiny.adapter() == whole.adapter())
    let changed = try tiny.train(recipe, "--resume", "--set", "objective.dpo.beta=0.2")
    #expect(changed.code == 1 && changed.error.contains("objective settings"))
  }

  @Test func `after fine-tuning, the reference is the adapter that it starts from`() throws {
    let tiny = try Tiny()
    #expect(try tiny.train(tiny.recipe("orpo", output: "first")).code == 0)
    let method = "{lora: {from: first/adapter}}"
    let outcome = try tiny.train(
      tiny.recipe("{dpo: {reference: adapter}}", method: method, output: "second"))
    #expect(outcome.code == 0, "\(outcome.error)")
    let step = try tiny.events("second").first { $0["event"]?.string == "step" }
    #expect(step?["rewards/margins"]?.double == 0)
    let base = try tiny.train(tiny.recipe("dpo", method: method, output: "third"))
    #expect(base.code == 0, "\(base.error)")
    let moved = try tiny.events("third").first { $0["event"]?.string == "step" }
    #expect(moved?["rewards/margins"]?.double != 0)
    let named = try tiny.train(
      tiny.recipe("{dpo: {reference: first/adapter}}", method: method, output: "fourth"))
    #expect(named.code == 0 && tiny.adapter("fourth") == tiny.adapter("second"))
  }

  @Test func `what cannot be is told`() throws {
    let tiny = try Tiny()
    func fails(_ objective: String, _ more: String...) throws -> String {
      let recipe = try tiny.recipe(objective)
      let outcome = try Program.run(
        ["train", recipe, "--threads", "1"] + more.flatMap { ["--set", $0] },
        environment: ["HONE_CACHE": tiny.cache])
      #expect(outcome.code != 0)
      return outcome.error
    }
    #expect(try fails("{dpo: {reference: adapter}}").contains("training starts from none"))
    #expect(try fails("{dpo: {reference: nowhere}}").contains("expected base, adapter, none"))
    #expect(try fails("{dpo: {loss: sigmoidd}}").contains("did you mean sigmoid?"))
    #expect(try fails("dpoo").contains("did you mean dpo?"))
    #expect(try fails("{dpo: {betta: 1}}").contains("did you mean beta?"))
    #expect(try fails("dpo", "data.format=messages").contains("learns from preferences"))
    #expect(try fails("dpo", "data.train_on=last").contains("dpo learns from whole answers"))
    let answers = try tiny.folder.write(
      #"{"prompt": "a", "completion": " b", "label": true}"# + "\n", to: "answers.jsonl")
    #expect(try fails("dpo", "data.train=\(answers)").contains("kto learns from these"))
  }
}
