import Foundation
import HoneAdapters
import HoneModels
import HoneTensors
import Testing

@Suite struct MethodFactsTests {
  private let engine = Engine(threads: 2, compute: .f32)

  private func model() throws -> LanguageModel {
    try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
  }

  @Test(arguments: AdapterMethods.all.map(\.name))
  func `figures and facts are those of the adapter`(name: String) throws {
    let (model, method) = (try model(), try AdapterMethods.named(name))
    let adapter = try method.make(method.values(), model, engine, 1)
    let figures = try method.figures(on: model, engine: engine)
    #expect(figures.parameters == adapter.parameterCount)
    #expect(figures.memoryBytes >= 16 * adapter.parameterCount)
    #expect(method.facts.merges == (adapter.obstacleToMerging == nil))
    if name == "adalora" {
      let loss = model.loss(TrainedRows([[5, 9, 100, 31]]), adapter: adapter, engine: engine)
      adapter.stepEnded(1, of: 1, gradients: loss.gradients, in: engine)
    }
    let folder = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: folder.path)
    let (config, size) = try Self.contents(of: folder.path)
    // Saving adds what a configuration says of its base, and pruning takes numbers away.
    if name == "diff_pruning" {
      #expect(figures.fileBytes == Int(0.005 * Double(adapter.parameterCount / 2)) * 8)
    } else {
      // Where AdaLoRA's ranks go, the matrices may be larger or smaller than others.
      let limit = name == "adalora" ? size / 8 : 400
      #expect(abs(size - figures.fileBytes) < limit, "\(size), \(figures.fileBytes)")
    }
    for peer in method.facts.exchange {
      switch peer {
      case .peft(let type, let only):
        #expect(only != nil || config["peft_type"] as? String == type)
      case .adapterHub(nil):
        let other = try TemporaryFolder()
        try AdapterFolder.saveForAdapterHub(adapter, to: other.path, of: model, subject: name)
        let (config, _) = try Self.contents(of: other.path)
        #expect((config["version"] as? String)?.hasPrefix("adapters.") == true)
      case .adapterHub: break
      }
    }
    if method.facts.exchange.isEmpty {
      #expect((config["peft_type"] as? String)?.hasPrefix("HONE_") == true)
    }
  }

  /// A folder's configuration, and how large its files are.
  private static func contents(of folder: String) throws -> ([String: Any], Int) {
    let files = FileManager.default
    let sizes = try files.contentsOfDirectory(atPath: folder).map {
      try files.attributesOfItem(atPath: "\(folder)/\($0)")[.size] as? Int ?? 0
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/adapter_config.json"))
    let json = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    return (json ?? [:], sizes.reduce(0, +))
  }

  @Test func `what does not fit into memory is not counted`() throws {
    let (model, method) = (try model(), try AdapterMethods.named("diff_pruning"))
    #expect {
      try method.figures(on: model, availableBytes: 1000, engine: engine)
    } throws: { "\($0)".hasPrefix("diff_pruning: is not counted: its numbers alone take ") }
    #expect(
      try AdapterMethods.named("lora").figures(
        on: model, availableBytes: 1000, engine: engine
      ).parameters > 0)
  }
}
