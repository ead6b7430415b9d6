import HoneFormats
import HoneModels
import HoneTensors

/// Low-rank adaptation: beside each chosen projection `W` a product of two small matrices is
/// trained, `y = W x + s B A x`.
///
/// `A` is `[rank x inputs]`, `B` `[outputs x rank]` and zero at the start; `s` is `alpha / rank`, or
/// `alpha / √rank` when rank-stabilised. On the embedding, `A` has a column and on the head `B` a row
/// for each token. Hu et al., "LoRA: low-rank adaptation of large language models", 2021; Kalajdzievski,
/// "A rank stabilization scaling factor for fine-tuning with LoRA", 2023; Hayou et al., "LoRA+", 2024.
/// Names, shapes and starts are peft's (`tuners/lora/layer.py`).
public final class LoRA: TrainableAdapter {
  /// The change of one projection.
  struct Module {
    let site: Site
    let down: Parameter
    let up: Parameter
    let scale: Float
    let dropout: Float
    /// What tells its dropout from the others'.
    let place: Int

    var rank: Int { down.tensor.shape[0] }
  }

  let options: LoRAOptions
  let modules: [Module]
  let saved: SavedModules
  fileprivate let bySite: [Site: Module]
  /// Whether one change serves the embedding and, transposed, the head; it stands at the head.
  let isShared: Bool
  /// Base matrices that the adapter's folder brings in the model's place.
  let replaced: [Site: Weight]
  let model: LanguageModel

  init(
    options: LoRAOptions, modules: [Module], saved: SavedModules, isShared: Bool,
    replaced: [Site: Weight] = [:], model: LanguageModel
  ) {
    self.options = options
    self.modules = modules
    self.saved = saved
    self.isShared = isShared
    self.replaced = replaced
    self.model = model
    bySite = Dictionary(uniqueKeysWithValues: modules.map { ($0.site, $0) })
  }

  public var methodName: String { Self.method.name }

  public var readsOutputs: Bool { false }

  public var parameters: [Parameter] {
    modules.flatMap { [$0.down, $0.up] } + saved.parameters
  }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      let bases = zip(sites, bases).map { site, base in
        replaced[site].map { Projection(weight: $0, bias: base.bias) } ?? base
      }
      let changes = sites.map { change(at: $0, input, in: pass) }
      guard changes.contains(where: { $0 != nil }) else {
        return Projection.apply(bases, to: input, in: pass)
      }
      return Projection.apply(bases, to: input, lowRank: changes, in: pass)
    }
  }

  /// What is added at a site; nil where nothing is.
  func change(at site: Site, _ input: Tensor, in pass: Pass) -> LowRank? {
    guard let module = bySite[site] else { return nil }
    return LowRank(
      down: module.down.tensor, up: module.up.tensor, scale: module.scale,
      input: module.dropout > 0
        ? dropped(input, probability: module.dropout, place: module.place, in: pass) : nil)
  }

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    if let rows = saved.embed(ids, in: pass) { return rows }
    let rows = embedded(ids, in: replaced[Site(.embedding)] ?? table, pass: pass)
    guard let module = bySite[Site(isShared ? .head : .embedding)],
      isShared || module.site.kind == .embedding
    else { return rows }
    let (first, second) =
      isShared ? (module.up.tensor, module.down.tensor) : (module.down.tensor, module.up.tensor)
    let inner = gathered(ids, from: first, byColumns: !isShared, in: pass)
    let outer = multiplied(inner, by: second, byColumns: isShared, in: pass)
    return added(rows, scaled(outer, by: module.scale, in: pass), in: pass)
  }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    saved.vector(named: name) ?? base
  }
}

// MARK: - Merging

extension LoRA {
  public func merge(into projection: inout MergedProjection, at site: Site) {
    if let weight = replaced[site] { projection.weight = weight.values }
    saved.merge(into: &projection, at: site)
    guard let module = bySite[isShared && site.kind == .embedding ? Site(.head) : site] else {
      return
    }
    // For each row of the matrix, what it takes of each of the `rank` rows of the other.
    let (down, up, rank) = (module.down.tensor.values, module.up.tensor.values, module.rank)
    let columns = projection.columns
    let isTable = module.site.kind == .embedding
    projection.weight.withUnsafeMutableBufferPointer { weight in
      for row in 0..<projection.rows {
        let target = UnsafeMutableBufferPointer(
          rebasing: weight[row * columns..<(row + 1) * columns])
        for inner in 0..<rank {
          // A table's matrices stand the other way round.
          let factor =
            module.scale * (isTable ? down[inner * projection.rows + row] : up[row * rank + inner])
          guard factor != 0 else { continue }
          for column in 0..<columns {
            target[column] +=
              factor * (isTable ? up[column * rank + inner] : down[inner * columns + column])
          }
        }
      }
    }
  }
}

extension Projection {
  /// The outputs of several projections of one input, each with its low-rank change.
  static func apply(
    _ projections: [Projection], to input: Tensor, lowRank: [LowRank?], in pass: Pass
  ) -> [Tensor] {
    let outputs = projected(
      input, through: projections.map(\.weight), lowRank: lowRank, in: pass)
    return zip(projections, outputs).map { projection, output in
      projection.bias.map { added($0, toRowsOf: output, in: pass) } ?? output
    }
  }
}

// MARK: - Method

extension LoRA {
  public static let method = AdapterMethod(
    name: "lora",
    summary: "Trains two small matrices beside each chosen projection.",
    source: "Hu et al. 2021, https://arxiv.org/abs/2106.09685",
    learningRate: 1e-3,
    facts: MethodFacts(
      trained: "two thin matrices beside each projection",
      parameters: "rank · (inputs + outputs) a projection", merges: true,
      exchange: [.peft("LORA"), .adapterHub(only: "in part")]),
    settings: [
      Setting(
        "rank", .integer(1...65536), default: .integer(16),
        "How many rows the inner matrix has: what the change can express, and its size."),
      Setting(
        "alpha", .number(0...(.infinity)), default: .integer(32),
        "The change is multiplied by alpha / rank."),
      Setting(
        "dropout", .number(0...0.99), default: .number(0),
        "The share of the change's input that is zeroed while training."),
      ModuleSelection.targetSetting,
      ModuleSelection.excludedSetting,
      Setting(
        "layers_to_transform", .integers, default: .null,
        "Only blocks with these numbers, from 0; target_modules must be a list."),
      Setting(
        "layers_pattern", .names, default: .null,
        "The name of the list of blocks that layers_to_transform counts."),
      Setting(
        "rank_pattern", .numbersByName, default: .object(JSONObject()),
        "Other ranks for modules by name or regular expression; the first that matches counts."),
      Setting(
        "alpha_pattern", .numbersByName, default: .object(JSONObject()),
        "Other alphas, in the same way."),
      Setting(
        "rslora", .flag, default: .bool(false),
        "Divide alpha by the root of the rank, which keeps large ranks learning."),
      Setting(
        "modules_to_save", .names, default: .null,
        "Modules that are trained whole and kept in the adapter: lm_head, embed_tokens, norm."),
      Setting(
        "ensure_weight_tying", .flag, default: .bool(false),
        "Where head and embedding are one matrix, one change serves both."),
      Setting(
        "initialisation", .choice(["kaiming", "gaussian"]), default: .string("kaiming"),
        "How the inner matrix starts: uniform up to 1 / √inputs, or normal of deviation 1 / rank."),
      Setting(
        "lora_plus_ratio", .number(1...1024), default: .number(1),
        "How much faster the outer matrix learns than the inner (LoRA+)."),
    ],
    examples: [
      JSONObject([
        ("rank", .integer(8)), ("rslora", .bool(true)), ("dropout", .number(0.1)),
        ("target_modules", .array([.string("q_proj"), .string("v_proj")])),
      ]),
      JSONObject([
        ("rank", .integer(4)), ("initialisation", .string("gaussian")),
        ("target_modules", .string(".*(embed_tokens|lm_head|down_proj)")),
        ("rank_pattern", .object(JSONObject([("down_proj", .integer(2))]))),
      ]),
      JSONObject([
        ("rank", .integer(4)), ("ensure_weight_tying", .bool(true)),
        ("target_modules", .array([.string("embed_tokens"), .string("o_proj")])),
        ("lora_plus_ratio", .integer(16)),
      ]),
      JSONObject([
        ("rank", .integer(4)), ("modules_to_save", .array([.string("lm_head"), .string("norm")])),
        ("exclude_modules", .array([.string("k_proj")])),
      ]),
    ],
    reads: { config in
      config["peft_type"]?.string == "LORA" && config["use_dora"]?.bool != true
        && !PiSSA.isMeant(by: config)
    },
    make: { values, model, engine, seed in
      try LoRA(options: LoRAOptions(values), model: model, engine: engine, seed: seed)
    },
    load: { reader, model, engine in
      try LoRA(reading: reader, model: model, engine: engine)
    })

  /// An untrained adapter, which changes nothing yet.
  convenience init(options: LoRAOptions, model: LanguageModel, engine: Engine, seed: UInt64) throws
  {
    let plan = try options.plan(for: model, isNew: true, of: options.method)
    let modules = plan.places.map { place in
      Module(place, options: options) { name, shape, isInner in
        let source = RandomSource(seed: seed, purpose: "lora \(name)")
        if place.site.kind == .embedding {
          // The inner matrix has a column a token and starts at zero, so that nothing changes.
          return isInner
            ? engine.zeros(shape)
            : engine.tensor(shape, (0..<shape.count).map { Float(source.normal(UInt64($0))) })
        }
        guard isInner else { return engine.zeros(shape) }
        let bound = 1 / Double(shape.columns).squareRoot()
        return engine.tensor(
          shape,
          (0..<shape.count).map { index in
            switch options.initialisation {
            case .kaiming: Float((2 * source.uniform(UInt64(index)) - 1) * bound)
            case .gaussian: Float(source.normal(UInt64(index)) / Double(place.rank))
            }
          })
      }
    }
    self.init(
      options: options, modules: modules,
      saved: try SavedModules(
        options.modulesToSave, tyingEnds: options.tiesAdapters, of: model, engine: engine,
        subject: options.method),
      isShared: plan.isShared, model: model)
  }
}

extension LoRA.Module {
  /// Makes a module whose matrices a function gives, by name, shape and which of the two it is.
  init(
    _ place: LoRAOptions.Place, options: LoRAOptions,
    _ matrix: (_ name: String, _ shape: Shape, _ isInner: Bool) -> Tensor
  ) {
    let names = place.names
    let down = matrix(names.down, [place.rank, place.inputs], true)
    let up = matrix(names.up, [place.outputs, place.rank], false)
    self.init(
      site: place.site, down: Parameter(names.down, down),
      up: Parameter(names.up, up, rateFactor: options.rateFactor(at: place.site)),
      scale: place.scale,
      dropout: place.site.kind == .embedding ? 0 : Float(options.dropout), place: place.index)
  }
}
