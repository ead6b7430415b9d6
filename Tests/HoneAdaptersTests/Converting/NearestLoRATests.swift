import Foundation
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

@Suite struct NearestLoRATests {
  private let engine = Engine(threads: 2, compute: .f32)
  private let model: LanguageModel
  private let rows: [[Int32]] = [(0..<19).map { Int32(($0 * 37 + 11) % 250 + 3) }]

  init() throws {
    model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
  }

  private func adapter(
    _ name: String, _ settings: [(String, JSONValue)] = []
  ) throws -> any TrainableAdapter {
    try ContractCase(
      method: AdapterMethods.named(name), settings: JSONObject(settings)
    ).makeMoved(model, engine)
  }

  private func nearest(_ adapter: any TrainableAdapter, _ rank: Int) throws -> NearestLoRA {
    try LoRA.nearest(to: adapter, rank: rank, of: "it", model: model, engine: engine)
  }

  private func difference(_ one: any Adapter, _ two: any Adapter) -> Float {
    largestDifference(
      model.logits(rows, adapter: one, engine: engine),
      model.logits(rows, adapter: two, engine: engine))
  }

  @Test(arguments: [
    ("ia3", [("target_modules", JSONValue.string("all-linear"))]), ("diff_pruning", []),
    (
      "selective",
      [
        ("last_layers", .integer(0)),
        ("target_modules", .string(".*(lm_head|embed_tokens|1.*down_proj)")),
      ]
    ),
  ])
  func `of full rank it computes what the adapter does`(
    name: String, settings: [(String, JSONValue)]
  ) throws {
    let adapter = try adapter(name, settings)
    let whole = try nearest(adapter, 72)
    #expect(whole.residual < 1e-5)
    #expect(difference(whole.adapter, adapter) < 1e-4)
    #expect(difference(whole.adapter, NoAdapter()) > 1e-3)
  }

  @Test func `a LoRA becomes one of its own rank without loss, and of a smaller with`() throws {
    let lora = try adapter("lora", [("rank", .integer(6)), ("rslora", .bool(true))])
    let same = try nearest(lora, 6)
    #expect(same.residual == 0 && same.adapter.modules.allSatisfy { $0.scale == 1 })
    #expect(difference(same.adapter, lora) < 2e-5)
    let smaller = try nearest(lora, 3)
    #expect(smaller.residual > 0.2 && smaller.residual < 1)
    #expect(smaller.residuals.count == 14 && smaller.residuals.allSatisfy { $0.share > 0.1 })
  }

  /// The spectrum that is known: no LoRA of a rank is nearer than the leading singular vectors.
  @Test func `what is left out is what the singular values say`() throws {
    let adapter = try adapter("diff_pruning", [("target_modules", .array([.string("v_proj")]))])
    let found = try nearest(adapter, 5)
    for residual in found.residuals {
      let site = try #require(model.spec.sites.first { $0.path == residual.path })
      let base = MergedProjection(model.decoder.projection(at: site))
      var merged = base
      adapter.merge(into: &merged, at: site)
      let change = zip(merged.weight, base.weight).map { Double($0 - $1) }
      // The identity as the other factor: the matrix itself, column by column.
      let columns = (0..<base.columns).map { column in
        (0..<base.rows).map { change[$0 * base.columns + column] }
      }
      let unit = (0..<base.columns).map { row in
        (0..<base.columns).map { $0 == row ? 1.0 : 0 }
      }
      let values = LowRankFactors(outer: columns, inner: unit).values.map { $0 * $0 }
      let best = (values.dropFirst(5).reduce(0, +) / values.reduce(0, +)).squareRoot()
      #expect(residual.share > best * 0.9999 && residual.share < best * 1.02)
    }
  }

  private func fault(_ adapter: any TrainableAdapter) -> String {
    do { _ = try nearest(adapter, 4) } catch { return "\(error)" }
    return "nothing was thrown"
  }

  @Test func `what no LoRA can hold is named`() throws {
    let bottleneck = fault(try adapter("bottleneck"))
    #expect(bottleneck.hasPrefix("it: is bottleneck: "))
    #expect(bottleneck.hasSuffix("; no LoRA does the same; use the adapter as it is"))
    #expect(fault(try adapter("prompt_tuning")).hasPrefix("it: is prompt_tuning: what stands"))
    let norms = fault(
      try adapter("selective", [("norms", .bool(true)), ("last_layers", .integer(0))]))
    #expect(norms.contains("model.norm.weight: is changed, and a LoRA changes projections alone"))
    let biases = fault(try adapter("bitfit", [("norms", .bool(false))]))
    #expect(biases.contains("self_attn.q_proj: its bias is changed, and a LoRA has none"))
    let ia3 = try AdapterMethods.named("ia3")
    #expect(
      fault(try ia3.make(ia3.values(), model, engine, 1)).hasPrefix("it: changes nothing; "))
  }
}
