import HoneFormats
import HoneModels
import HoneTensors

/// LoHa: beside each chosen projection the product, number by number, of two low-rank matrices is
/// trained, `y = W x + s ((A₁ B₁) ∘ (A₂ B₂)) x`.
///
/// `A` is `[outputs x rank]`, `B` `[rank x inputs]`, `s` is `alpha / rank`; `B₂` is zero at the start.
/// So many numbers as a LoRA of twice the rank has give a change of up to the rank's square. Hyeon-Woo
/// et al., "FedPara", 2022; Yeh et al., "Navigating text-to-image customization: from LyCORIS
/// fine-tuning to model evaluation", 2024. Names, shapes and starts are peft's
/// (`tuners/loha/layer.py`).
public final class LoHa: TrainableAdapter {
  /// The change of one projection.
  private struct Module {
    let site: Site
    let change: HadamardChange
    /// In peft's order: `A₁`, `B₁`, `A₂`, `B₂`.
    let parameters: [Parameter]
  }

  private let targets: MatrixTargets
  private let ranks: MatrixRanks
  private let modules: [Module]
  private let bySite: [Site: Module]
  private let saved: SavedModules

  /// - Parameters:
  ///   - isNew: whether nothing may be asked for in vain.
  ///   - matrix: given a tensor's name in the adapter's file and its shape.
  ///   - copy: the same for a module that is trained whole; nil for the base's numbers.
  init(
    _ targets: MatrixTargets, _ ranks: MatrixRanks, model: LanguageModel, engine: Engine,
    subject: String, isNew: Bool, matrix: (_ name: String, _ shape: Shape) -> Tensor,
    copy: (_ name: String, _ shape: Shape) -> Tensor? = { _, _ in nil }
  ) throws {
    let sites = try targets.sites(of: model, isNew: isNew, subject: subject)
    let places = try ranks.places(
      sites, of: model, isNew: isNew, isLimited: true, subject: subject)
    self.targets = targets
    self.ranks = ranks
    modules = places.map { place in
      func parameter(_ name: String, _ shape: Shape) -> Parameter {
        let name = "\(place.name).hada_\(name)"
        return Parameter(name, matrix(name, shape))
      }
      let outer: Shape = [place.outputs, place.rank]
      let inner: Shape = [place.rank, place.inputs]
      let all = [
        parameter("w1_a", outer), parameter("w1_b", inner), parameter("w2_a", outer),
        parameter("w2_b", inner),
      ]
      return Module(
        site: place.site,
        change: HadamardChange(
          outer: (all[0].tensor, all[2].tensor), inner: (all[1].tensor, all[3].tensor),
          scale: place.scale),
        parameters: all)
    }
    bySite = Dictionary(uniqueKeysWithValues: modules.map { ($0.site, $0) })
    saved = try SavedModules(
      targets.modulesToSave, of: model, engine: engine, subject: subject, numbers: copy)
  }

  public var methodName: String { Self.method.name }

  public var parameters: [Parameter] { modules.flatMap(\.parameters) + saved.parameters }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      // A token alone is too little for the matrix of the change to be formed.
      let narrow = sites.map { site in
        bySite[site].flatMap {
          $0.change.isNarrow || pass.isDecoding ? $0.change.lowRank(in: pass) : nil
        }
      }
      let outputs = Projection.apply(bases, to: input, lowRank: narrow, in: pass)
      return sites.indices.map { place in
        guard narrow[place] == nil, let module = bySite[sites[place]] else { return outputs[place] }
        return added(outputs[place], multiplied(input, by: module.change, in: pass), in: pass)
      }
    }
  }

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    saved.embed(ids, in: pass) ?? embedded(ids, in: table, pass: pass)
  }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    saved.vector(named: name) ?? base
  }

  // MARK: Merging

  public func merge(into projection: inout MergedProjection, at site: Site) {
    saved.merge(into: &projection, at: site)
    guard let module = bySite[site] else { return }
    let change = module.change.matrix(in: Pass(Engine(threads: 1, compute: .f32)))
    for index in projection.weight.indices { projection.weight[index] += change.pointer[index] }
  }
}

// MARK: - Folder

extension LoHa {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    let targets = MatrixTargets(reading: reader)
    let ranks = MatrixRanks(reading: reader)
    // How the matrices started says nothing about what they have become.
    reader.ignore("init_weights")
    for key in ["rank_dropout", "module_dropout"] {
      reader.allow(key, only: .number(0), .integer(0))
    }
    // Of convolutions, which no projection is.
    reader.ignore("use_effective_conv2d")
    try self.init(
      targets, ranks, model: model, engine: engine, subject: reader.subject, isNew: false
    ) { name, shape in
      reader.tensor(name, shape: shape.axes, engine: engine) ?? engine.zeros(shape)
    } copy: { name, shape in
      reader.tensor(name, shape: shape.axes, engine: engine)
    }
    try reader.finish()
  }

  public func folder() throws -> AdapterContents {
    let own: [(String, JSONValue)] = [
      ("peft_type", .string("LOHA")), ("init_weights", .bool(true)),
      ("rank_dropout", .number(0)), ("module_dropout", .number(0)),
      ("use_effective_conv2d", .bool(false)),
    ]
    return AdapterContents(
      config: JSONObject(own + ranks.config + targets.config(for: modules.map(\.site))),
      entries: modules.flatMap(\.parameters).map { .init($0.name, $0.tensor) } + saved.entries)
  }
}

// MARK: - Method

extension LoHa {
  public static let method = AdapterMethod(
    name: "loha",
    summary: "Trains two low-rank matrices beside each projection, multiplied number by number.",
    source: "Hyeon-Woo et al. 2022, https://arxiv.org/abs/2108.06098",
    learningRate: 2e-3,
    facts: MethodFacts(
      trained: "two low-rank matrices multiplied number by number",
      parameters: "2 · rank · (inputs + outputs) a projection", merges: true,
      exchange: [.peft("LOHA")]),
    settings: MatrixRanks.settings(
      rank: 8, alpha: 32,
      "The rank of each of the two; the change's is up to its square.") + MatrixTargets.settings,
    examples: [
      JSONObject([
        ("rank", .integer(3)), ("alpha", .integer(48)),
        ("rank_pattern", .object(JSONObject([("down_proj", .integer(2))]))),
        ("exclude_modules", .array([.string("v_proj")])),
        ("modules_to_save", .array([.string("norm")])),
      ])
    ],
    reads: { $0["peft_type"]?.string == "LOHA" },
    make: { values, model, engine, seed in
      try LoHa(
        MatrixTargets(values), MatrixRanks(values), model: model, engine: engine, subject: "loha",
        isNew: true
      ) { name, shape in
        name.hasSuffix("w2_b")
          ? engine.zeros(shape) : engine.uniform(shape, seed: seed, purpose: "loha \(name)")
      }
    },
    load: { reader, model, engine in
      try LoHa(reading: reader, model: model, engine: engine)
    })
}

extension Engine {
  /// Uniform up to `1 / √columns`: what peft calls a Kaiming start.
  func uniform(_ shape: Shape, seed: UInt64, purpose: String) -> Tensor {
    let source = RandomSource(seed: seed, purpose: purpose)
    let bound = 1 / Double(shape.columns).squareRoot()
    return tensor(
      shape, (0..<shape.count).map { Float((2 * source.uniform(UInt64($0)) - 1) * bound) })
  }
}
