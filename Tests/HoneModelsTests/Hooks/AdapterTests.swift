import HoneFormats
import HoneModels
import HoneTensors
import Testing

/// Puts the embedded tokens that it is given before every sequence.
private final class TokensAhead: Adapter {
  let ids: [Int32]
  let table: Weight

  init(_ ids: [Int32], _ model: LanguageModel) {
    self.ids = ids
    table = model.decoder.embedding
  }

  var positionsAhead: Int { ids.count }

  func virtualTokens(in pass: Pass) -> Tensor? { embedded(ids, in: table, pass: pass) }
}

/// Puts the keys and values of a text before every sequence.
private final class TextAhead: Adapter {
  let rows: [(keys: Tensor, values: Tensor)]

  /// Collects what the network's own projections give; keys are those of a family without norms on
  /// them, turned by their positions.
  init(_ ids: [Int32], _ model: LanguageModel, engine: Engine) {
    let recorder = Recorder(model: model, positions: ids.count)
    let pass = Pass(engine)
    _ = model.decoder.hiddenStates(TokenBatch([ids]), adapter: recorder, in: pass)
    rows = recorder.rows
  }

  var positionsAhead: Int { rows[0].keys.shape[0] }

  func prefixes(in pass: Pass) -> [(keys: Tensor, values: Tensor)] { rows }

  private final class Recorder: Adapter {
    var rows: [(keys: Tensor, values: Tensor)] = []
    let table: RotaryTable
    let positions: Int
    let dimension: Int

    init(model: LanguageModel, positions: Int) {
      table = RotaryTable(model.spec.rotary)
      table.grow(to: positions)
      self.positions = positions
      dimension = model.spec.headDimension
    }

    func project(
      _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
    ) -> [Tensor] {
      let outputs = Projection.apply(bases, to: input, in: pass)
      if sites.count == 3 {
        let angles = RotaryAngles(
          positions: (0..<Int32(positions)).map { $0 }, cosines: table.cosines, sines: table.sines,
          pairCount: table.pairCount, headDimension: dimension)
        rows.append((rotated(outputs[1], angles, in: pass), outputs[2]))
      }
      return outputs
    }
  }
}

@Suite struct AdapterTests {
  private let engine = Engine(threads: 2, compute: .f32)
  private let ahead: [Int32] = [9, 140, 33, 201, 77]
  private let texts: [[Int32]] = [[5, 80, 12, 240, 9, 31, 66], [18, 4, 100, 250]]

  private func hidden(_ rows: [[Int32]], _ model: LanguageModel, _ adapter: any Adapter) -> [Float]
  {
    model.decoder.hiddenStates(TokenBatch(rows), adapter: adapter, in: Pass(engine)).values
  }

  /// The states of the texts' own tokens when they stand after other tokens.
  private func expected(_ model: LanguageModel) -> [Float] {
    let width = model.spec.hiddenSize
    return texts.flatMap {
      hidden([ahead + $0], model, NoAdapter()).dropFirst(ahead.count * width)
    }
  }

  private func adapters(_ model: LanguageModel) -> [any Adapter] {
    [TokensAhead(ahead, model), TextAhead(ahead, model, engine: engine)]
  }

  @Test(arguments: ["tiny-llama-tied", "tiny-llama-untied"])
  func `what an adapter puts ahead acts as the tokens that it was made of`(name: String) throws {
    let model = try LanguageModel(folder: fixture(name), engine: engine)
    for adapter in adapters(model) {
      let found = hidden(texts, model, adapter)
      let expected = expected(model)
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test func `a cache begins with what an adapter puts ahead`() throws {
    let model = try LanguageModel(folder: fixture("tiny-llama-tied"), engine: engine)
    for adapter in adapters(model) {
      let pass = Pass(engine)
      let cache = KeyValueCache(
        for: model.spec, sequences: 2, sequenceCapacity: 16, prefixCapacity: 16, compute: .f32)
      model.decoder.begin(cache, adapter: adapter, in: pass)
      #expect(cache.prefixCount == ahead.count)
      let batch = TokenBatch(
        ids: texts[0] + texts[1],
        sequences: [
          .init(rows: 0..<texts[0].count, slot: 1),
          .init(rows: texts[0].count..<texts[0].count + texts[1].count, slot: 0),
        ])
      let found = model.decoder.hiddenStates(batch, adapter: adapter, cache: cache, in: pass).values
      #expect(zip(found, expected(model)).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }
}
