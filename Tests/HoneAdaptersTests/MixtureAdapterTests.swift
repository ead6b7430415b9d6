import Foundation
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

/// Methods on experts and short convolutions.
@Suite struct MixtureAdapterTests {
  private let engine = Engine(threads: 2, compute: .f32)

  private func model(_ name: String) throws -> LanguageModel {
    let path = tinyModel("families/\(name)")
    return try LanguageModel(
      LocalModel(path: path, layout: name.hasSuffix(".gguf") ? .gguf : .folder), engine: engine)
  }

  private func rows(_ name: String) throws -> TrainedRows {
    let file = try SafetensorsFile(path: tinyModel("families/\(name)/expected.safetensors"))
    let ids = file.numbers("input_ids", as: Int64.self).map(Int32.init)
    return TrainedRows([Array(ids[..<24]), Array(ids[24...])])
  }

  @Test func `peft's LoRA on parameters of three axes is read as one on each expert`() throws {
    let model = try model("qwen3_moe")
    let folder = tinyModel("families/qwen3_moe")
    let adapter = try AdapterFolder.load(
      "\(folder)/adapter-stacked", for: model, engine: engine)
    let expected = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let loss = model.loss(try rows("qwen3_moe"), adapter: adapter, engine: engine).loss
    #expect(abs(loss - expected.numbers("stacked_loss", as: Float.self)[0]) < 1e-5)
    // Written, it has modules for each expert, and is read as the same.
    let written = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: "\(written.path)/adapter")
    let again = try AdapterFolder.load("\(written.path)/adapter", for: model, engine: engine)
    #expect(model.loss(try rows("qwen3_moe"), adapter: again, engine: engine).loss == loss)
  }

  @Test func `stacked experts that do not fit are refused with what is wrong`() throws {
    let contents = try AdapterFolder.contents(
      of: tinyModel("families/qwen3_moe/adapter-stacked"))
    func expect(
      _ part: String, of model: String = "qwen3_moe", _ change: (inout AdapterContents) -> Void
    ) throws {
      var changed = contents
      change(&changed)
      do {
        _ = try AdapterFolder.adapter(
          changed, for: self.model(model), engine: engine, subject: "folder")
        Issue.record("it was read")
      } catch { #expect("\(error)".contains(part), "\(error)") }
    }
    try expect("the network has no experts", of: "qwen3") { _ in }
    try expect("lm_head.weight is no parameter that experts have") {
      $0.config["target_parameters"] = .array([.string("lm_head.weight")])
    }
    try expect("has shape [8, 32], expected [12, 32]") { $0.config["r"] = .integer(3) }
    try expect("experts.lora_B.weight: missing") {
      $0.entries.removeAll { $0.name.hasSuffix("mlp.experts.lora_B.weight") }
    }
  }

  @Test func `frozen experts get no gradient, and what chooses them is trained by name`() throws {
    let model = try model("qwen2_moe")
    func trained(_ targets: JSONValue) throws -> (any TrainableAdapter, Gradients) {
      let values = try LoRA.method.values(
        JSONObject([("rank", .integer(1)), ("target_modules", targets)]))
      let adapter = try LoRA.method.make(values, model, engine, 3)
      for parameter in adapter.parameters where parameter.name.contains("lora_B") {
        for index in 0..<parameter.tensor.shape.count {
          parameter.tensor.pointer[index] = 0.1
        }
      }
      let run = model.loss(try rows("qwen2_moe"), adapter: adapter, engine: engine)
      return (adapter, run.gradients)
    }
    let (linear, gradients) = try trained(.string("all-linear"))
    #expect(gradients.count == linear.parameters.count)
    #expect(!linear.parameters.contains { $0.name.contains(".mlp.gate.") })
    #expect(linear.parameters.contains { $0.name.contains(".mlp.experts.4.up_proj.") })
    let (router, own) = try trained(.array([.string("gate")]))
    #expect(router.parameters.count == 4)
    for parameter in router.parameters {
      let gradient = try #require(own[parameter.tensor]).values
      #expect(gradient.contains { $0 != 0 }, "\(parameter.name)")
    }
  }

  @Test func `keys cannot stand before a convolution`() throws {
    let model = try model("lfm2")
    let method = try AdapterMethods.named("prefix_tuning")
    do {
      _ = try method.make(method.values(), model, engine, 1)
      Issue.record("it was made")
    } catch { #expect("\(error)".contains("have no keys to put any before; take prompt_tuning")) }
  }

  @Test(arguments: ["mixtral", "qwen2_moe", "qwen3_moe", "lfm2"])
  func `a GGUF merges into a folder that computes the same`(name: String) throws {
    let model = try model("\(name)/model.gguf")
    let written = try TemporaryFolder()
    _ = try ModelMerge(model, adapters: [], engine: engine)
      .write(to: "\(written.path)/merged", format: .f32)
    let merged = try LanguageModel(
      LocalModel(path: "\(written.path)/merged", layout: .folder), engine: engine)
    let rows = try rows(name)
    #expect(
      merged.logits(rows.rows, adapter: NoAdapter(), engine: engine)
        == model.logits(rows.rows, adapter: NoAdapter(), engine: engine))
  }
}
