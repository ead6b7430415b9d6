import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

private let fixtures =
  URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().path + "/Fixtures/base-changes"

/// Methods that no library has, against a few lines of torch (`make_base_change_fixtures.py`).
@Suite struct BaseChangeTests {
  @Test(arguments: [
    (
      "diff_pruning",
      JSONObject([
        ("target_modules", .array([.string("q_proj"), .string("down_proj")])),
        ("l0_weight", .number(1e-5)),
      ])
    ),
    ("bitfit", JSONObject([("norms", .bool(false))])),
  ])
  func `logits, loss and every gradient are torch's`(
    name: String, settings: JSONObject
  ) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    let method = try AdapterMethods.named(name)
    let adapter = try method.make(method.values(settings), model, engine, 1)
    let file = try SafetensorsFile(path: "\(fixtures)/\(name).safetensors")
    for parameter in adapter.parameters {
      let start = file.floats("start.\(parameter.name)")
      try #require(start.count == parameter.tensor.shape.count, "\(parameter.name)")
      for (index, value) in start.enumerated() { parameter.tensor.pointer[index] = value }
    }
    let batch = TrainedRows(
      ids: file.numbers("input_ids", as: Int64.self).map(Int32.init),
      labels: file.numbers("labels", as: Int64.self).map(Int32.init), length: 20)
    let logits = model.logits(batch.rows, adapter: adapter, engine: engine)
    #expect(largestDifference(logits, file.floats("logits")) < 1e-5)
    let (loss, gradients) = model.loss(batch, adapter: adapter, engine: engine)
    #expect(abs(loss - file.floats("loss")[0]) < 1e-5)
    for parameter in adapter.parameters {
      let gradient = try #require(gradients[parameter.tensor])
      let error = relativeError(gradient.values, file.floats("gradient.\(parameter.name)"))
      #expect(error < 1e-4, "\(parameter.name)")
    }
  }
}
