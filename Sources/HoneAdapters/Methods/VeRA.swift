import HoneFormats
import HoneModels
import HoneTensors

/// VeRA: beside each chosen projection two vectors are trained, between two random matrices that all
/// projections share and nothing changes, `y = W x + b ∘ (B (d ∘ (A x)))`.
///
/// `A` is `[rank x inputs]` and `B` `[outputs x rank]`, as wide and as high as the largest projection
/// needs; the others take their first columns and rows. `b` is zero at the start, `d` is `d_initial`.
/// Kopiczko et al., "VeRA: vector-based random matrix adaptation", 2024. Names, shapes and random
/// matrices are peft's, to the bit (`tuners/vera/model.py`).
public final class VeRA: TrainableAdapter {
  /// What a VeRA is, whether a recipe or a folder says it.
  struct Options {
    var rank: Int
    var dropout: Double
    var start: Double
    var key: Int
    var savesProjection: Bool
  }

  /// The change of one projection.
  private struct Module {
    let site: Site
    /// `b`, `[outputs]`.
    let outer: Parameter
    /// `d`, `[rank]`.
    let inner: Parameter
    /// The part of `A` for its inputs.
    let down: Tensor
    /// The part of `B` for its outputs.
    let up: Tensor
    /// What tells its dropout from the others'.
    let place: Int
  }

  private let targets: MatrixTargets
  private let options: Options
  private let modules: [Module]
  private let bySite: [Site: Module]
  private let saved: SavedModules
  /// `A` and `B`, whole.
  private let shared: (down: Tensor, up: Tensor)

  /// What the file calls `A` and `B`.
  private static let sharedNames = (down: "base_model.vera_A", up: "base_model.vera_B")

  /// - Parameters:
  ///   - isNew: whether nothing may be asked for in vain.
  ///   - numbers: given a tensor's name in the adapter's file and its shape; nil for what a new
  ///     adapter has there.
  init(
    _ targets: MatrixTargets, _ options: Options, model: LanguageModel, engine: Engine,
    subject: String, isNew: Bool,
    numbers: (_ name: String, _ shape: Shape) -> Tensor? = { _, _ in nil }
  ) throws {
    let spec = model.spec
    let sites = try targets.sites(of: model, isNew: isNew, subject: subject)
    let sizes = sites.map { spec.size(of: $0) }
    let widest = sizes.reduce(0) { max($0, $1.inputs) }
    let highest = sizes.reduce(0) { max($0, $1.outputs) }
    let rank = options.rank
    var down: Tensor?
    var up: Tensor?
    if options.savesProjection {
      down = numbers(Self.sharedNames.down, [rank, widest])
      up = numbers(Self.sharedNames.up, [highest, rank])
    }
    let drawn =
      down == nil || up == nil
      ? Self.draw(rank: rank, inputs: widest, outputs: highest, key: options.key, in: engine) : nil
    guard let down = down ?? drawn?.down, let up = up ?? drawn?.up else {
      preconditionFailure("no random matrices")
    }
    shared = (down, up)
    self.targets = targets
    self.options = options
    // Projections with as many inputs share a copy of the first columns.
    var parts = [widest: down]
    let indices = Dictionary(
      uniqueKeysWithValues: spec.sites.enumerated().map { ($0.element, $0.offset) })
    modules = zip(sites, sizes).map { site, size in
      let part = parts[size.inputs] ?? Self.columns(size.inputs, of: down, in: engine)
      parts[size.inputs] = part
      func vector(_ name: String, _ count: Int, _ start: Float) -> Parameter {
        let name = "base_model.model.\(site.path).\(name)"
        return Parameter(
          name,
          numbers(name, [count])
            ?? engine.tensor([count], repeatElement(start, count: count)), decays: false)
      }
      return Module(
        site: site, outer: vector("vera_lambda_b", size.outputs, 0),
        inner: vector("vera_lambda_d", rank, Float(options.start)), down: part,
        up: up.rows(0..<size.outputs), place: indices[site] ?? 0)
    }
    bySite = Dictionary(uniqueKeysWithValues: modules.map { ($0.site, $0) })
    saved = try SavedModules(
      targets.modulesToSave, of: model, engine: engine, subject: subject, numbers: numbers)
  }

  /// Draws `A`, then `B`, from one seed, uniform up to `√6 / √columns` as peft does.
  private static func draw(
    rank: Int, inputs: Int, outputs: Int, key: Int, in engine: Engine
  ) -> (down: Tensor, up: Tensor) {
    var source = MersenneTwister(seed: key)
    func matrix(_ rows: Int, _ columns: Int) -> Tensor {
      let bound = Float(3.0.squareRoot() * (2.0.squareRoot() / Double(columns).squareRoot()))
      let tensor = engine.tensor([rows, columns])
      for index in 0..<rows * columns { tensor.pointer[index] = source.uniform(upTo: bound) }
      return tensor
    }
    let down = matrix(rank, inputs)
    return (down, matrix(outputs, rank))
  }

  private static func columns(_ count: Int, of matrix: Tensor, in engine: Engine) -> Tensor {
    let (rows, columns) = (matrix.shape.rows, matrix.shape.columns)
    let part = engine.tensor([rows, count])
    for row in 0..<rows {
      (part.pointer + row * count).update(from: matrix.pointer + row * columns, count: count)
    }
    return part
  }

  public var methodName: String { Self.method.name }

  public var parameters: [Parameter] {
    modules.flatMap { [$0.outer, $0.inner] } + saved.parameters
  }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      zip(sites, Projection.apply(bases, to: input, in: pass)).map { site, output in
        bySite[site].map { added(output, change(of: $0, input, in: pass), in: pass) } ?? output
      }
    }
  }

  private func change(of module: Module, _ input: Tensor, in pass: Pass) -> Tensor {
    let input =
      options.dropout > 0
      ? dropped(input, probability: Float(options.dropout), place: module.place, in: pass) : input
    let inner = weighted(
      multiplied(input, by: module.down, in: pass), by: module.inner.tensor, in: pass)
    let outer = multiplied(inner, by: module.up, in: pass)
    // What is kept for the way back is as narrow as the rank.
    if let kept = pass.keep(inner) {
      outer.recomputing = { multiplied(kept.tensor(in: $0), by: module.up, in: $0) }
    }
    return weighted(outer, by: module.outer.tensor, in: pass)
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
    let change = multiplied(
      weighted(module.up, by: module.inner.tensor, in: pass), by: module.down, byColumns: true,
      in: pass)
    let (factors, columns) = (module.outer.tensor, projection.columns)
    for index in projection.weight.indices {
      projection.weight[index] += factors.pointer[index / columns] * change.pointer[index]
    }
  }
}

// MARK: - Folder

extension VeRA {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    let targets = MatrixTargets(reading: reader, excludes: false)
    func number(_ key: String, _ range: ClosedRange<Double>, _ value: Double) -> Double {
      reader.read(key, .number(range), default: .number(value)).double ?? value
    }
    let options = Options(
      rank: reader.read("r", .integer(1...65536), default: .integer(256)).integer ?? 256,
      dropout: number("vera_dropout", 0...0.99, 0), start: number("d_initial", -1e6...1e6, 0.1),
      key: reader.read("projection_prng_key", .integer(0...(.max)), default: .integer(0)).integer
        ?? 0,
      savesProjection: reader.read("save_projection", .flag, default: .bool(true)).bool ?? true)
    // How the vectors started says nothing about what they have become.
    reader.ignore("init_weights")
    reader.allow("fan_in_fan_out", only: .bool(false))
    reader.allow("bias", only: .string("none"))
    try self.init(
      targets, options, model: model, engine: engine, subject: reader.subject, isNew: false
    ) { name, shape in
      reader.tensor(name, shape: shape.axes, engine: engine)
    }
    try reader.finish()
  }

  public func folder() throws -> AdapterContents {
    let own: [(String, JSONValue)] = [
      ("peft_type", .string("VERA")), ("r", .integer(options.rank)),
      ("vera_dropout", .number(options.dropout)), ("d_initial", .number(options.start)),
      ("projection_prng_key", .integer(options.key)),
      ("save_projection", .bool(options.savesProjection)), ("init_weights", .bool(true)),
      ("fan_in_fan_out", .bool(false)), ("bias", .string("none")),
    ]
    var entries = modules.flatMap { [$0.outer, $0.inner] }
      .map { AdapterContents.Entry($0.name, $0.tensor) }
    if options.savesProjection {
      entries += [
        .init(Self.sharedNames.down, shared.down), .init(Self.sharedNames.up, shared.up),
      ]
    }
    return AdapterContents(
      config: JSONObject(
        own + targets.config(for: modules.map(\.site), excludes: false)),
      entries: entries + saved.entries)
  }
}

// MARK: - Method

extension VeRA {
  public static let method = AdapterMethod(
    name: "vera",
    summary: "Trains two vectors a projection, between random matrices that all of them share.",
    source: "Kopiczko et al. 2024, https://arxiv.org/abs/2310.11454",
    learningRate: 1e-2,
    facts: MethodFacts(
      trained: "two vectors between random matrices",
      parameters: "outputs + rank a projection",
      memory: "16 bytes a parameter, and the random matrices", merges: true,
      exchange: [.peft("VERA")]),
    settings: [
      Setting(
        "rank", .integer(1...65536), default: .integer(256),
        "How many rows and columns the random matrices have between them."),
      Setting(
        "dropout", .number(0...0.99), default: .number(0),
        "The share of the change's input that is zeroed while training."),
      Setting(
        "d_initial", .number(1e-6...100), default: .number(0.1),
        "Where the inner vector starts; the outer one starts at zero."),
      Setting(
        "projection_key", .integer(0...(.max)), default: .integer(0),
        "The seed of the random matrices, which peft draws from it too."),
      Setting(
        "save_projection", .flag, default: .bool(true),
        "Whether the random matrices are kept in the adapter; without them it is far smaller."),
    ] + MatrixTargets.settings,
    examples: [
      JSONObject([
        ("rank", .integer(12)), ("dropout", .number(0.1)), ("projection_key", .integer(5)),
        ("save_projection", .bool(false)), ("modules_to_save", .array([.string("norm")])),
        ("exclude_modules", .array([.string("v_proj")])),
      ])
    ],
    reads: { $0["peft_type"]?.string == "VERA" },
    make: { values, model, engine, _ in
      let options = Options(
        rank: values.integer("rank"), dropout: values.number("dropout"),
        start: values.number("d_initial"), key: values.integer("projection_key"),
        savesProjection: values.flag("save_projection"))
      return try VeRA(
        MatrixTargets(values), options, model: model, engine: engine, subject: "vera", isNew: true)
    },
    load: { reader, model, engine in
      try VeRA(reading: reader, model: model, engine: engine)
    })
}
