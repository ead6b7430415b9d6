import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

/// A LoRA on all linear layers of each family's tiny model, against peft.
@Suite struct FamilyGradientTests {
  @Test(arguments: Architectures.fixtures(checked: .gradients))
  func `peft's LoRA gives its loss and its gradients`(name: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let folder = tinyModel("families/\(name)")
    let model = try LanguageModel(folder: folder, engine: engine)
    let adapter = try AdapterFolder.load("\(folder)/adapter", for: model, engine: engine)
    let expected = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let ids = expected.numbers("input_ids", as: Int64.self).map(Int32.init)
    let rows = TrainedRows([Array(ids[..<24]), Array(ids[24...])])
    let again = [false, true].map {
      model.loss(rows, adapter: adapter, engine: engine, recomputing: $0)
    }
    #expect(again[0].loss == again[1].loss)
    #expect(abs(again[0].loss - expected.numbers("loss", as: Float.self)[0]) < 1e-5)
    for parameter in adapter.parameters {
      let sought = expected.numbers(parameter.name, as: Float.self)
      #expect(!sought.isEmpty, "\(parameter.name)")
      for run in again {
        let found = try #require(run.gradients[parameter.tensor], "\(parameter.name)").values
        #expect(relativeError(found, sought) < 1e-4, "\(parameter.name)")
      }
    }
  }
}
