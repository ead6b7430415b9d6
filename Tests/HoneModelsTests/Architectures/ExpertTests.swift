import Foundation
import HoneFormats
import HoneTensors
import Testing

@testable import HoneModels

/// What is special about mixtures of experts, beside what every family is held to.
@Suite struct ExpertTests {
  private func load(_ name: String) throws -> LanguageModel {
    let engine = Engine(threads: 1, compute: .f32)
    return name.hasSuffix(".gguf")
      ? try LanguageModel(gguf: fixture("families/\(name)"), engine: engine)
      : try LanguageModel(folder: fixture("families/\(name)"), engine: engine)
  }

  @Test func `experts are called as in transformers 4 and on disk`() throws {
    let mixtral = try load("mixtral").spec
    #expect(
      mixtral.site(.expertUp, layer: 1, expert: 3).path
        == "model.layers.1.block_sparse_moe.experts.3.w3")
    #expect(mixtral.site(.router, layer: 0).path == "model.layers.0.block_sparse_moe.gate")
    let qwen = try load("qwen2_moe").spec
    #expect(
      qwen.site(.expertDown, layer: 0, expert: 4).path == "model.layers.0.mlp.experts.4.down_proj")
    #expect(
      qwen.site(.sharedGate, layer: 0).path == "model.layers.0.mlp.shared_expert.gate_proj")
    #expect(qwen.sites(of: 0).count == 4 + 1 + 5 * 3 + 4)
    let dense = try load("qwen2_moe-dense").spec
    #expect(dense.sites(of: 0).map(\.name).suffix(3) == ["gate_proj", "up_proj", "down_proj"])
    #expect(dense.sites(of: 1).contains { $0.expert == 3 })
  }

  @Test func `a GGUF's experts stay quantised, where they lie in the file`() throws {
    let model = try load("qwen3_moe/model.gguf")
    for kind in DecoderSpec.expertKinds {
      let weights = (0..<4).map {
        model.decoder.projection(at: model.spec.site(kind, layer: 0, expert: $0)).weight
      }
      #expect(weights.allSatisfy { $0.format == .q8_0 })
      for (one, next) in zip(weights, weights.dropFirst()) {
        #expect(next.bytes == one.bytes + one.byteCount)
      }
    }
  }

  @Test func `a token needs the bytes of its own experts alone`() throws {
    let decoder = try load("mixtral").decoder
    let expert = 3 * 16 * 24 * 4
    #expect(decoder.weightBytes - decoder.bytesReadPerToken == 2 * (4 - 2) * expert)
  }

  @Test func `what is quantised in memory is the experts, not what chooses them`() throws {
    let model = try LanguageModel(
      folder: fixture("families/qwen3_moe"), engine: Engine(threads: 1), quantization: .q8_0)
    func format(_ site: Site) -> StorageFormat {
      model.decoder.projection(at: site).weight.format
    }
    #expect(format(model.spec.site(.expertGate, layer: 0, expert: 2)) == .q8_0)
    #expect(format(model.spec.site(.router, layer: 0)) == .f32)
  }
}
