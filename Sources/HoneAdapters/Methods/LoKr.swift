import HoneFormats
import HoneModels
import HoneTensors

/// LoKr: beside each chosen projection a Kronecker product of two small matrices is trained,
/// `y = W x + s (F ⊗ S) x`.
///
/// Rows and columns of `W` are split in two factors each, as near to each other as there are, or one
/// of them `decompose_factor`: `F` is `[a x c]` and `S` `[b x d]` for `a b` rows and `c d` columns.
/// `S`, and with `decompose_both` also `F`, is a product of two matrices of the rank where that has
/// fewer numbers. `F` is zero at the start. Yeh et al., "Navigating text-to-image customization: from
/// LyCORIS fine-tuning to model evaluation", 2024. Names, shapes and starts are peft's
/// (`tuners/lokr/layer.py`).
public final class LoKr: TrainableAdapter {
  /// How the matrices are split, in peft's words.
  struct Splitting {
    /// -1 for factors as near to each other as there are.
    var factor: Int
    var decomposesBoth: Bool
  }

  /// One of the two matrices: itself, or two whose product it is.
  private struct Part {
    let parameters: [Parameter]

    func matrix(in pass: Pass) -> Tensor {
      guard parameters.count == 2 else { return parameters[0].tensor }
      return multiplied(
        parameters[0].tensor, by: parameters[1].tensor, byColumns: true, in: pass)
    }
  }

  /// The change of one projection.
  private struct Module {
    let site: Site
    let first: Part
    let second: Part
    let scale: Float
  }

  private let targets: MatrixTargets
  private let ranks: MatrixRanks
  private let splitting: Splitting
  private let modules: [Module]
  private let bySite: [Site: Module]
  private let saved: SavedModules

  /// - Parameters:
  ///   - isNew: whether nothing may be asked for in vain.
  ///   - matrix: given a tensor's name in the adapter's file and its shape.
  ///   - copy: the same for a module that is trained whole; nil for the base's numbers.
  init(
    _ targets: MatrixTargets, _ ranks: MatrixRanks, _ splitting: Splitting, model: LanguageModel,
    engine: Engine, subject: String, isNew: Bool,
    matrix: (_ name: String, _ shape: Shape) -> Tensor,
    copy: (_ name: String, _ shape: Shape) -> Tensor? = { _, _ in nil }
  ) throws {
    let sites = try targets.sites(of: model, isNew: isNew, subject: subject)
    let places = try ranks.places(
      sites, of: model, isNew: isNew, isLimited: false, subject: subject)
    self.targets = targets
    self.ranks = ranks
    self.splitting = splitting
    modules = places.map { place in
      func parameter(_ name: String, _ shape: Shape) -> Parameter {
        let name = "\(place.name).lokr_\(name)"
        return Parameter(name, matrix(name, shape))
      }
      func part(_ name: String, _ rows: Int, _ columns: Int, isWhole: Bool) -> Part {
        Part(
          parameters: isWhole
            ? [parameter(name, [rows, columns])]
            : [
              parameter("\(name)_a", [rows, place.rank]),
              parameter("\(name)_b", [place.rank, columns]),
            ])
      }
      let rows = Self.factors(of: place.outputs, near: splitting.factor)
      let columns = Self.factors(of: place.inputs, near: splitting.factor)
      // Of a rank that is half as much or more, two matrices would hold no fewer numbers.
      func isLow(_ rows: Int, _ columns: Int) -> Bool { 2 * place.rank < max(rows, columns) }
      return Module(
        site: place.site,
        first: part(
          "w1", rows.0, columns.0,
          isWhole: !(splitting.decomposesBoth && isLow(rows.0, columns.0))),
        second: part("w2", rows.1, columns.1, isWhole: !isLow(rows.1, columns.1)),
        scale: place.scale)
    }
    bySite = Dictionary(uniqueKeysWithValues: modules.map { ($0.site, $0) })
    saved = try SavedModules(
      targets.modulesToSave, of: model, engine: engine, subject: subject, numbers: copy)
  }

  /// The two factors of a size: one is `factor` where that divides it; else the factors with the
  /// smallest sum, the first no larger than the second, and no larger than `factor`.
  static func factors(of size: Int, near factor: Int) -> (Int, Int) {
    if factor > 0 && size % factor == 0 { return (factor, size / factor) }
    // Factors further from one have a smaller sum, up to the root.
    let limit = factor > 0 ? factor : size
    var first = 1
    var next = 2
    while next * next <= size && next <= limit {
      if size % next == 0 { first = next }
      next += 1
    }
    return (first, size / first)
  }

  public var methodName: String { Self.method.name }

  public var parameters: [Parameter] {
    modules.flatMap { $0.first.parameters + $0.second.parameters } + saved.parameters
  }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      zip(sites, Projection.apply(bases, to: input, in: pass)).map { site, output in
        guard let module = bySite[site] else { return output }
        let change = multiplied(
          input, byKronecker: module.first.matrix(in: pass), module.second.matrix(in: pass),
          scale: module.scale, in: pass)
        return added(output, change, in: pass)
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
    let pass = Pass(Engine(threads: 1, compute: .f32))
    let (first, second) = (module.first.matrix(in: pass), module.second.matrix(in: pass))
    let (b, c, d) = (second.shape.rows, first.shape.columns, second.shape.columns)
    let columns = projection.columns
    for row in 0..<projection.rows {
      for inner in 0..<c {
        let factor = module.scale * first.pointer[row / b * c + inner]
        let (source, start) = (second.pointer + row % b * d, row * columns + inner * d)
        for column in 0..<d { projection.weight[start + column] += factor * source[column] }
      }
    }
  }
}

// MARK: - Folder

extension LoKr {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    let targets = MatrixTargets(reading: reader)
    let ranks = MatrixRanks(reading: reader)
    let splitting = Splitting(
      factor: reader.read("decompose_factor", .integer(-1...65536), default: .integer(-1)).integer
        ?? -1,
      decomposesBoth: reader.read("decompose_both", .flag, default: .bool(false)).bool ?? false)
    guard splitting.factor != 0 else {
      throw AdapterError(reader.subject, problem: "decompose_factor: is 0, which splits nothing")
    }
    // How the matrices started says nothing about what they have become.
    reader.ignore("init_weights")
    for key in ["rank_dropout", "module_dropout"] {
      reader.allow(key, only: .number(0), .integer(0))
    }
    // The one says something only beside a dropout, the other of convolutions.
    for key in ["rank_dropout_scale", "use_effective_conv2d"] { reader.ignore(key) }
    try self.init(
      targets, ranks, splitting, model: model, engine: engine, subject: reader.subject,
      isNew: false
    ) { name, shape in
      reader.tensor(name, shape: shape.axes, engine: engine) ?? engine.zeros(shape)
    } copy: { name, shape in
      reader.tensor(name, shape: shape.axes, engine: engine)
    }
    try reader.finish()
  }

  public func folder() throws -> AdapterContents {
    let own: [(String, JSONValue)] = [
      ("peft_type", .string("LOKR")), ("init_weights", .bool(true)),
      ("decompose_factor", .integer(splitting.factor)),
      ("decompose_both", .bool(splitting.decomposesBoth)),
      ("rank_dropout", .number(0)), ("module_dropout", .number(0)),
      ("rank_dropout_scale", .bool(false)), ("use_effective_conv2d", .bool(false)),
    ]
    let matrices = modules.flatMap { $0.first.parameters + $0.second.parameters }
    return AdapterContents(
      config: JSONObject(own + ranks.config + targets.config(for: modules.map(\.site))),
      entries: matrices.map { .init($0.name, $0.tensor) } + saved.entries)
  }
}

// MARK: - Method

extension LoKr {
  public static let method = AdapterMethod(
    name: "lokr",
    summary: "Trains a Kronecker product of two small matrices beside each projection.",
    source: "Yeh et al. 2024, https://arxiv.org/abs/2309.14859",
    learningRate: 0.01,
    facts: MethodFacts(
      trained: "a Kronecker product of two small matrices",
      parameters: "the smaller's, and rank · (rows + columns) of the larger", merges: true,
      exchange: [.peft("LOKR")]),
    settings: MatrixRanks.settings(
      rank: 16, alpha: 64,
      "The rank of the larger of the two; whole where half its size is no more.") + [
        Setting(
          "decompose_factor", .integer(-1...65536), default: .integer(8),
          """
          How many rows and columns the smaller of the two has, where that divides the matrix's; -1 \
          for both of a size, and the smallest file.
          """),
        Setting(
          "decompose_both", .flag, default: .bool(false),
          "Whether the smaller of the two has the rank too."),
      ] + MatrixTargets.settings,
    examples: [
      JSONObject([
        ("rank", .integer(2)), ("alpha", .integer(32)), ("decompose_factor", .integer(-1)),
        ("decompose_both", .bool(true)), ("modules_to_save", .array([.string("norm")])),
        ("exclude_modules", .array([.string("v_proj")])),
      ])
    ],
    reads: { $0["peft_type"]?.string == "LOKR" },
    make: { values, model, engine, seed in
      let splitting = Splitting(
        factor: values.integer("decompose_factor"), decomposesBoth: values.flag("decompose_both"))
      guard splitting.factor != 0 else {
        throw AdapterError(
          "lokr", problem: "decompose_factor: is 0",
          advice: "set how many rows and columns the smaller matrix has, or -1")
      }
      return try LoKr(
        MatrixTargets(values), MatrixRanks(values), splitting, model: model, engine: engine,
        subject: "lokr", isNew: true
      ) { name, shape in
        name.hasSuffix("_w1") || name.hasSuffix("_w1_a")
          ? engine.zeros(shape) : engine.uniform(shape, seed: seed, purpose: "lokr \(name)")
      }
    },
    load: { reader, model, engine in
      try LoKr(reading: reader, model: model, engine: engine)
    })
}
