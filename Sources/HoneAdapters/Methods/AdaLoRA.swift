import HoneFormats
import HoneModels
import HoneTensors

/// AdaLoRA: a LoRA in the form of singular values and vectors, whose rank goes where it helps most,
/// `y = W x + s B diag(E) A x`.
///
/// `A` is `[rank x inputs]`, `B` `[outputs x rank]`, `E` `[rank x 1]` and zero at the start; `s` is
/// `alpha / rank` of the first rank. A term of the loss holds the rows of `A` and the columns of `B`
/// near orthonormal ones, and while training goes on the least important triplets of all projections
/// lose their value until the target is left (``AdaLoRA/stepEnded(_:of:gradients:in:)``). Zhang et
/// al., "AdaLoRA: adaptive budget allocation for parameter-efficient fine-tuning", 2023. The term is
/// the norm, as in the authors' program and peft, where the paper has its square. Names, shapes and
/// starts are peft's (`tuners/adalora/layer.py`).
public final class AdaLoRA: TrainableAdapter {
  /// What a projection's change is made of.
  struct Triplets {
    /// `A`, `E` and `B`.
    let right: Parameter
    let values: Parameter
    let left: Parameter
    /// 1 for each triplet that has its value, 0 for each that lost it.
    let kept: Tensor

    var all: [Parameter] { [right, values, left] }
    var rank: Int { kept.shape.count }
    var keptPlaces: [Int] { (0..<rank).filter { kept.pointer[$0] != 0 } }
  }

  /// The change of one projection.
  struct Module {
    let site: Site
    let inputs: Int
    let outputs: Int
    /// Which of the first triplets an adapter has that was read.
    let pattern: [Bool]
    /// Nil where none is left.
    let triplets: Triplets?
    /// What tells its dropout from the others'.
    let place: Int

    var name: String { "base_model.model.\(site.path)" }
  }

  let options: AdaLoRAOptions
  let targets: MatrixTargets
  let modules: [Module]
  let saved: SavedModules
  let allotment: Allotment
  private let bySite: [Site: Module]
  /// `B diag(E)` as it was when last computed for no way back.
  private var found: [Site: Tensor] = [:]

  /// - Parameters:
  ///   - patterns: by site, which of the first triplets are left; nil for all.
  ///   - matrix: given a tensor's name in the adapter's file and its shape.
  ///   - copy: the same for a module that is trained whole; nil for the base's numbers.
  init(
    _ options: AdaLoRAOptions, _ targets: MatrixTargets, model: LanguageModel, engine: Engine,
    subject: String, isNew: Bool, patterns: [Site: [Bool]]? = nil,
    matrix: (_ name: String, _ shape: Shape) -> Tensor,
    copy: (_ name: String, _ shape: Shape) -> Tensor? = { _, _ in nil }
  ) throws {
    let sites = try targets.sites(of: model, isNew: isNew, subject: subject)
    if isNew { try options.check(for: sites, of: model, subject: subject) }
    let places = Dictionary(
      uniqueKeysWithValues: model.spec.sites.enumerated().map { ($0.element, $0.offset) })
    self.options = options
    self.targets = targets
    modules = sites.map { site in
      let size = model.spec.size(of: site)
      let pattern = patterns?[site] ?? [Bool](repeating: true, count: options.rank)
      let rank = pattern.count { $0 }
      let name = "base_model.model.\(site.path)"
      func parameter(_ name: String, _ shape: Shape) -> Parameter {
        Parameter(name, matrix(name, shape))
      }
      return Module(
        site: site, inputs: size.inputs, outputs: size.outputs, pattern: pattern,
        triplets: rank == 0
          ? nil
          : Triplets(
            right: parameter("\(name).lora_A", [rank, size.inputs]),
            values: parameter("\(name).lora_E", [rank, 1]),
            left: parameter("\(name).lora_B", [size.outputs, rank]),
            kept: engine.tensor([rank], [Float](repeating: 1, count: rank))),
        place: places[site] ?? 0)
    }
    bySite = Dictionary(uniqueKeysWithValues: modules.map { ($0.site, $0) })
    allotment = Allotment(
      of: modules.flatMap { $0.triplets?.all ?? [] }, isDone: patterns != nil,
      stepCount: options.stepCount, engine: engine)
    saved = try SavedModules(
      targets.modulesToSave, of: model, engine: engine, subject: subject, numbers: copy)
  }

  public var methodName: String { Self.method.name }

  public var readsOutputs: Bool { false }

  public var parameters: [Parameter] {
    modules.flatMap { $0.triplets?.all ?? [] } + saved.parameters
  }

  public var state: [(name: String, tensor: Tensor)] {
    parameters.map { ($0.name, $0.tensor) }
      + modules.compactMap { module in
        module.triplets.map { ("\(module.name).kept", $0.kept) }
      } + allotment.state
  }

  public var isProvisional: Bool { !allotment.isDone }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      Projection.apply(
        bases, to: input, lowRank: sites.map { change(at: $0, input, in: pass) }, in: pass)
    }
  }

  private func change(at site: Site, _ input: Tensor, in pass: Pass) -> LowRank? {
    guard let module = bySite[site], let triplets = module.triplets else { return nil }
    let isKept = pass.isDecoding && pass.tape == nil
    let up =
      (isKept ? found[site] : nil)
      ?? weighted(triplets.left.tensor, by: triplets.values.tensor, in: pass)
    // A decoder asks for the same again with each token; a pass's memory does not outlive it.
    if !isKept {
      found[site] = nil
    } else if found[site] == nil {
      found[site] = pass.engine.tensor(up.shape, up.values)
    }
    return LowRank(
      down: triplets.right.tensor, up: up, scale: options.scale,
      input: options.dropout > 0
        ? dropped(
          input, probability: Float(options.dropout), place: module.place, in: pass) : nil)
  }

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    saved.embed(ids, in: pass) ?? embedded(ids, in: table, pass: pass)
  }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    saved.vector(named: name) ?? base
  }

  public func penalty(in pass: Pass) -> Tensor? {
    let matrices = modules.compactMap(\.triplets).flatMap {
      [($0.right.tensor, false), ($0.left.tensor, true)]
    }
    guard options.orthogonality > 0, !matrices.isEmpty else { return nil }
    // What has no triplets left counts among those that the mean is taken of.
    return orthogonality(
      of: matrices, weight: Float(options.orthogonality) / Float(2 * modules.count), in: pass)
  }

  // MARK: Ranks

  /// Measures how important each triplet is, and takes the value from those beyond the budget.
  ///
  /// Up to `tinit` all have theirs. Then the budget falls, with the cube of what is left of the way,
  /// to the target at `tfinal` steps before the end; from there on the ranks stay.
  public func stepEnded(
    _ step: Int, of stepCount: Int, gradients: Gradients, in engine: Engine
  ) {
    found = [:]
    if !allotment.isDone {
      allotment.measure(
        gradients, step: step, of: stepCount, options,
        modules.compactMap(\.triplets), moduleCount: modules.count, in: engine)
    }
    // An optimiser's momentum moves what has lost its value too.
    guard allotment.isDone else { return }
    for triplets in modules.compactMap(\.triplets) {
      for place in 0..<triplets.rank where triplets.kept.pointer[place] == 0 {
        triplets.values.tensor.pointer[place] = 0
      }
    }
  }

  // MARK: Merging

  public func merge(into projection: inout MergedProjection, at site: Site) {
    saved.merge(into: &projection, at: site)
    guard let change = lowRankChange(at: site) else { return }
    let columns = projection.columns
    for row in 0..<projection.rows {
      for inner in 0..<change.rank {
        let factor = Float(change.weight) * change.up[row * change.rank + inner]
        for column in 0..<columns {
          projection.weight[row * columns + column] +=
            factor * change.down[inner * columns + column]
        }
      }
    }
  }
}

extension AdaLoRA: LowRankAdapter {
  func lowRankChange(at site: Site) -> WeightedChange? {
    guard let triplets = bySite[site]?.triplets else { return nil }
    let (rank, values) = (triplets.rank, triplets.values.tensor.values)
    return WeightedChange(
      weight: Double(options.scale), rank: rank, down: triplets.right.tensor.values,
      up: triplets.left.tensor.values.enumerated().map { $0.element * values[$0.offset % rank] },
      label: site.path)
  }
}

// MARK: - Method

extension AdaLoRA {
  public static let method = AdapterMethod(
    name: "adalora",
    summary: "Trains a LoRA as singular values and vectors, and moves rank to where it helps most.",
    source: "Zhang et al. 2023, https://arxiv.org/abs/2303.10512",
    learningRate: 5e-3,
    facts: MethodFacts(
      trained: "singular values and vectors beside each projection, fewer where they help less",
      parameters: "init_rank · (inputs + outputs + 1) a projection",
      memory: "24 bytes a parameter", merges: true, exchange: [.peft("ADALORA")]),
    settings: AdaLoRAOptions.settings + MatrixTargets.settings,
    examples: [
      JSONObject([
        ("init_rank", .integer(6)), ("target_rank", .integer(2)), ("alpha", .number(12)),
        ("dropout", .number(0.1)), ("tinit", .integer(2)), ("tfinal", .integer(3)),
        ("delta_t", .integer(2)), ("beta1", .number(0.7)), ("beta2", .number(0.8)),
        ("orth_reg_weight", .number(0.1)),
        ("target_modules", .array([.string("q_proj"), .string("down_proj")])),
        ("modules_to_save", .array([.string("norm")])),
      ])
    ],
    reads: { $0["peft_type"]?.string == "ADALORA" },
    make: { values, model, engine, seed in
      try AdaLoRA(
        AdaLoRAOptions(values), MatrixTargets(values), model: model, engine: engine,
        subject: "adalora", isNew: true
      ) { name, shape in
        guard !name.hasSuffix("lora_E") else { return engine.zeros(shape) }
        let source = RandomSource(seed: seed, purpose: "adalora \(name)")
        return engine.tensor(
          shape, (0..<shape.count).map { Float(0.02 * source.normal(UInt64($0))) })
      }
    },
    load: { reader, model, engine in
      try AdaLoRA(reading: reader, model: model, engine: engine)
    })
}
