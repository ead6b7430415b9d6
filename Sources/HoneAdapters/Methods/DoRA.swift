import HoneFormats
import HoneModels
import HoneTensors

/// DoRA: a LoRA turns the rows of each chosen projection, and a vector that is trained beside it says
/// how long they are, `y = m / ‖W + s B A‖ ∘ (W x + s B A x)`.
///
/// `‖·‖` is the length of each row; `m` is `[outputs]` and starts as `‖W‖`, so nothing changes. The
/// lengths count as constants on the way back (the paper's section 4.3). They are
/// `‖W‖² + 2 s B·(W Aᵀ) + s² B·(B A Aᵀ)`, row by row, so that the matrix is never formed and `W` may
/// be stored in any way: they cost as much as `rank` more tokens. Dropout is the LoRA's alone: `W`
/// sees all of `x`, where peft drops it there too. Liu et al., "DoRA: weight-decomposed low-rank
/// adaptation", 2024. Names and shapes are peft's (`tuners/lora/dora.py`).
public final class DoRA: TrainableAdapter {
  /// What a projection has beside its LoRA.
  private struct Magnitude {
    /// `m`.
    let vector: Parameter
    /// `‖W‖²`, row by row.
    let squares: [Double]
  }

  private let lora: LoRA
  private let magnitudes: [Site: Magnitude]
  /// `1 / ‖W + s B A‖` as it was when last computed for no way back.
  private var found: [Site: Tensor] = [:]
  private var holdsLengths = false

  /// - Parameter vector: given a tensor's name in the adapter's file; nil for what a new adapter has.
  private init(_ lora: LoRA, engine: Engine, vector: (Site) -> Tensor? = { _ in nil }) {
    self.lora = lora
    magnitudes = Dictionary(
      uniqueKeysWithValues: lora.modules.map { module in
        let weight =
          lora.replaced[module.site] ?? lora.model.decoder.projection(at: module.site).weight
        let squares = Self.squares(of: weight, in: engine)
        let start = squares.map { Float($0.squareRoot()) }
        return (
          module.site,
          Magnitude(
            vector: Parameter(
              Self.name(at: module.site),
              vector(module.site) ?? engine.tensor([start.count], start),
              decays: false),
            squares: squares)
        )
      })
  }

  private static func name(at site: Site) -> String {
    "base_model.model.\(site.path).lora_magnitude_vector"
  }

  private static func squares(of weight: Weight, in engine: Engine) -> [Double] {
    let columns = weight.columns
    let sums = UnsafeMutableBufferPointer<Double>.allocate(capacity: weight.rows)
    defer { sums.deallocate() }
    nonisolated(unsafe) let target = sums
    engine.threads.run(rows: weight.rows, columns: columns) { rows in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { row in
        guard let start = row.baseAddress else { return }
        for index in rows {
          weight.decode(rows: index..<index + 1, into: start)
          target[index] = row.reduce(0) { $0 + Double($1) * Double($1) }
        }
      }
    }
    return Array(sums)
  }

  public var methodName: String { Self.method.name }

  public var parameters: [Parameter] {
    lora.modules.flatMap { [$0.down, $0.up] + (magnitudes[$0.site].map { [$0.vector] } ?? []) }
      + lora.saved.parameters
  }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    lora.saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      let weights = zip(sites, bases).map { lora.replaced[$0] ?? $1.weight }
      let changes = sites.map { lora.change(at: $0, input, in: pass) }
      let outputs = projected(input, through: weights, lowRank: changes, in: pass)
      return sites.indices.map { place in
        var output = outputs[place]
        if let factors = factors(at: sites[place], weights[place], changes[place], in: pass) {
          output = weighted(output, by: factors, in: pass)
        }
        // A bias has no length.
        return bases[place].bias.map { added($0, toRowsOf: output, in: pass) } ?? output
      }
    }
  }

  /// `m / ‖W + s B A‖`, which only `m` gets a gradient of.
  private func factors(
    at site: Site, _ weight: Weight, _ change: LowRank?, in pass: Pass
  ) -> Tensor? {
    guard let magnitude = magnitudes[site], let change else { return nil }
    let isFound = holdsLengths || (pass.isDecoding && pass.tape == nil)
    let inverse =
      (isFound ? found[site] : nil)
      ?? Self.inverseLengths(of: weight, magnitude.squares, with: change, in: pass.engine)
    found[site] = pass.tape == nil || holdsLengths ? inverse : nil
    return weighted(magnitude.vector.tensor, by: inverse, in: pass)
  }

  private static func inverseLengths(
    of weight: Weight, _ squares: [Double], with change: LowRank, in engine: Engine
  ) -> Tensor {
    let (rank, rows, scale) = (change.rank, weight.rows, Double(change.scale))
    let pass = Pass(engine)
    let (down, up) = (change.down, change.up)
    let mixed = projected(down, through: [weight], in: pass)[0]
    // A Aᵀ is its own transpose.
    let own = multiplied(up, by: multiplied(down, by: down, in: pass), in: pass)
    let inverse = engine.tensor([rows])
    for row in 0..<rows {
      var (first, second) = (0.0, 0.0)
      for inner in 0..<rank {
        let factor = Double(up.pointer[row * rank + inner])
        first += factor * Double(mixed.pointer[inner * rows + row])
        second += factor * Double(own.pointer[row * rank + inner])
      }
      let square = squares[row] + scale * (2 * first + scale * second)
      // A row that is zero stays it.
      inverse.pointer[row] = square > 0 ? Float(1 / square.squareRoot()) : 0
    }
    return inverse
  }

  /// Keeps the lengths as they are next computed, whatever becomes of the matrices: the loss is then
  /// the function whose gradient training takes.
  package func holdLengths() {
    found = [:]
    holdsLengths = true
  }

  public func stepEnded(_ step: Int, of stepCount: Int, gradients: Gradients, in engine: Engine) {
    found = [:]
  }

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    lora.embed(ids, through: table, in: pass)
  }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    lora.vector(base, named: name, in: pass)
  }

  // MARK: Merging

  public func merge(into projection: inout MergedProjection, at site: Site) {
    lora.merge(into: &projection, at: site)
    guard let magnitude = magnitudes[site]?.vector.tensor else { return }
    let columns = projection.columns
    for row in 0..<projection.rows {
      let range = row * columns..<(row + 1) * columns
      let square = projection.weight[range].reduce(0.0) { $0 + Double($1) * Double($1) }
      let factor = square > 0 ? Float(Double(magnitude.pointer[row]) / square.squareRoot()) : 0
      for index in range { projection.weight[index] *= factor }
    }
  }
}

// MARK: - Folder

extension DoRA {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    var vectors: [Site: Tensor] = [:]
    let lora = try LoRA(reading: reader, model: model, engine: engine, variant: .decomposed) {
      plan in
      for place in plan.places where place.site.kind != .embedding {
        vectors[place.site] = reader.tensor(
          Self.name(at: place.site), shape: [place.outputs], engine: engine)
      }
    }
    self.init(lora, engine: engine) { vectors[$0] }
  }

  public func folder() throws -> AdapterContents {
    let plain = try lora.folder()
    let vectors = lora.modules.compactMap { magnitudes[$0.site]?.vector }
    return AdapterContents(
      config: plain.config,
      entries: plain.entries + vectors.map { .init($0.name, $0.tensor) })
  }
}

// MARK: - Method

extension DoRA {
  public static let method = AdapterMethod(
    name: "dora",
    summary:
      "Trains a LoRA for the direction of each row of a projection, and a vector for its length.",
    source: "Liu et al. 2024, https://arxiv.org/abs/2402.09353",
    learningRate: 1e-3,
    facts: MethodFacts(
      trained: "two thin matrices beside each projection, and the lengths of its rows",
      parameters: "rank · (inputs + outputs) + outputs a projection", merges: true,
      exchange: [.peft("LORA")]),
    settings: LoRA.method.settings.filter { $0.key != "ensure_weight_tying" },
    examples: [
      JSONObject([
        ("rank", .integer(4)), ("rslora", .bool(true)), ("dropout", .number(0.1)),
        ("target_modules", .array(["q_proj", "down_proj", "lm_head"].map { .string($0) })),
        ("rank_pattern", .object(JSONObject([("down_proj", .integer(2))]))),
        ("modules_to_save", .array([.string("norm")])), ("lora_plus_ratio", .integer(4)),
      ])
    ],
    reads: { config in
      config["peft_type"]?.string == "LORA" && config["use_dora"]?.bool == true
    },
    make: { values, model, engine, seed in
      DoRA(
        try LoRA(
          options: LoRAOptions(values, variant: .decomposed), model: model, engine: engine,
          seed: seed), engine: engine)
    },
    load: { reader, model, engine in
      try DoRA(reading: reader, model: model, engine: engine)
    })
}
