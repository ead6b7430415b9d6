import HoneFormats
import HoneModels
import HoneTensors

/// PiSSA: a LoRA that starts as the principal part of each chosen projection, which is taken off the
/// base, `y = W x + s (B A - B₀ A₀) x`.
///
/// `s B₀ A₀` is `W` in its `rank` largest singular values, half of each in either matrix, so nothing
/// changes at the start, and training moves what matters most in `W`. The base stays as it is stored:
/// `B₀ A₀` is kept beside it. That is a LoRA of twice the rank, `[B, -B₀] [A; A₀]`, which is how it is
/// computed; `hone convert-adapter --to lora` writes it as one. Meng et al., "PiSSA: principal singular
/// values and singular vectors adaptation", 2024. Names and shapes are peft's (`tuners/lora/layer.py`).
public final class PiSSA: TrainableAdapter {
  /// What is taken off the base at a site: `A₀` and `-B₀`.
  private struct Start {
    let down: Tensor
    let up: Tensor
  }

  private let lora: LoRA
  private let starts: [Site: Start]
  /// The LoRA of twice the rank as it was when last made for no way back.
  private var found: [Site: LowRank] = [:]

  private init(_ lora: LoRA, starts: [Site: Start]) {
    self.lora = lora
    self.starts = starts
  }

  public var methodName: String { Self.method.name }

  public var readsOutputs: Bool { false }

  public var parameters: [Parameter] { lora.parameters }

  public var state: [(name: String, tensor: Tensor)] {
    parameters.map { ($0.name, $0.tensor) }
      + lora.modules.flatMap { module -> [(name: String, tensor: Tensor)] in
        guard let start = starts[module.site] else { return [] }
        return [
          ("\(module.down.name).start", start.down), ("\(module.up.name).start", start.up),
        ]
      }
  }

  /// The principal part of each place's matrix.
  private static func starts(
    of places: [LoRAOptions.Place], weight: (Site) -> Weight, engine: Engine
  ) -> [Site: Start] {
    let started = places.map { place in
      Start(
        down: engine.zeros([place.rank, place.inputs]),
        up: engine.zeros([place.outputs, place.rank]))
    }
    // Decompositions have little in them that threads could share, so each has one to itself.
    let weights = places.map { weight($0.site) }
    engine.threads.run(pieces: places.count) { index in
      let (place, start) = (places[index], started[index])
      let own = Engine(threads: 1, compute: engine.compute)
      let principal = PrincipalComponents(of: weights[index], count: place.rank, in: own)
      for (inner, value) in principal.values.enumerated() where place.scale > 0 {
        let half = (value / Double(place.scale)).squareRoot()
        for column in 0..<place.inputs {
          start.down.pointer[inner * place.inputs + column] = Float(
            half * principal.right[inner][column])
        }
        for row in 0..<place.outputs {
          start.up.pointer[row * place.rank + inner] = Float(
            -half * principal.left[inner][row])
        }
      }
    }
    return Dictionary(uniqueKeysWithValues: zip(places.map(\.site), started))
  }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    lora.saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      let bases = zip(sites, bases).map { site, base in
        lora.replaced[site].map { Projection(weight: $0, bias: base.bias) } ?? base
      }
      let changes = sites.map { change(at: $0, input, in: pass) }
      guard changes.contains(where: { $0 != nil }) else {
        return Projection.apply(bases, to: input, in: pass)
      }
      return Projection.apply(bases, to: input, lowRank: changes, in: pass)
    }
  }

  private func change(at site: Site, _ input: Tensor, in pass: Pass) -> LowRank? {
    guard let start = starts[site], let own = lora.change(at: site, input, in: pass) else {
      return nil
    }
    if pass.isDecoding, pass.tape == nil, let change = found[site] { return change }
    let change = LowRank(
      down: HoneTensors.joined([own.down, start.down], in: pass),
      up: beside([own.up, start.up], in: pass),
      scale: own.scale)
    // A decoder asks for the same again with each token; a pass's memory does not outlive it.
    found[site] =
      pass.isDecoding && pass.tape == nil
      ? LowRank(
        down: pass.engine.tensor(change.down.shape, change.down.values),
        up: pass.engine.tensor(change.up.shape, change.up.values), scale: change.scale)
      : nil
    return change
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
    guard let start = starts[site],
      let module = lora.modules.first(where: { $0.site == site })
    else { return }
    let (down, up, rank) = (start.down.values, start.up.values, module.rank)
    let columns = projection.columns
    for row in 0..<projection.rows {
      for inner in 0..<rank {
        let factor = module.scale * up[row * rank + inner]
        for column in 0..<columns {
          projection.weight[row * columns + column] += factor * down[inner * columns + column]
        }
      }
    }
  }
}

// MARK: - Folder

extension PiSSA {
  /// Whether peft's configuration describes one.
  static func isMeant(by config: JSONObject) -> Bool {
    config["init_lora_weights"]?.string?.hasPrefix("pissa") == true
  }

  /// A folder holds what was trained; what is taken off the base follows from the base.
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    var places: [LoRAOptions.Place] = []
    let lora = try LoRA(reading: reader, model: model, engine: engine, variant: .principal) {
      places = $0.places
    }
    let starts = Self.starts(
      of: places, weight: { lora.replaced[$0] ?? model.decoder.projection(at: $0).weight },
      engine: engine)
    self.init(lora, starts: starts)
  }

  public func folder() throws -> AdapterContents { try lora.folder() }
}

// MARK: - Method

extension PiSSA {
  public static let method = AdapterMethod(
    name: "pissa",
    summary: "Trains a LoRA that starts as the principal part of each chosen projection.",
    source: "Meng et al. 2024, https://arxiv.org/abs/2404.02948",
    learningRate: 2e-4,
    facts: MethodFacts(
      trained: "two thin matrices, the principal part of each projection",
      parameters: "rank · (inputs + outputs) a projection", merges: true,
      exchange: [.peft("LORA")]),
    settings: LoRA.method.settings.filter {
      !["ensure_weight_tying", "initialisation", "dropout"].contains($0.key)
    },
    examples: [
      JSONObject([
        ("rank", .integer(4)), ("rslora", .bool(true)),
        ("target_modules", .array(["q_proj", "down_proj"].map { .string($0) })),
        ("rank_pattern", .object(JSONObject([("down_proj", .integer(2))]))),
        ("modules_to_save", .array([.string("norm")])), ("lora_plus_ratio", .integer(4)),
      ])
    ],
    reads: { $0["peft_type"]?.string == "LORA" && isMeant(by: $0) },
    make: { values, model, engine, seed in
      let options = LoRAOptions(values, variant: .principal)
      let places = try options.plan(for: model, isNew: true, of: options.method).places
      let lora = try LoRA(options: options, model: model, engine: engine, seed: seed)
      let starts = starts(
        of: places, weight: { model.decoder.projection(at: $0).weight }, engine: engine)
      for module in lora.modules {
        guard let start = starts[module.site] else { continue }
        module.down.tensor.pointer.update(
          from: start.down.pointer, count: start.down.shape.count)
        for index in 0..<start.up.shape.count {
          module.up.tensor.pointer[index] = -start.up.pointer[index]
        }
      }
      return PiSSA(lora, starts: starts)
    },
    load: { reader, model, engine in
      try PiSSA(reading: reader, model: model, engine: engine)
    })
}
