import Foundation
import HoneFormats
import Testing

@testable import HoneRecipes

@Suite struct RecipeChainTests {
  /// Line 1 is the model, line 6 the first stage.
  static let text = """
    model: smollm2-135m
    method: {lora: {rank: 8, lora_plus_ratio: 4}}
    data: {max_tokens: 256}
    training: {epochs: 5, batch_size: 2}
    stages:
      - name: sft
        data: {train: facts.jsonl, valid: held.jsonl}
      - name: dpo
        objective: {dpo: {beta: 0.2}}
        data: {train: voice.jsonl, max_tokens: 128}
        training: {steps: 9, batch_size: 4}
    output: runs/acme

    """

  static func chain(_ text: String = text, _ overrides: String...) throws -> RecipeChain {
    try RecipeChain(parsing: text, file: "acme.yaml", folder: "/desk", overrides: overrides)
  }

  static func faults(_ text: String, _ overrides: String...) -> [String] {
    do {
      _ = try RecipeChain(parsing: text, file: "acme.yaml", folder: "/desk", overrides: overrides)
      return []
    } catch let error as RecipeError {
      return error.description.split(separator: "\n").map {
        $0.trimmingPrefix(while: \.isWhitespace)
      }
      .map(String.init)
    } catch { return ["\(error)"] }
  }

  // MARK: Values

  @Test func `a stage has what is said for all, and what it says itself wins`() throws {
    let stages = try Self.chain().stages
    #expect(stages.map(\.stage) == ["sft", "dpo"])
    #expect(stages.map(\.objective.name) == ["sft", "dpo"])
    #expect(stages.map { $0.data.integer("max_tokens") } == [256, 128])
    #expect(stages.map { $0.data.optionalText("valid") } == ["/desk/held.jsonl", nil])
    #expect(stages.map(\.training.trainingLength) == [.epochs(5), .steps(9)])
    #expect(stages.map { $0.training.integer("batch_size") } == [2, 4])
    #expect(
      stages[1].training.number("learning_rate") < stages[0].training.number("learning_rate"))
  }

  @Test func `a stage starts from the adapter of the one before, which is its reference`() throws {
    let chain = try Self.chain()
    #expect(chain.output == "/desk/runs/acme")
    #expect(chain.stages.map(\.output) == ["/desk/runs/acme/sft", "/desk/runs/acme/dpo"])
    #expect(chain.stages.map(\.adapterFolder) == [nil, "/desk/runs/acme/sft/adapter"])
    #expect(chain.stages[1].objectiveSettings.optionalText("reference") == "adapter")
    #expect(chain.stages[1].methodSettings.givenKeys == ["lora_plus_ratio"])
    let base = try Self.chain(Self.text, "stages.dpo.objective.dpo.reference=base").stages[1]
    #expect(base.objectiveSettings.optionalText("reference") == "base")
    let from = try Self.chain(Self.text, "method.lora={from: old}")
    #expect(from.stages[0].adapterFolder?.hasSuffix("/old") == true)
    #expect(from.stages[1].adapterFolder == "/desk/runs/acme/sft/adapter")
  }

  @Test func `a recipe without stages is a chain of one`() throws {
    let chain = try Self.chain(RecipeTests.least)
    #expect(!chain.hasStages && chain.stages.count == 1)
    #expect(chain.output == chain.stages[0].output)
    let error = #expect(throws: RecipeError.self) {
      try Recipe(parsing: Self.text, file: "acme.yaml", folder: "/desk")
    }
    #expect(error?.description.contains("expected a recipe of one run") == true)
  }

  // MARK: Overrides

  @Test func `an override is addressed to a stage by its name, or to all`() throws {
    let one = try Self.chain(
      Self.text, "stages.dpo.training.epochs=1", "stages.dpo.objective.dpo.beta=1")
    #expect(one.stages.map(\.training.trainingLength) == [.epochs(5), .epochs(1)])
    #expect(one.stages[1].objectiveSettings.number("beta") == 1)
    let all = try Self.chain(Self.text, "training.steps=3", "data.max_tokens=64")
    #expect(all.stages.map(\.training.trainingLength) == [.steps(3), .steps(3)])
    #expect(all.stages.map { $0.data.integer("max_tokens") } == [64, 64])
  }

  @Test func `an override of what is not there is refused with the nearest`() {
    #expect(
      Self.faults(Self.text, "stages.dpp.training.epochs=1") == [
        #"--set "stages.dpp.training.epochs=1": stages has no "dpp"; did you mean dpo?"#
      ])
    #expect(
      Self.faults(Self.text, "stages.dpo.training.epoch=1") == [
        #"--set "stages.dpo.training.epoch=1": stages.dpo.training.epoch is not a key of training; did you mean epochs?"#
      ])
    #expect(Self.faults(Self.text, "objective.dpo.beta=1")[0].contains("stands beside stages"))
  }

  // MARK: Faults

  @Test func `what is wrong is told once, with its stage and its place`() {
    let text = """
      model: smollm2-135m
      method: {lora: {rnk: 8}}
      training: {epoch: 5}
      stages:
        - name: sft
          data: {train: facts.jsonl}
          objectiv: dpo
        - name: dpo
          objective: {dpo: {betta: 0.2}}
          training: {steps: 9, epochs: 2}
          method: lora
        - name: last
          data: {trian: facts.jsonl}
      """
    #expect(
      Self.faults(text)
        == [
          "acme.yaml has 9 faults:",
          "acme.yaml:2:17: method.lora.rnk is not a key of method.lora; did you mean rank?",
          "acme.yaml:3:12: training.epoch is not a key of training; did you mean epochs?",
          "acme.yaml:7:5: stages.sft.objectiv is not a key of a stage; did you mean objective?",
          "acme.yaml:8:5: stages.dpo.data.train is not set; name the file to train on",
          "acme.yaml:9:23: stages.dpo.objective.dpo.betta is not a key of objective.dpo; did you mean beta?",
          "acme.yaml:10:23: stages.dpo.training.steps stands beside training.epochs; keep one",
          "acme.yaml:11:5: stages.dpo.method is not a stage's; it is said once, for all",
          "acme.yaml:13:11: stages.last.data.train is not set; name the file to train on",
          "acme.yaml:13:12: stages.last.data.trian is not a key of data; did you mean train?",
        ])
  }

  @Test(arguments: [
    ("stages: 3", #"stages is 3, expected a list of stages"#),
    ("stages: []", #"stages is [], expected a list of stages"#),
    ("stages: [sft]", #"stages has "sft", expected keys and values"#),
    ("stages: [{data: {train: a}}]", "stages.name is not set"),
    ("stages: [{name: 3}]", "stages.name is 3, expected a text"),
    ("stages: [{name: ../up}]", "expected letters, digits, - and _"),
    ("stages: [{name: adapter}]", "which is no stage's"),
    (
      "stages: [{name: a, data: {train: a}}, {name: A, data: {train: a}}]",
      "which another stage has"
    ),
    ("objective: dpo\nstages: [{name: a, data: {train: a}}]", "objective stands beside stages"),
  ])
  func `stages that cannot be are refused`(stages: String, problem: String) {
    let faults = Self.faults("model: smollm2-135m\nmethod: lora\n\(stages)\n")
    #expect(faults.count == 1 && faults[0].contains(problem), "\(faults)")
  }

  // MARK: Writing

  @Test(arguments: ["output=/elsewhere", "training.epochs=2", "stages.sft.training.steps=4"])
  func `a resolved recipe reads back as itself, each key explained once`(override: String) throws {
    let chain = try Self.chain(Self.text, override)
    let again = try Self.chain(chain.text)
    #expect(again.text == chain.text)
    #expect(again.output == chain.output)
    for (one, other) in zip(chain.stages, again.stages) {
      #expect(one.text == other.text)
      #expect(one.training.trainingLength == other.training.trainingLength)
    }
    #expect(chain.text.components(separatedBy: "# Updates of the weights").count == 2)
  }
}
