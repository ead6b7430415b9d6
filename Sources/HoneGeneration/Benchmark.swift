import HoneKernels
import HoneModels
import HoneTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Measures how fast a model runs, and how near its kernels come to what the machine can do.
///
/// The machine's limits are measured in the same run, beside what is compared with them, because
/// shared machines change their speed from minute to minute.
public struct Benchmark {
  /// What one measurement gave.
  public struct Result: Sendable {
    public var name: String
    public var value: Double
    public var unit: String
    /// As a share of a limit of the machine, where that says something.
    public var share: Double?
    /// The limit that `share` is of.
    public var limit: String

    public init(
      _ name: String, _ value: Double, _ unit: String, share: Double? = nil, limit: String = ""
    ) {
      self.name = name
      self.value = value
      self.unit = unit
      self.share = share
      self.limit = limit
    }
  }

  private let model: LanguageModel
  private let engine: Engine
  private let clock = ContinuousClock()

  public init(_ model: LanguageModel, engine: Engine) {
    self.model = model
    self.engine = engine
  }

  private func seconds(_ body: () -> Void) -> Double {
    let time = clock.measure(body)
    return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
  }

  /// The median of several runs.
  private func median(of runs: Int, _ body: () -> Void) -> Double {
    (0..<runs).map { _ in seconds(body) }.sorted()[runs / 2]
  }

  /// What the machine can do: operations and bytes a second of all threads.
  public func limits() -> [Result] {
    let pool = engine.threads.handle
    return [
      ("f32 multiply-add", HK_LIMIT_F32, "GFLOP/s"), ("int16 products", HK_LIMIT_INT16, "GOP/s"),
      ("int8 products", HK_LIMIT_INT8, "GOP/s"), ("bf16 dot product", HK_LIMIT_BF16, "GFLOP/s"),
      ("bf16 tiles", HK_LIMIT_TILES, "GFLOP/s"),
      ("memory read", HK_LIMIT_MEMORY, "GB/s"),
    ]
    .map { name, limit, unit in Result(name, hk_measure_limit(pool, limit) / 1e9, unit) }
    .filter { $0.value > 0 }
  }

  /// Products of the model's own matrices with many rows.
  public func kernels() -> [Result] {
    var results: [Result] = []
    let pool = engine.threads.handle
    for modules in modulesMultipliedTogether {
      let name = modules.map(\.site.name).joined(separator: "+")
      let weights = modules.map(\.projection.weight)
      let (outputs, inputs) = (weights.map(\.rows).reduce(0, +), weights[0].columns)
      let formats = Set(weights.map { "\($0.format)" }).sorted().joined(separator: ",")
      for (compute, rows, isReading) in [
        (Compute.f32, 512, false), (.auto, 512, false), (.auto, 2048, false), (.auto, 512, true),
      ] {
        let limit = hk_gemm_limit(isReading ? HK_COMPUTE_INT8 : compute.kernelCompute)
        let isKept = modules.contains { $0.site.kind.isKept }
        if isReading && (isKept || limit != HK_LIMIT_INT8) { continue }
        let engine = Engine(sharing: engine, compute: compute)
        let input = engine.tensor([rows, inputs], (0..<rows * inputs).map(value))
        let pass = Pass(engine, of: isReading ? .prompt : .tokens)
        _ = projected(input, through: weights, in: pass)
        let operations = 2.0 * Double(rows * outputs * inputs)
        // The limit is measured between the runs, so that both see the same machine, and as the
        // fastest of five, so the products are too.
        var shares: [(rate: Double, share: Double)] = []
        for _ in 0..<9 {
          let peak = hk_measure_limit(pool, limit)
          let times = (0..<5).map { _ in
            seconds { _ = projected(input, through: weights, in: pass) }
          }
          let rate = operations / times.min()!
          shares.append((rate, rate / peak))
        }
        let middle = shares.sorted { $0.share < $1.share }[4]
        results.append(
          Result(
            "\(name) \(outputs)x\(inputs) \(formats), \(rows) rows, \(isReading ? "prompt" : "\(compute)")",
            middle.rate / 1e9, "GFLOP/s", share: middle.share, limit: Self.names[limit.rawValue]!))
      }
    }
    return results
  }

  /// The modules of the first block: those of one input together, as the decoder multiplies them.
  private var modulesMultipliedTogether: [[Decoder.Module]] {
    let together: [[Site.Kind]] = [
      [.query, .key, .value], [.queryKeyValue], [.output], [.gate, .up], [.gateUp], [.down],
      [.expertGate, .expertUp], [.expertDown], [.convolutionInput], [.convolutionOutput],
    ]
    let modules = model.decoder.blocks[0].modules.filter { $0.site.expert ?? 0 == 0 }
    return together.map { kinds in modules.filter { kinds.contains($0.site.kind) } }
      .filter { !$0.isEmpty }
  }

  private static let names = [
    HK_LIMIT_F32.rawValue: "f32 peak", HK_LIMIT_INT16.rawValue: "int16 peak",
    HK_LIMIT_INT8.rawValue: "int8 peak", HK_LIMIT_BF16.rawValue: "bf16 peak",
    HK_LIMIT_TILES.rawValue: "tile peak",
  ]

  private func value(_ index: Int) -> Float { Float(index % 23 - 11) / 8 }

  /// Tokens a second of reading a prompt, and of generating for one and for eight sequences.
  public func throughput() -> [Result] {
    let vocabulary = model.spec.vocabularySize
    func tokens(_ count: Int) -> [Int32] {
      (0..<count).map { Int32(($0 * 7919 + 13) % min(vocabulary, 40_000)) }
    }
    var results: [Result] = []
    let prompt = tokens(min(512, model.spec.contextLength))
    let cache = KeyValueCache(
      for: model.spec, sequenceCapacity: prompt.count, compute: engine.compute)
    let prefill = median(of: 5) {
      cache.reset()
      let pass = Pass(engine, of: .prompt)
      let hidden = model.decoder.hiddenStates(
        TokenBatch([prompt]), adapter: NoAdapter(), cache: cache, in: pass)
      let last = hidden.rows(prompt.count - 1..<prompt.count)
      _ = model.decoder.logits(last, adapter: NoAdapter(), in: pass)
    }
    results.append(
      Result("prefill of \(prompt.count)", Double(prompt.count) / prefill, "tokens/s"))

    let bandwidth = hk_measure_limit(engine.threads.handle, HK_LIMIT_MEMORY)
    var rates: [Int: Double] = [:]
    for sequences in [1, 8] {
      let count = 64
      let cache = KeyValueCache(
        for: model.spec, sequences: sequences, sequenceCapacity: 16 + count,
        compute: engine.compute)
      let rate = (0..<3).map { _ -> Double in
        cache.reset()
        for slot in 0..<sequences {
          let batch = TokenBatch(ids: tokens(8), sequences: [.init(rows: 0..<8, slot: slot)])
          _ = model.decoder.hiddenStates(
            batch, adapter: NoAdapter(), cache: cache, in: Pass(engine))
        }
        let time = seconds {
          for step in 0..<count {
            let pass = Pass(engine, of: .nextTokens)
            let batch = TokenBatch(
              ids: (0..<sequences).map { Int32(($0 * 31 + step * 7) % vocabulary) },
              sequences: (0..<sequences).map {
                .init(rows: $0..<$0 + 1, position: 8 + step, slot: $0)
              })
            let hidden = model.decoder.hiddenStates(
              batch, adapter: NoAdapter(), cache: cache, in: pass)
            _ = model.decoder.logits(hidden, adapter: NoAdapter(), in: pass)
          }
        }
        return Double(sequences * count) / time
      }.sorted()[1]
      rates[sequences] = rate
      if sequences == 1 {
        let bytes = Double(model.decoder.bytesReadPerToken)
        results.append(
          Result(
            "decode", rate, "tokens/s", share: rate * bytes / bandwidth, limit: "memory bandwidth"))
      } else {
        results.append(Result("decode of \(sequences) together", rate, "tokens/s"))
      }
    }
    if let one = rates[1], let eight = rates[8] {
      results.append(Result("decode of 8 over decode", eight / one, "x"))
    }
    return results
  }
}
