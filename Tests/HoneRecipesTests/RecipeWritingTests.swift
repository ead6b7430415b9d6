import Foundation
import HoneAdapters
import HoneFormats
import Testing

@testable import HoneRecipes

@Suite struct RecipeWritingTests {
  @Test(arguments: [
    "",
    "training: {steps: 12, gradient_clip: none, warmup: 5}",
    "training: {epochs: 12, learning_rate: 3.3333333333333335e-05, seed: 9223372036854775807}",
    "output: \"runs/a b: # 'c' \\\" ü \\t\"",
  ]) func `a resolved recipe reads back as itself`(more: String) throws {
    let recipe = try RecipeTests.recipe(more)
    let text = recipe.text
    let again = try Recipe(parsing: text, file: "recipe.yaml", folder: "/elsewhere")
    #expect(again.text == text)
    #expect(again.output == recipe.output)
    #expect(again.data.text("train") == "/desk/train.jsonl")
    for setting in TrainingSection.settings where setting.key != "epochs" {
      #expect(again.training[setting.key] == recipe.training[setting.key], "\(setting.key)")
    }
    #expect(again.training.trainingLength == recipe.training.trainingLength)
    for setting in recipe.method.settings {
      #expect(again.methodSettings[setting.key] == recipe.methodSettings[setting.key])
    }
  }

  @Test func `words that look like something else are quoted`() throws {
    let text = """
      model: smollm2-135m
      method:
        lora:
          target_modules: ["1", "true", "none", "- x", "a: b", "q_proj", "#", "é", "{", "*a", ""]
          rank_pattern: {"a.b: c": 4, layers: 8.5}
      data: {train: t.jsonl, columns: {prompt: "yes", completion: "7"}}
      """.replacingOccurrences(of: ", \"\"]", with: "]")
    let recipe = try Recipe(parsing: text, file: "a.yaml", folder: "/desk")
    let again = try Recipe(parsing: recipe.text, file: "a.yaml", folder: "/desk")
    for setting in recipe.method.settings {
      #expect(again.methodSettings[setting.key] == recipe.methodSettings[setting.key])
    }
    #expect(again.data["columns"] == recipe.data["columns"])
  }

  @Test func `with an adapter to go on from, only what was given is written`() throws {
    let recipe = try Recipe(
      parsing: "model: smollm2-135m\nmethod: {lora: {from: old, dropout: 0.1}}\ndata: {train: t}",
      file: "a.yaml", folder: "/desk")
    #expect(recipe.text.contains("from: /desk/old\n"))
    #expect(recipe.text.contains("dropout: 0.1\n"))
    #expect(!recipe.text.contains("rank: "))
  }

  @Test func `the written recipe explains every key`() throws {
    let text = try RecipeTests.recipe().text
    for setting in TrainingSection.settings + DataSection.settings + LoRA.method.settings {
      #expect(text.contains("\n    \(setting.key): ") || text.contains("\n  \(setting.key): "))
    }
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
  }
}
