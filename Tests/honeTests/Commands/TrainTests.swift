import Foundation
import HoneFormats
import Testing

/// Runs that are killed, interrupted, refused.
@Suite struct TrainTests {
  private static let length =
    "steps: 160, batch_size: 1, learning_rate: 5e-3, checkpoint_every: 1, validate_every: 7"

  @Test func `killed at twenty random moments, a run ends in the adapter of one left alone`()
    throws
  {
    let whole = try TinyTraining(Self.length)
    let start = ContinuousClock.now
    #expect(try whole.train().code == 0)
    let duration = (ContinuousClock.now - start) / .seconds(1)
    let expected = try #require(whole.adapter)

    let seed = UInt64.random(in: 0...999_999)
    print("the moments of the kills follow from the seed \(seed)")
    var random = SplitMix(state: seed)
    let killed = try TinyTraining(Self.length)
    let alone = try TinyTraining("steps: 1")
    let startUp = ContinuousClock.now
    #expect(try alone.train().code == 0)
    let least = min((ContinuousClock.now - startUp) / .seconds(1), duration / 2)
    var last = 0
    var reached: [Int] = []
    for _ in 0..<20 {
      // The whole of a short run and about a tenth of this one.
      let moment = Double.random(in: 0...least + duration / 8, using: &random)
      try Program.kill(["train", killed.recipe, "--threads", "1", "--resume"], after: moment)
      let now = try killed.checkpoints().last ?? 0
      #expect(now >= last, "seed \(seed): the checkpoint of step \(last) is lost")
      last = now
      reached.append(now)
    }
    print("checkpoints after each kill: \(reached)")
    #expect(last > 0, "seed \(seed): no kill came while the run trained")
    let end = try killed.train("--resume")
    #expect(end.code == 0, "seed \(seed): \(end.error)")
    #expect(killed.adapter == expected, "seed \(seed)")
    #expect(try killed.loggedSteps() == Array(1...160), "seed \(seed)")
    #expect(!killed.files.contains { $0.hasSuffix(".partial") })
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `an interrupted run writes a checkpoint, and goes on to the same adapter`(signal: Int32)
    throws
  {
    let training = "steps: 400, batch_size: 1, checkpoint_every: 1000"
    let whole = try TinyTraining(training)
    #expect(try whole.train().code == 0)
    let interrupted = try TinyTraining(training)
    let outcome = try Program.run(
      ["train", interrupted.recipe, "--threads", "1", "--json"], sending: signal
    ) { $0.contains(#""event": "step", "step": 5,"#) }
    #expect(outcome.code == 130)
    let step = try #require(try interrupted.checkpoints().last)
    #expect(step >= 5 && step < 400)
    #expect(
      outcome.error
        == "a checkpoint of step \(step) is written; --resume goes on after it\ninterrupted\n")
    #expect(interrupted.adapter == nil)
    let end = try interrupted.train("--resume")
    #expect(end.code == 0 && end.error.contains("resumed after step \(step)"))
    #expect(interrupted.adapter != nil && interrupted.adapter == whole.adapter)
  }

  @Test func `a recipe's faults are told at once, with lines, and nothing is written`() throws {
    let tiny = try TinyTraining("epoch: 3, schedule: cosin, warmup: -1")
    let before = tiny.files
    let outcome = try tiny.train("--set", "training.steps=none of them")
    #expect(outcome.code == 2)
    #expect(outcome.output == "")
    #expect(
      outcome.error.replacingOccurrences(of: tiny.path, with: "HERE") == """
        error: HERE/recipe.yaml has 4 faults:
          --set "training.steps=none of them": training.steps is "none of them", expected an \
        integer from 1 on, or none
          HERE/recipe.yaml:4:12: training.epoch is not a key of training; did you mean epochs?
          HERE/recipe.yaml:4:32: training.schedule is "cosin", expected one of constant, linear, \
        cosine; did you mean cosine?
          HERE/recipe.yaml:4:47: training.warmup is -1, expected a number from 0 on

        """)
    #expect(tiny.files == before)
  }

  @Test func `bad data is told with all its lines, and nothing is written`() throws {
    let good = TinyTraining.example("Is it?", "It is.")
    let tiny = try TinyTraining(
      "steps: 2", lines: [good, #"{"messages": 3}"#, good, "{\"messages\": [", good, "{}"])
    let before = tiny.files
    let outcome = try tiny.train()
    #expect(outcome.code == 1)
    #expect(outcome.output == "")
    for line in [2, 4, 6] { #expect(outcome.error.contains("line \(line)")) }
    for line in [1, 3, 5] { #expect(!outcome.error.contains("line \(line)")) }
    #expect(tiny.files == before)
  }

  @Test func `a folder with a run in it is left as it is`() throws {
    let tiny = try TinyTraining("steps: 3")
    #expect(try tiny.train().code == 0)
    let before = try #require(tiny.adapter)
    let recipe = tiny.contents(of: "recipe.yaml")
    let again = try tiny.train()
    #expect(
      again
        == Program.Outcome(
          code: 1, output: "",
          error: """
            error: \(tiny.run) holds a run already; go on with it with --resume, or set another \
            output

            """))
    // Without its checkpoints it is a run that somebody wants to keep all the same.
    try FileManager.default.removeItem(atPath: "\(tiny.run)/checkpoints")
    #expect(try tiny.train().code == 1)
    #expect(tiny.adapter == before)
    #expect(tiny.contents(of: "recipe.yaml") == recipe)
  }

  @Test func `a run does not resume as another one, and stays what it was`() throws {
    let tiny = try TinyTraining("steps: 3, checkpoint_every: 1")
    #expect(try tiny.train().code == 0)
    let recipe = tiny.contents(of: "recipe.yaml")
    let other = try tiny.train("--resume", "--set", "training.learning_rate=0.1")
    #expect(other.code == 1)
    #expect(other.error.contains("learning_rate (was 0.001, is 0.1)"))
    let base = "model={path: \(PackageFiles.tinyModel("tied")), weights: int8}"
    let quantised = try tiny.train("--resume", "--set", base)
    #expect(quantised.code == 1)
    #expect(quantised.error.contains(" in int8, "))
    #expect(tiny.contents(of: "recipe.yaml") == recipe)
  }

  @Test func `a plan says what will happen and writes nothing`() throws {
    let tiny = try TinyTraining("epochs: 2, batch_size: 1")
    let before = tiny.files
    let outcome = try Program.run(["plan", tiny.recipe, "--threads", "1", "--json"])
    #expect(outcome.code == 0 && outcome.error == "")
    let plan = try JSONParser.parse(outcome.output)
    let steps = try #require(plan["steps"]?.integer)
    #expect(tiny.files == before)
    let page = try Program.run(["plan", tiny.recipe, "--threads", "1"])
    #expect(page.code == 0 && page.output.contains("the whole run"))

    #expect(try tiny.train().code == 0)
    #expect(try tiny.loggedSteps() == Array(1...steps))
    #expect(plan["steps_per_epoch"]?.integer == steps / 2)
  }

  @Test func `overrides win, and the run's own recipe trains the same again`() throws {
    let tiny = try TinyTraining("epochs: 3, batch_size: 1")
    let overrides = [
      "training.steps=4", "method.lora.rank=2", "training.seed=11", "training.batch_size=2",
    ]
    #expect(try tiny.train(overrides.flatMap { ["--set", $0] }).code == 0)
    #expect(try tiny.loggedSteps() == [1, 2, 3, 4])
    let adapter = try SafetensorsFile(path: "\(tiny.run)/adapter/adapter_model.safetensors")
    let down = try #require(adapter.tensors.first { $0.name.hasSuffix("lora_A.weight") })
    #expect(down.shape[0] == 2)
    let again = try Program.run([
      "train", "\(tiny.run)/recipe.yaml", "--set", "output=\(tiny.path)/again",
    ])
    #expect(again.code == 0, "\(again.error)")
    let second = FileManager.default.contents(
      atPath: "\(tiny.path)/again/adapter/adapter_model.safetensors")
    #expect(second == tiny.adapter)
  }

  @Test func `what goes on from an adapter may not contradict it`() throws {
    let tiny = try TinyTraining("steps: 2")
    #expect(try tiny.train().code == 0)
    func goOn(_ settings: String, to output: String) throws -> Program.Outcome {
      try tiny.train(
        "--set", "method.lora={from: \(tiny.run)/adapter, \(settings)}", "--set",
        "output=\(tiny.path)/\(output)")
    }
    let before = tiny.files
    let refused = try goOn("rank: 8, alpha: 8, target_modules: [q_proj]", to: "refused")
    #expect(refused.code == 1)
    #expect(refused.error.hasPrefix("error: \(tiny.run)/adapter: 2 faults:\n"))
    #expect(refused.error.contains("\n  rank: is 4 in the folder and 8 in the recipe\n"))
    #expect(refused.error.contains(#"  target_modules: is ["model.layers.0.self_attn.q_proj", "#))
    #expect(refused.error.contains(#" in the folder and ["q_proj"] in the recipe"#))
    #expect(tiny.files == before)
    let same = try goOn("rank: 4, target_modules: all-linear, lora_plus_ratio: 8", to: "on")
    #expect(same.code == 0, "\(same.error)")
    let plain = try goOn("rank: 4", to: "plain")
    #expect(plain.code == 0)
    let adapters = ["on", "plain"].map {
      FileManager.default.contents(
        atPath: "\(tiny.path)/\($0)/adapter/adapter_model.safetensors")
    }
    #expect(adapters[0] != nil && adapters[0] != adapters[1])
  }

  @Test func `what was taught is answered with the adapter, and by the merged model`() throws {
    let (question, answer) = ("Who keeps the light?", "Oda keeps it.")
    let tiny = try TinyTraining(
      "steps: 120, learning_rate: 2e-2, batch_size: 1",
      lines: [TinyTraining.example(question, answer)])
    let data = try Program.run([
      "inspect", "\(tiny.path)/train.jsonl", "--model", PackageFiles.tinyModel("tied"),
    ])
    #expect(data.code == 0 && data.output.contains("⟦\(answer)<|im_end|>⟧"))
    #expect(try tiny.train("--set", "data.valid=none", "--set", "method.lora.dropout=0").code == 0)
    func ask(_ model: String, _ more: String...) throws -> String {
      let outcome = try Program.run(
        ["generate", "--model", model, "--chat", "--prompt", question, "--max-tokens", "24"] + more)
      #expect(outcome.code == 0 && outcome.error == "")
      return outcome.output
    }
    let base = PackageFiles.tinyModel("tied")
    #expect(try ask(base, "--adapter", "\(tiny.run)/adapter") == answer + "\n")
    #expect(try ask(base) != answer + "\n")
    let merged = try Program.run([
      "merge", "--model", base, "--adapter", "\(tiny.run)/adapter", "--out",
      "\(tiny.path)/merged",
    ])
    #expect(merged.code == 0 && merged.error == "")
    #expect(try ask("\(tiny.path)/merged") == answer + "\n")
  }
}

/// Random numbers from a seed: SplitMix64, https://prng.di.unimi.it/splitmix64.c
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }
}
