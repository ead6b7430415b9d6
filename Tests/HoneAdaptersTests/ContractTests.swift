import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

/// A method with its defaults or one of its examples.
struct ContractCase: CustomTestStringConvertible, Sendable {
  let method: AdapterMethod
  let settings: JSONObject

  static let all = AdapterMethods.all.flatMap { method in
    ([JSONObject()] + method.examples).map { ContractCase(method: method, settings: $0) }
  }

  var testDescription: String { "\(method.name) \(JSONValue.object(settings))" }

  func make(
    _ model: LanguageModel, _ engine: Engine, seed: UInt64 = 7
  ) throws -> any TrainableAdapter {
    try method.make(method.values(settings), model, engine, seed)
  }

  /// An adapter whose numbers are somewhere else than at the start.
  func makeMoved(_ model: LanguageModel, _ engine: Engine) throws -> any TrainableAdapter {
    let adapter = try make(model, engine)
    for parameter in adapter.parameters {
      let source = RandomSource(seed: 3, purpose: parameter.name)
      for index in 0..<parameter.tensor.shape.count {
        parameter.tensor.pointer[index] += Float(0.05 * source.normal(UInt64(index)))
      }
    }
    return adapter
  }
}

/// What every method keeps to, run over the list of them.
@Suite struct ContractTests {
  /// Full precision, tied and not, with odd sizes; bf16; and every kind of blocks.
  private static let bases = [
    "tiny-llama-tied", "tiny-llama-untied", "tiny-llama-bf16", "tiny-llama-gguf/tied-q4_1.gguf",
    "tiny-llama-gguf/wide-q4_k.gguf", "tiny-llama-even in nf4",
  ]
  private let rows: [[Int32]] = [
    (0..<19).map { Int32(($0 * 37 + 11) % 250 + 3) },
    (0..<12).map { Int32(($0 * 61 + 5) % 250 + 3) },
  ]

  private func load(_ name: String, threads: Int = 2) throws -> (LanguageModel, Engine) {
    let engine = Engine(threads: threads, compute: .f32)
    let words = name.components(separatedBy: " in ")
    let path = tinyModel(words[0])
    let quantization = try words.dropFirst().first.map {
      try #require(WeightQuantization(rawValue: $0)?.format)
    }
    return (
      name.hasSuffix(".gguf")
        ? try LanguageModel(gguf: path, engine: engine)
        : try LanguageModel(folder: path, engine: engine, quantization: quantization), engine
    )
  }

  @Test(arguments: AdapterMethods.all.map(\.name))
  func `a method says what it is and what may be set`(name: String) throws {
    let method = try AdapterMethods.named(name)
    #expect(method.summary.hasSuffix(".") && !method.source.isEmpty)
    #expect(Set(method.settings.map(\.key)).count == method.settings.count)
    for setting in method.settings {
      #expect(setting.summary.hasSuffix("."), "\(setting.key)")
      #expect(setting.key == setting.key.lowercased(), "\(setting.key)")
    }
    for example in method.examples { _ = try method.values(example) }
    for words in [method.facts.trained, method.facts.parameters, method.facts.memory] {
      #expect(!words.isEmpty && !words.hasSuffix("."), "\(words)")
    }
    let namesakes = AdapterMethods.all.filter { $0.name == name }
    #expect(namesakes.count == 1)
  }

  @Test(arguments: ContractCase.all, bases)
  func `an untrained adapter changes nothing, or says why`(item: ContractCase, base: String) throws
  {
    let (model, engine) = try load(base)
    let adapter = try item.make(model, engine)
    let plain = model.logits(rows, adapter: NoAdapter(), engine: engine)
    let adapted = model.logits(rows, adapter: adapter, engine: engine)
    if item.method.changeAtStart == nil { #expect(largestDifference(adapted, plain) < 1e-5) }
    #expect(!adapted.contains { !$0.isFinite })
  }

  @Test(arguments: ContractCase.all, bases)
  func `only its own parameters get gradients, and all of them`(
    item: ContractCase, base: String
  ) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    #expect(Set(adapter.parameters.map(\.name)).count == adapter.parameters.count)
    let (_, gradients) = model.loss(TrainedRows(rows), adapter: adapter, engine: engine)
    for parameter in adapter.parameters {
      let gradient = try #require(gradients[parameter.tensor], "\(parameter.name)")
      #expect(gradient.values.contains { $0 != 0 }, "\(parameter.name)")
    }
    #expect(gradients.count == adapter.parameters.count)
  }

  @Test(arguments: ContractCase.all, bases)
  func `gradients agree with differences of the loss`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    // Its gradient takes the lengths of rows for constants.
    (adapter as? DoRA)?.holdLengths()
    let random = RandomSource(seed: 5, purpose: "contract", step: 1)
    let batch = TrainedRows(rows)
    func loss() -> Double {
      Double(model.loss(batch, adapter: adapter, engine: engine, random: random).loss)
    }
    let gradients = model.loss(batch, adapter: adapter, engine: engine, random: random).gradients
    // Along each parameter's gradient the loss changes fastest, far above the rounding of f32.
    for parameter in adapter.parameters {
      let gradient = try #require(gradients[parameter.tensor]).values
      let length = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let start = parameter.tensor.values
      func slope(_ step: Double) -> Double {
        func move(_ by: Double) -> Double {
          for index in start.indices {
            parameter.tensor.pointer[index] =
              start[index] + Float(by * Double(gradient[index]) / length)
          }
          return loss()
        }
        return (move(step) - move(-step)) / (2 * step)
      }
      // Differences of two widths cancel the error of the second order. A kink beside the point (of
      // a ReLU, of a gate's end) spoils a wide difference and rounding a narrow one: a gradient that
      // is right agrees at some width, a wrong one at none.
      let width = min(0.02, max(1e-3, 2e-3 / length))
      var found: [Double] = []
      for step in [width, width / 3, width * 3] {
        found.append((4 * slope(step) - slope(2 * step)) / 3)
        if abs(found[found.count - 1] - length) < 0.02 * length + 2e-4 { break }
      }
      for index in start.indices { parameter.tensor.pointer[index] = start[index] }
      let error = found.map { abs($0 - length) }.min() ?? .infinity
      #expect(error < 0.02 * length + 2e-4, "\(parameter.name): \(found), not \(length)")
    }
  }

  @Test(arguments: ContractCase.all, bases)
  func `a folder gives back the same adapter`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    // In mid-run a folder may hold what would be left now.
    if adapter.isProvisional {
      adapter.stepEnded(1, of: 1, gradients: Gradients(engine: engine), in: engine)
    }
    let folder = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: folder.path, base: base)
    let again = try AdapterFolder.load(folder.path, for: model, engine: engine)
    #expect(again.methodName == adapter.methodName)
    #expect(
      model.logits(rows, adapter: again, engine: engine)
        == model.logits(rows, adapter: adapter, engine: engine))
    let second = try TemporaryFolder()
    try AdapterFolder.save(again, to: second.path, base: base)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(files.count == 2)
    for name in files {
      #expect(areSame("\(folder.path)/\(name)", "\(second.path)/\(name)"), "\(name)")
    }
  }

  @Test(arguments: ContractCase.all, bases)
  func `the state carries training to a new adapter`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    let fresh = try item.make(model, engine, seed: 8)
    #expect(fresh.state.map(\.name) == adapter.state.map(\.name))
    for (target, source) in zip(fresh.state, adapter.state) {
      target.tensor.pointer.update(from: source.tensor.pointer, count: source.tensor.shape.count)
    }
    let batch = TrainedRows(rows)
    let random = RandomSource(seed: 5, purpose: "contract", step: 2)
    let losses = [adapter, fresh].map {
      model.loss(batch, adapter: $0, engine: engine, random: random).loss
    }
    #expect(losses[0] == losses[1])
  }

  @Test(arguments: ContractCase.all, bases)
  func `merged, it gives the same logits`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    if let obstacle = adapter.obstacleToMerging {
      #expect(!obstacle.isEmpty)
      #expect(throws: AdapterError.self) {
        try ModelMerge(model, adapters: [adapter], engine: engine)
      }
      return
    }
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/merged"
    let report = try ModelMerge(model, adapters: [adapter], engine: engine)
      .write(to: path, format: .f32)
    let merged = try LanguageModel(folder: path, engine: engine)
    let found = merged.logits(rows, adapter: NoAdapter(), engine: engine)
    let expected = model.logits(rows, adapter: adapter, engine: engine)
    // A moved adapter of the embedding makes logits of some tens: the rounding is relative to them.
    let limit = 1e-5 * max(10, expected.reduce(0) { max($0, abs($1)) })
    #expect(report.largestDifference < Double(limit) && report.topAgreement == 1)
    #expect(largestDifference(found, expected) < limit)
  }

  @Test(arguments: ContractCase.all, bases)
  func `training leaves the base as it was, to the bit`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let before = model.logits(rows, adapter: NoAdapter(), engine: engine)
    let adapter = try item.make(model, engine)
    let batch = TrainedRows(rows)
    let first = model.loss(batch, adapter: adapter, engine: engine).loss
    var adam = Adam(adapter.parameters)
    var last = first
    for step in 1...12 {
      let random = RandomSource(seed: 5, purpose: "contract", step: UInt64(step))
      let (loss, gradients) = model.loss(batch, adapter: adapter, engine: engine, random: random)
      adam.step(gradients, rate: 5e-3)
      adapter.stepEnded(step, of: 12, gradients: gradients, in: engine)
      last = loss
    }
    last = model.loss(batch, adapter: adapter, engine: engine).loss
    #expect(last < first, "the loss fell from \(first) to \(last)")
    #expect(model.logits(rows, adapter: NoAdapter(), engine: engine) == before)
  }

  @Test(
    arguments: ContractCase.all,
    [
      "tiny-llama-sharded", "tiny-llama-gguf/tied-f32.gguf", "tiny-llama-gguf/tied-q8_0.gguf",
      "tiny-llama-even in fp4", "tiny-llama-even in int8",
    ])
  func `every weight format serves as a base`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    let (loss, gradients) = model.loss(TrainedRows(rows), adapter: adapter, engine: engine)
    #expect(loss.isFinite)
    #expect(gradients.count == adapter.parameters.count)
    guard adapter.obstacleToMerging == nil else { return }
    let folder = try TemporaryFolder()
    let report = try ModelMerge(model, adapters: [adapter], engine: engine)
      .write(to: "\(folder.path)/merged", format: .f32)
    #expect(report.largestDifference < 1e-3)
  }

  @Test(arguments: ContractCase.all, bases)
  func `rows of a batch do not influence each other`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    let together = model.logits(rows, adapter: adapter, engine: engine)
    let apart = rows.flatMap { model.logits([$0], adapter: adapter, engine: engine) }
    #expect(together == apart)
  }

  @Test(arguments: ContractCase.all, bases)
  func `continuations of one beginning are as whole sequences`(
    item: ContractCase, base: String
  ) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    let (beginning, ends) = (
      Array(rows[0][..<7]), [Array(rows[0][7...]), Array(rows[1].suffix(5))]
    )
    let batch = TokenBatch([(beginning, ends), (rows[1], []), (beginning, [ends[1]])])
    let whole = [beginning + ends[0], beginning + ends[1], rows[1], beginning + ends[1]]
    // Where each whole sequence's rows are in the batch.
    let (first, second) = (ends[0].count, ends[1].count)
    let after = 7 + first + second
    let last = after + rows[1].count
    let places = [
      Array(0..<7 + first), Array(0..<7) + Array(7 + first..<after), Array(after..<last),
      Array(last..<last + 7 + second),
    ].flatMap { $0.map { Int32($0) } }

    func run(_ batch: TokenBatch, _ places: [Int32]) throws -> (Tensor, Gradients) {
      let tape = Tape()
      let pass = Pass(engine, tape: tape)
      let hidden = model.decoder.hiddenStates(batch, adapter: adapter, in: pass)
      let states = gathered(places, from: hidden, in: pass)
      let losses = model.decoder.crossEntropy(
        states, rows: (0..<Int32(places.count)).map { $0 }, targets: whole.flatMap { $0 },
        weight: 1, adapter: adapter, in: pass)
      return (
        states, tape.gradients(of: losses.total, seed: engine.tensor([1], [1]), in: engine)
      )
    }
    let (shared, gradients) = try run(batch, places)
    let count = Int32(whole.joined().count)
    let (apart, expected) = try run(TokenBatch(whole), Array(0..<count))
    #expect(shared.values == apart.values)
    for parameter in adapter.parameters {
      let found = try #require(gradients[parameter.tensor], "\(parameter.name)").values
      let sought = try #require(expected[parameter.tensor]).values
      #expect(relativeError(found, sought) < 1e-5, "\(parameter.name)")
    }
  }

  @Test(arguments: ContractCase.all, bases)
  func `a cache gives the logits of whole sequences`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    let whole = model.logits([rows[0]], adapter: adapter, engine: engine)
    let cache = KeyValueCache(
      for: model.spec, sequenceCapacity: 64, prefixCapacity: adapter.positionsAhead + 6,
      compute: .f32)
    let pass = Pass(engine)
    func logits(_ ids: ArraySlice<Int32>, _ pass: Pass) -> [Float] {
      let batch = TokenBatch(
        ids: Array(ids), sequences: [.init(rows: 0..<ids.count, position: cache.counts[0])])
      return model.decoder.logits(
        model.decoder.hiddenStates(batch, adapter: adapter, cache: cache, in: pass),
        adapter: adapter, in: pass
      ).values
    }
    model.decoder.begin(cache, adapter: adapter, in: pass)
    #expect(cache.prefixCount == adapter.positionsAhead)
    var found = logits(rows[0][..<6], pass)
    cache.sharePrefix()
    found += logits(rows[0][6..<15], pass)
    for place in 15..<rows[0].count {
      found += logits(rows[0][place...place], Pass(engine, of: .nextTokens))
    }
    #expect(largestDifference(found, whole) < 1e-4)
  }

  @Test(arguments: ContractCase.all, bases)
  func `blocks that run again give the same gradients`(item: ContractCase, base: String) throws {
    let (model, engine) = try load(base)
    let adapter = try item.makeMoved(model, engine)
    let random = RandomSource(seed: 5, purpose: "contract", step: 3)
    let batch = TrainedRows(rows)
    let kept = model.loss(batch, adapter: adapter, engine: engine, random: random)
    let again = model.loss(
      batch, adapter: adapter, engine: engine, random: random, recomputing: true)
    #expect(kept.loss == again.loss)
    for parameter in adapter.parameters {
      let gradients = try [kept.gradients, again.gradients].map {
        try #require($0[parameter.tensor], "\(parameter.name)").values
      }
      #expect(relativeError(gradients[1], gradients[0]) < 1e-6, "\(parameter.name)")
    }
  }

  @Test(arguments: ContractCase.all, bases)
  func `the number of threads changes no bit`(item: ContractCase, base: String) throws {
    var results: [[[Float]]] = []
    for threads in 1...3 {
      let (model, engine) = try load(base, threads: threads)
      let adapter = try item.makeMoved(model, engine)
      let random = RandomSource(seed: 5, purpose: "contract", step: 4)
      let (loss, gradients) = model.loss(
        TrainedRows(rows), adapter: adapter, engine: engine, random: random)
      results.append(
        [[loss]] + (try adapter.parameters.map { try #require(gradients[$0.tensor]).values }))
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  @Test(arguments: ContractCase.all)
  func `two of them at once are what each does, added up where they add`(
    item: ContractCase
  ) throws {
    let (model, engine) = try load("tiny-llama-tied")
    let adapter = try item.makeMoved(model, engine)
    let stacked = AdapterStack([adapter, adapter])
    let together = AdapterStack.together([adapter, adapter], in: engine)
    let logits = [stacked, together].map { model.logits(rows, adapter: $0, engine: engine) }
    #expect(largestDifference(logits[0], logits[1]) < 1e-4)
    guard item.method.changeAtStart == nil else { return }
    let fresh = try item.make(model, engine)
    let alone = model.logits(rows, adapter: adapter, engine: engine)
    let both = model.logits(rows, adapter: AdapterStack([fresh, adapter]), engine: engine)
    #expect(largestDifference(both, alone) < 1e-4)
  }
}

/// Kingma & Ba, "Adam", 2015, in its plainest form.
struct Adam {
  private let parameters: [Parameter]
  private var moments: [(first: [Float], second: [Float])]
  private var count: Float = 0

  init(_ parameters: [Parameter]) {
    self.parameters = parameters
    moments = parameters.map {
      let zeros = [Float](repeating: 0, count: $0.tensor.shape.count)
      return (zeros, zeros)
    }
  }

  mutating func step(_ gradients: Gradients, rate: Float) {
    count += 1
    let (first, second) = (1 - pow(0.9, count), 1 - pow(0.999, count))
    for (place, parameter) in parameters.enumerated() {
      guard let gradient = gradients[parameter.tensor]?.values else { continue }
      for (index, value) in gradient.enumerated() {
        moments[place].first[index] = 0.9 * moments[place].first[index] + 0.1 * value
        moments[place].second[index] = 0.999 * moments[place].second[index] + 0.001 * value * value
        parameter.tensor.pointer[index] -=
          rate * (moments[place].first[index] / first)
          / ((moments[place].second[index] / second).squareRoot() + 1e-8)
      }
    }
  }
}
