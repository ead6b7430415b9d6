import HoneFormats
import HoneModels
import HoneTensors

/// Selective tuning: parts of the base itself are trained, as copies in f32, and the rest stays.
///
/// Chosen are norms, the last blocks, modules by pattern, or everything (`full` fine-tuning). Blocks
/// below the first trained one record nothing for the way back. Of norms alone, the folder is peft's
/// `LN_TUNING` (Zhao et al., "Tuning LayerNorm in attention", 2023); of more, one of Hone's own.
public final class Selective: TrainableAdapter {
  static let ownType = "HONE_SELECTIVE"

  private let saved: SavedModules
  /// Full paths of the modules that are trained.
  private let modules: [String]
  private let tiesEnds: Bool
  /// Whether no more is trained than peft's method of the kind can say.
  private let isOfNormsAlone: Bool

  /// - Parameters:
  ///   - modules: full paths.
  ///   - numbers: given a tensor's name in the adapter's file and its shape.
  init(
    _ modules: [String], tyingEnds: Bool, model: LanguageModel, engine: Engine, subject: String,
    numbers: (_ name: String, _ shape: Shape) -> Tensor? = { _, _ in nil }
  ) throws {
    self.modules = modules
    tiesEnds = tyingEnds
    let norms = Set(ParameterSelection.norms(of: model.spec))
    isOfNormsAlone = modules.allSatisfy(norms.contains)
    saved = try SavedModules(
      modules, tyingEnds: tyingEnds, of: model, engine: engine, subject: subject, numbers: numbers)
  }

  public var methodName: String { Self.method.name }

  public var readsOutputs: Bool { false }

  public var parameters: [Parameter] { saved.parameters }

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    saved.project(input, at: sites, through: bases, in: pass) { _, bases in
      Projection.apply(bases, to: input, in: pass)
    }
  }

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    saved.embed(ids, in: pass) ?? embedded(ids, in: table, pass: pass)
  }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    saved.vector(named: name) ?? base
  }

  public func merge(into projection: inout MergedProjection, at site: Site) {
    saved.merge(into: &projection, at: site)
  }
}

// MARK: - Folder

extension Selective {
  /// The name of a norm's tensor in peft's file.
  private static func peftName(_ name: String) -> String {
    guard let point = name.lastIndex(of: ".") else { return name }
    return "\(name[..<point]).ln_tuning_layers\(name[point...])"
  }

  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    func names(_ key: String) -> SettingValues.Names? {
      let value = reader.read(key, .names, default: .null)
      return value.string.map { .one($0) } ?? value.array.map { .list($0.compactMap(\.string)) }
    }
    let targets = names("target_modules") ?? .list([])
    if reader.value("peft_type")?.string == Self.ownType {
      let ties = reader.read("ensure_weight_tying", .flag, default: .bool(false)).bool ?? false
      try self.init(
        targets.all, tyingEnds: ties, model: model, engine: engine, subject: reader.subject
      ) { name, shape in reader.tensor(name, shape: shape.axes, engine: engine) }
    } else {
      reader.allow("modules_to_save", only: .null, .array([]))
      let excluded = names("exclude_modules")
      let paths = try ParameterSelection(targets, excluding: excluded, of: reader.subject)
        .paths(of: model.spec, allowsIdleNames: true)
      let norms = Set(ParameterSelection.norms(of: model.spec))
      for path in paths where !norms.contains(path) {
        reader.note("target_modules: \(path) is no norm")
      }
      try self.init(
        paths.filter(norms.contains), tyingEnds: false, model: model, engine: engine,
        subject: reader.subject
      ) { name, shape in
        reader.tensor(Self.peftName(name), shape: shape.axes, engine: engine)
      }
    }
    try reader.finish()
  }

  public func folder() throws -> AdapterContents {
    guard isOfNormsAlone else {
      return AdapterContents(
        config: JSONObject([
          ("ensure_weight_tying", .bool(tiesEnds)), ("peft_type", .string(Self.ownType)),
          ("target_modules", .array(modules.map { .string($0) })),
        ]), entries: saved.ownEntries)
    }
    return AdapterContents(
      config: JSONObject([
        ("exclude_modules", .null), ("modules_to_save", .null),
        ("peft_type", .string("LN_TUNING")),
        ("target_modules", .array(modules.map { .string($0) })),
      ]), entries: saved.parameters.map { .init(Self.peftName($0.name), $0.tensor) })
  }
}

// MARK: - Method

extension Selective {
  public static let method = AdapterMethod(
    name: "selective",
    summary: "Trains parts of the model itself, whole: norms, the last blocks, or what you name.",
    source: "Zhao et al. 2023, https://arxiv.org/abs/2312.11420",
    learningRate: 1e-3,
    facts: MethodFacts(
      trained: "copies of norms, of the last blocks, or of what you name",
      parameters: "as many as what is chosen has", merges: true,
      exchange: [.peft("LN_TUNING", only: "norms alone")]),
    settings: [
      Setting(
        "norms", .flag, default: .bool(false), "Whether all norms are trained."),
      Setting(
        "last_layers", .integer(0...65536), default: .integer(2),
        "How many of the last blocks are trained whole, with the norm after them."),
      Setting(
        "target_modules", .names, default: .null,
        """
        What else is trained: a list of names (o_proj, embed_tokens, input_layernorm), or a regular \
        expression for whole paths.
        """),
      Setting(
        "exclude_modules", .names, default: .null,
        "What of all this stays: a list of names, or a regular expression."),
    ],
    examples: [
      JSONObject([("norms", .bool(true)), ("last_layers", .integer(0))]),
      JSONObject([
        ("last_layers", .integer(0)), ("target_modules", .string(".*(lm_head|1.*down_proj)")),
      ]),
      JSONObject([
        ("last_layers", .integer(1)), ("exclude_modules", .array([.string("mlp.gate_proj")])),
      ]),
    ],
    reads: { ["LN_TUNING", ownType].contains($0["peft_type"]?.string) },
    make: { values, model, engine, _ in
      let spec = model.spec
      let last = values.integer("last_layers")
      guard last <= spec.layerCount else {
        throw AdapterError(
          "selective", problem: "last_layers: is \(last), and there are \(spec.layerCount) blocks")
      }
      var chosen: Set<String> = []
      let norms = ParameterSelection.norms(of: spec)
      if values.flag("norms") { chosen.formUnion(norms) }
      if last > 0 {
        let heads = (spec.layerCount - last..<spec.layerCount).map { spec.names.block($0) }
        let final = spec.names.finalNorm
        chosen.formUnion(
          ParameterSelection.all(of: spec).filter { path in
            path == final || heads.contains(where: path.hasPrefix)
          })
      }
      if let targets = values.names("target_modules") {
        let selection = try ParameterSelection(targets, of: "selective")
        chosen.formUnion(try selection.paths(of: spec))
      }
      if let excluded = values.names("exclude_modules") {
        chosen.subtract(
          try ParameterSelection(excluded, of: "selective").paths(of: spec, key: "exclude_modules"))
      }
      guard !chosen.isEmpty else {
        throw AdapterError(
          "selective", problem: "nothing is chosen",
          advice: "set norms, last_layers or target_modules")
      }
      return try Selective(
        ParameterSelection.all(of: spec).filter(chosen.contains), tyingEnds: true, model: model,
        engine: engine, subject: "selective")
    },
    load: { reader, model, engine in
      try Selective(reading: reader, model: model, engine: engine)
    })

  /// Fine-tuning of everything, the limit of ``method``.
  public static let fullMethod = AdapterMethod(
    name: "full",
    summary: "Trains the whole model; needs sixteen bytes of memory for each of its numbers.",
    source: "the limit case of selective",
    learningRate: 1e-4,
    facts: MethodFacts(
      trained: "everything", parameters: "as many as the model has", merges: true, exchange: [],
      numbersPerWeight: 1),
    settings: [
      Setting(
        "embeddings", .flag, default: .bool(true),
        "Whether the embedding and the head are trained too.")
    ],
    examples: [JSONObject([("embeddings", .bool(false))])],
    reads: { _ in false },
    make: { values, model, engine, _ in
      let spec = model.spec
      let ends = spec.ends.map(\.path) + [spec.names.positions]
      let all = ParameterSelection.all(of: spec)
      return try Selective(
        values.flag("embeddings") ? all : all.filter { !ends.contains($0) }, tyingEnds: true,
        model: model, engine: engine, subject: "full")
    },
    load: { reader, model, engine in
      try Selective(reading: reader, model: model, engine: engine)
    })
}
