import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneTraining

/// What peft and torch compute in float64 when SmolLM2-135M is trained with other methods than LoRA,
/// see `make_smollm2_methods_fixture.py`.
@Suite(.serialized, .enabled(if: SmolLM2.path != nil, "SmolLM2 is not cached: SKIPPED"))
struct SmolLM2MethodsTests {
  static let variants: [String] = {
    let path = fixture("smollm2-methods/expected.json")
    guard let file = try? MappedFile(path: path),
      let said = try? JSONParser.parse(contentsOf: file), let object = said.object
    else { return [] }
    return object.keys.sorted()
  }()

  @Test func `there is something to compare with`() {
    #expect(Self.variants.count >= 13)
  }

  @Test(arguments: variants)
  func `ten steps have peft's losses`(variant: String) throws {
    let file = try MappedFile(path: fixture("smollm2-methods/expected.json"))
    let said = try #require(JSONParser.parse(contentsOf: file)[variant])
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(
      LocalModel(path: #require(SmolLM2.path), layout: .gguf), engine: engine)
    let method = try AdapterMethods.named(#require(said["method"]?.string))
    let adapter = try method.make(
      method.values(#require(said["settings"]?.object)), model, engine, 1)
    #expect(adapter.parameterCount == said["trained"]?.integer)
    let starts = said["starts"]?.array ?? []
    for parameter in adapter.parameters {
      let start = starts.first {
        let text = $0.array?[0].string ?? ""
        return text.isEmpty || parameter.name.contains(text)
      }
      guard let numbers = start?.array, let centre = numbers[1].double,
        let bound = numbers[2].double
      else { continue }
      SmolLM2.start(parameter, centre: centre, bound: bound)
    }
    let run = TemporaryRun()
    var losses: [Double] = []
    _ = try TrainingRun(
      model.decoder, adapter: adapter,
      objective: Supervised(vocabularySize: model.spec.vocabularySize),
      source: FixedBatches(steps: [[SmolLM2.batch()]]),
      options: plainOptions(steps: 10, rate: #require(said["learning_rate"]?.double)),
      engine: engine, folder: run.folder
    ).run(listener: { if case .step(let step) = $0 { losses.append(step.loss) } })
    let expected = try #require(said["losses"]?.array).compactMap(\.double)
    try #require(losses.count == 10 && expected[10] < 0.97 * expected[0])
    let worst = zip(losses, expected).map { abs($0 - $1) / $1 }.max() ?? .infinity
    print("SmolLM2 \(variant): losses differ from peft's by \(worst) at most")
    #expect(worst < 1e-3, "\(losses)")
    guard let kept = said["kept"]?.array?.compactMap(\.string) else { return }
    let found = adapter.state.filter { $0.name.hasSuffix(".kept") }
      .map { $0.tensor.values.map { $0 == 0 ? "0" : "1" }.joined() }
    #expect(found == kept)
  }
}
