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
  init(_ ids: [Int32], _ model: LanguageModel, engine: Engine) throws {
    let recorder = try Recorder(model: model, positions: ids.count)
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

    init(model: LanguageModel, positions: Int) throws {
      table = RotaryTable(try #require(model.spec.rotary))
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

  private func adapters(_ model: LanguageModel) throws -> [any Adapter] {
    [TokensAhead(ahead, model), try TextAhead(ahead, model, engine: engine)]
  }

  @Test(arguments: ["tiny-llama-tied", "tiny-llama-untied"])
  func `what an adapter puts ahead acts as the tokens that it was made of`(name: String) throws {
    let model = try LanguageModel(folder: fixture(name), engine: engine)
    for adapter in try adapters(model) {
      let found = hidden(texts, model, adapter)
      let expected = expected(model)
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test func `a cache begins with what an adapter puts ahead`() throws {
    let model = try LanguageModel(folder: fixture("tiny-llama-tied"), engine: engine)
    for adapter in try adapters(model) {
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

  @Test func `what is trained ahead gets its gradient, also when blocks run again`() throws {
    let model = try LanguageModel(folder: fixture("tiny-llama-untied"), engine: engine)
    let adapter = TrainedAhead(model, engine: engine)
    let rows = texts.indices.flatMap { text -> [Int32] in
      let start = texts[..<text].reduce(0) { $0 + $1.count }
      return (start..<start + texts[text].count - 1).map { Int32($0) }
    }
    let targets = texts.flatMap { $0.dropFirst() }
    func loss(recomputing: Bool = false) -> (Double, Gradients) {
      let tape = Tape()
      let pass = Pass(engine, tape: tape, recomputingBlocks: recomputing)
      let hidden = model.decoder.hiddenStates(TokenBatch(texts), adapter: adapter, in: pass)
      let total = model.decoder.crossEntropy(
        hidden, rows: rows, targets: targets, weight: 1, adapter: adapter, in: pass
      ).total
      let value = Double(total.values[0])
      return (value, tape.gradients(of: total, seed: engine.tensor([1], [1]), in: engine))
    }
    let (kept, again) = (loss().1, loss(recomputing: true).1)
    for tensor in adapter.trained {
      let gradient = try #require(kept[tensor]).values
      let other = try #require(again[tensor]).values
      #expect(zip(gradient, other).allSatisfy { abs($0 - $1) < 1e-5 })
      let length = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(length > 1e-3)
      let start = tensor.values
      func moved(_ by: Double) -> Double {
        for index in start.indices {
          tensor.pointer[index] = start[index] + Float(by * Double(gradient[index]) / length)
        }
        return loss().0
      }
      let slope = (moved(0.01) - moved(-0.01)) / 0.02
      for index in start.indices { tensor.pointer[index] = start[index] }
      #expect(abs(slope - length) < 0.02 * length)
    }
  }
}

/// Trained rows ahead, and trained keys and values of which one layer's are the double of another's.
private final class TrainedAhead: Adapter {
  let tokens: Tensor
  let keys: Tensor
  let layerCount: Int
  var trained: [Tensor] { [tokens, keys] }

  init(_ model: LanguageModel, engine: Engine) {
    func random(_ rows: Int, _ columns: Int, _ purpose: String) -> Tensor {
      let source = RandomSource(seed: 4, purpose: purpose)
      let tensor = engine.tensor(
        [rows, columns], (0..<rows * columns).map { Float(0.5 * source.normal(UInt64($0))) })
      tensor.needsGradient = true
      return tensor
    }
    tokens = random(3, model.spec.hiddenSize, "tokens")
    keys = random(2, model.spec.keyValueWidth, "keys")
    layerCount = model.spec.layerCount
  }

  var positionsAhead: Int { 5 }

  func virtualTokens(in pass: Pass) -> Tensor? { tokens }

  func prefixes(in pass: Pass) -> [(keys: Tensor, values: Tensor)] {
    let double = added(keys, keys, in: pass)
    return (0..<layerCount).map { $0 % 2 == 0 ? (keys, double) : (double, keys) }
  }
}
