import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneTraining

/// What peft and torch compute in float64 when SmolLM2-135M is trained with LoRA, see
/// `make_smollm2_lora_fixture.py`.
@Suite(.serialized, .enabled(if: SmolLM2.path != nil, "SmolLM2 is not cached: SKIPPED"))
struct SmolLM2Tests {
  static let variants = ["plain", "rslora", "patterns"]

  @Test(arguments: variants)
  func `loss and every gradient are peft's`(variant: String) throws {
    let smollm2 = try SmolLM2(variant, compute: .f32)
    let tape = Tape(keeping: .whole)
    let loss = try smollm2.objective.loss(
      of: smollm2.batch, over: Double(smollm2.batch.trainedTokenCount),
      decoder: smollm2.model.decoder, adapter: smollm2.adapter,
      in: Pass(smollm2.engine, tape: tape))
    let expected = try smollm2.expected("losses")[0]
    #expect(abs(Double(loss.total.values[0]) - expected) < 1e-4 * expected)
    let gradients = tape.gradients(
      of: loss.total, seed: smollm2.engine.tensor([1], [1]), in: smollm2.engine)
    let worst = try smollm2.largestDifference(from: "gradients") { try gradient(of: $0, gradients) }
    print("SmolLM2 \(variant): gradients differ from peft's by \(worst) at most")
    #expect(worst.error < 1e-4, "\(worst)")
    if let full = try smollm2.largestFullDifference(
      from: "gradient", { try gradient(of: $0, gradients) })
    {
      print("SmolLM2 \(variant): in full, by \(full)")
      #expect(full.error < 1e-4, "\(full)")
    }
  }

  private func gradient(of parameter: Parameter, _ gradients: Gradients) throws -> [Float] {
    try #require(gradients[parameter.tensor], "\(parameter.name)").values
  }

  @Test(arguments: variants)
  func `ten steps have peft's losses and end in peft's adapter`(variant: String) throws {
    let smollm2 = try SmolLM2(variant, compute: .f32)
    let start = smollm2.adapter.parameters.map(\.tensor.values)
    let worst = try smollm2.train()
    print("SmolLM2 \(variant): losses differ from peft's by \(worst) at most")
    #expect(worst < 1e-3)
    let places = Dictionary(
      uniqueKeysWithValues: smollm2.adapter.parameters.enumerated().map {
        ($0.element.name, $0.offset)
      })
    // A difference of the change is one of the adapter; its size is the adapter's.
    let adapter = try smollm2.largestDifference(from: "changes", relativeTo: "norms") { parameter in
      let before = start[try #require(places[parameter.name])]
      return zip(parameter.tensor.values, before).map { $0 - $1 }
    }
    print("SmolLM2 \(variant): adapters differ from peft's by \(adapter) at most")
    #expect(adapter.error < 1e-3, "\(adapter)")
    if let full = try smollm2.largestFullDifference(from: "final", { $0.tensor.values }) {
      print("SmolLM2 \(variant): in full, by \(full)")
      #expect(full.error < 1e-3, "\(full)")
    }
  }

  @Test(arguments: [Compute.bf16, .auto])
  func `rounded products leave the losses of ten steps within a hundredth`(compute: Compute) throws
  {
    let worst = try SmolLM2("plain", compute: compute).train()
    print("SmolLM2 \(compute.rawValue): losses differ from peft's in f32 by \(worst) at most")
    #expect(worst < 1e-2)
  }
}

/// More sizes than the tiny models have, so that work is cut in more places.
extension SmolLM2Tests {
  @Test func `threads change no bit of a real model's training`() throws {
    let adapters = try (1...3).map { threads in
      let smollm2 = try SmolLM2("plain", compute: .auto, threads: threads)
      try smollm2.train(steps: 1)
      return smollm2.adapter.parameters.map(\.tensor.values)
    }
    #expect(adapters[0] == adapters[1])
    #expect(adapters[0] == adapters[2])
  }
}

/// SmolLM2 with an adapter that starts as peft's did.
struct SmolLM2 {
  let variant: String
  let engine: Engine
  let model: LanguageModel
  let adapter: any TrainableAdapter
  let batch: Batch
  let objective: Supervised
  private let learningRate: Double
  private let file: SafetensorsFile
  /// The tensors' names, in the order of the file.
  private let names: [String]

  init(_ variant: String, compute: Compute, threads: Int = 2) throws {
    self.variant = variant
    engine = Engine(threads: threads, compute: compute)
    model = try LanguageModel(
      LocalModel(path: #require(Self.path), layout: .gguf), engine: engine)
    objective = Supervised(vocabularySize: model.spec.vocabularySize)
    file = try SafetensorsFile(path: fixture("smollm2-lora/expected.safetensors"))
    let said = try JSONParser.parse(
      contentsOf: MappedFile(path: fixture("smollm2-lora/expected.json")))
    learningRate = try #require(said["learning_rate"]?.double)
    let described = try #require(said["variants"]?[variant])
    names = try #require(described["tensors"]?.array).compactMap(\.string)

    var settings = JSONObject([("target_modules", .string("all-linear"))])
    for key in ["rank", "alpha"] { settings[key] = said[key] }
    for (key, value) in try #require(described["settings"]?.object) {
      settings[key == "use_rslora" ? "rslora" : key] = value
    }
    let method = try AdapterMethods.named("lora")
    adapter = try method.make(method.values(settings), model, engine, 1)
    try #require(Set(adapter.parameters.map(\.name)) == Set(names))
    for parameter in adapter.parameters { Self.start(parameter) }

    batch = try Self.batch()
  }

  /// Two rows of 64 tokens, all of them trained.
  static func batch() throws -> Batch {
    let file = try SafetensorsFile(path: fixture("smollm2-lora/expected.safetensors"))
    let ids = try #require(file.tensor(named: "ids"))
    let length = ids.shape[1]
    let tokens = (0..<ids.elementCount).map {
      ids.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)
    }
    return HoneTrainingTests.batch(
      stride(from: 0, to: tokens.count, by: length).map {
        TokenSequence(
          ids: Array(tokens[$0..<$0 + length]), trained: Array(repeating: true, count: length))
      })
  }

  // MARK: Expectations

  func expected(_ name: String) throws -> [Double] {
    let tensor = try #require(file.tensor(named: "\(variant).\(name)"))
    return (0..<tensor.elementCount).map {
      tensor.bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self)
    }
  }

  /// Trains, always on the same batch.
  ///
  /// - Returns: the largest difference of a loss from peft's, relative to it.
  @discardableResult
  func train(steps: Int = 10) throws -> Double {
    let run = TemporaryRun()
    var losses: [Double] = []
    _ = try TrainingRun(
      model.decoder, adapter: adapter, objective: objective,
      source: FixedBatches(steps: [[batch]]),
      options: plainOptions(steps: steps, rate: learningRate),
      engine: engine, folder: run.folder
    ).run(listener: { if case .step(let step) = $0 { losses.append(step.loss) } })
    let expected = try expected("losses")
    try #require(losses.count == steps && expected[10] < 0.9 * expected[0])
    return zip(losses, expected).map { abs($0 - $1) / $1 }.max() ?? .infinity
  }

  struct Difference: CustomStringConvertible {
    var error: Double
    var name: String
    var description: String { String(format: "%.2g of %@", error, name) }
  }

  /// The largest difference among all tensors from what is known of peft's: norms and projections.
  ///
  /// - Parameter sizes: what differences are relative to; the tensors' own norms where it is nil.
  func largestDifference(
    from key: String, relativeTo sizes: String? = nil, _ values: (Parameter) throws -> [Float]
  ) throws -> Difference {
    let (rows, sizes) = try (expected(key), sizes.map { try expected($0) })
    var worst = Difference(error: 0, name: "")
    for parameter in adapter.parameters {
      let place = try #require(names.firstIndex(of: parameter.name))
      let expected = Array(rows[place * 9..<place * 9 + 9])
      let found = Self.summary(try values(parameter), of: parameter.name)
      let size = sizes?[place] ?? expected[0]
      try #require(size > 0)
      let squares = zip(found, expected).dropFirst().reduce(0) { $0 + pow($1.0 - $1.1, 2) }
      let error = max((squares / 8).squareRoot(), abs(found[0] - expected[0])) / size
      if !(error <= worst.error) { worst = Difference(error: error, name: parameter.name) }
    }
    return worst
  }

  /// The same in full, where the whole tensors were kept: HONE_SMOLLM2_FULL names their file.
  func largestFullDifference(
    from key: String, _ values: (Parameter) throws -> [Float]
  ) throws -> Difference? {
    guard let path = ProcessInfo.processInfo.environment["HONE_SMOLLM2_FULL"] else { return nil }
    let file = try SafetensorsFile(path: path)
    var worst = Difference(error: 0, name: "")
    for parameter in adapter.parameters {
      let tensor = try #require(file.tensor(named: "\(variant).\(key).\(parameter.name)"))
      let found = try values(parameter)
      try #require(tensor.elementCount == found.count)
      var (square, difference) = (0.0, 0.0)
      for (index, number) in found.enumerated() {
        let expected = tensor.bytes.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
        square += Double(expected) * Double(expected)
        difference += pow(Double(number) - Double(expected), 2)
      }
      let error = (difference / square).squareRoot()
      if !(error <= worst.error) { worst = Difference(error: error, name: parameter.name) }
    }
    return worst
  }

  // MARK: Numbers from names

  /// Gives a tensor the numbers that the reference started from.
  static func start(_ parameter: Parameter) {
    let isInner = parameter.name.contains("lora_A")
    let columns = Double(parameter.tensor.shape.columns)
    start(parameter, centre: 0, bound: isInner ? 1 / columns.squareRoot() : 0.02)
  }

  /// Gives a tensor numbers that follow from its name.
  static func start(_ parameter: Parameter, centre: Double, bound: Double) {
    let tensor = parameter.tensor
    let key = hash(parameter.name)
    for index in 0..<tensor.shape.count {
      let uniform = Double(bits(key, index) >> 11) / 0x1p53
      tensor.pointer[index] = Float(centre + (2 * uniform - 1) * bound)
    }
  }

  /// The norm of a tensor and its eight projections.
  private static func summary(_ values: [Float], of name: String) -> [Double] {
    let key = hash("signs \(name)")
    var square = 0.0
    var sums = [Double](repeating: 0, count: 8)
    for (index, value) in values.enumerated() {
      let value = Double(value)
      let bits = bits(key, index)
      square += value * value
      for place in 0..<8 { sums[place] += bits >> UInt64(place) & 1 == 1 ? value : -value }
    }
    return [square.squareRoot()] + sums
  }

  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  private static func bits(_ key: UInt64, _ index: Int) -> UInt64 {
    var bits = key &+ UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }

  // MARK: Finding it

  /// The model's file in the cache, where it is there.
  static let path: String? = {
    let environment = ProcessInfo.processInfo.environment
    let cache =
      environment["HONE_CACHE"]
      ?? "\(environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "/")/.cache")/hone"
    let path = "\(cache)/pip/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf"
    if FileManager.default.fileExists(atPath: path) { return path }
    print("SKIPPED: training SmolLM2, because \(path) is not there (see hone pull)")
    return nil
  }()
}
