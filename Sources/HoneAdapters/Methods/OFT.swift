import HoneFormats
import HoneModels
import HoneTensors

/// OFT: what each chosen projection takes is rotated, block by block, `y = W (x R)`.
///
/// `R` has a rotation for each block of `block_size` inputs on its diagonal, by Cayley's transform of
/// a trained skew-symmetric matrix that is zero at the start; lengths and angles stay. Qiu et al.,
/// "Controlling text-to-image diffusion by orthogonal finetuning", 2023, and, for the rotation of the
/// input and the series, "Orthogonal finetuning made scalable", 2025. Names, shapes and, in the series
/// of up to four terms, numbers of terms are peft's (`tuners/oft/layer.py`).
public final class OFT: TrainableAdapter {
  /// What an OFT is, whether a recipe or a folder says it.
  struct Options {
    /// How many blocks there are; 0 where their size is said.
    var blockCount: Int
    /// How many inputs a block has; 0 where their number is said.
    var blockSize: Int
    var sharesBlock: Bool
    var usesSeries: Bool
    var terms: Int

    var transform: CayleyTransform {
      // Peft's series of three terms is that of four.
      usesSeries ? .series(degree: terms == 2 ? 1 : max(3, terms - 1)) : .exact
    }

    /// The size of a block for so many inputs: the nearest to what is said that divides them.
    func size(for inputs: Int) -> Int {
      let said = blockCount > 0 ? blockCount : blockSize
      func divides(_ size: Int) -> Bool { inputs % size == 0 }
      guard said < inputs else { return blockCount > 0 ? 1 : inputs }
      let higher = (said...inputs).first(where: divides) ?? inputs
      let lower = (1...said).last(where: divides) ?? 1
      let nearest = said - lower <= higher - said ? lower : higher
      return blockCount > 0 ? inputs / nearest : nearest
    }
  }

  /// The rotation of one projection's input.
  private struct Module {
    let site: Site
    /// `[blocks x size (size - 1) / 2]`.
    let upper: Parameter
    let size: Int
  }

  private let targets: MatrixTargets
  private let options: Options
  private let modules: [Module]
  private let bySite: [Site: Module]
  private let saved: SavedModules
  /// Rotations as the last pass over whole sequences found them, for the tokens that are decoded
  /// after it one by one.
  private var found: [Site: Tensor] = [:]

  /// - Parameters:
  ///   - isNew: whether nothing may be asked for in vain.
  ///   - numbers: given a tensor's name in the adapter's file and its shape; nil for what a new
  ///     adapter has there.
  init(
    _ targets: MatrixTargets, _ options: Options, model: LanguageModel, engine: Engine,
    subject: String, isNew: Bool,
    numbers: (_ name: String, _ shape: Shape) -> Tensor? = { _, _ in nil }
  ) throws {
    let sites = try targets.sites(of: model, isNew: isNew, subject: subject)
    var faults: [String] = []
    modules = sites.map { site in
      let inputs = model.spec.size(of: site).inputs
      let size = options.size(for: inputs)
      if size < 2 {
        faults.append(
          "\(options.blockCount > 0 ? "blocks" : "block_size"): gives \(site.path) blocks of one "
            + "input of \(inputs), which nothing rotates")
      }
      let shape: Shape = [options.sharesBlock ? 1 : inputs / size, max(1, size * (size - 1) / 2)]
      let name = "base_model.model.\(site.path).oft_R.weight"
      return Module(
        site: site, upper: Parameter(name, numbers(name, shape) ?? engine.zeros(shape)), size: size)
    }
    guard faults.isEmpty else { throw AdapterError(subject, faults: faults) }
    self.targets = targets
    self.options = options
    bySite = Dictionary(uniqueKeysWithValues: modules.map { ($0.site, $0) })
    saved = try SavedModules(
      targets.modulesToSave, of: model, engine: engine, subject: subject, numbers: numbers)
  }

  public var methodName: String { Self.method.name }

  public var parameters: [Parameter] { modules.map(\.upper) + saved.parameters }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      // Projections whose input stays as it is are computed together.
      let plain = sites.indices.filter { bySite[sites[$0]] == nil }
      var outputs =
        (plain.isEmpty
        ? [] : Projection.apply(plain.map { bases[$0] }, to: input, in: pass)).makeIterator()
      return sites.indices.map { place in
        guard let module = bySite[sites[place]] else {
          guard let output = outputs.next() else { preconditionFailure("an output is missing") }
          return output
        }
        let turned = blocksTurned(input, by: blocks(of: module, in: pass), in: pass)
        return Projection.apply([bases[place]], to: turned, in: pass)[0]
      }
    }
  }

  private func blocks(of module: Module, in pass: Pass) -> Tensor {
    if pass.isDecoding, pass.tape == nil, let blocks = found[module.site] { return blocks }
    let blocks = rotations(module.upper.tensor, size: module.size, options.transform, in: pass)
    found[module.site] = pass.tape == nil ? blocks : nil
    return blocks
  }

  public func stepEnded(_ step: Int, of stepCount: Int, gradients: Gradients, in engine: Engine) {
    found = [:]
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
    // W (x R) is (W Rᵀ) x.
    let engine = Engine(threads: 1, compute: .f32)
    let pass = Pass(engine)
    let weight = engine.tensor([projection.rows, projection.columns], projection.weight)
    projection.weight =
      blocksTurned(weight, by: blocks(of: module, in: pass), inverted: true, in: pass).values
    found[site] = nil
  }
}

// MARK: - Folder

extension OFT {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    let targets = MatrixTargets(reading: reader)
    func integer(_ key: String, _ range: ClosedRange<Int>, _ value: Int) -> Int {
      reader.read(key, .integer(range), default: .integer(value)).integer ?? value
    }
    func flag(_ key: String, _ value: Bool) -> Bool {
      reader.read(key, .flag, default: .bool(value)).bool ?? value
    }
    let options = Options(
      blockCount: integer("r", 0...65536, 0), blockSize: integer("oft_block_size", 0...65536, 32),
      sharesBlock: flag("block_share", false), usesSeries: flag("use_cayley_neumann", true),
      terms: integer("num_cayley_neumann_terms", 2...64, 5))
    guard (options.blockCount == 0) != (options.blockSize == 0) else {
      throw AdapterError(
        reader.subject,
        problem: """
          r: is \(options.blockCount) and oft_block_size \(options.blockSize); one of them, and no \
          more, must be 0
          """)
    }
    // How the matrices started says nothing about what they have become.
    reader.ignore("init_weights")
    reader.allow("module_dropout", only: .number(0), .integer(0))
    for key in ["fan_in_fan_out", "coft"] { reader.allow(key, only: .bool(false)) }
    // Says something only beside coft.
    reader.ignore("eps")
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
      ("peft_type", .string("OFT")), ("r", .integer(options.blockCount)),
      ("oft_block_size", .integer(options.blockSize)), ("block_share", .bool(options.sharesBlock)),
      ("use_cayley_neumann", .bool(options.usesSeries)),
      ("num_cayley_neumann_terms", .integer(options.terms)), ("init_weights", .bool(true)),
      ("module_dropout", .number(0)), ("coft", .bool(false)), ("eps", .number(6e-5)),
      ("fan_in_fan_out", .bool(false)), ("bias", .string("none")),
    ]
    return AdapterContents(
      config: JSONObject(own + targets.config(for: modules.map(\.site))),
      entries: modules.map { .init($0.upper.name, $0.upper.tensor) } + saved.entries)
  }
}

// MARK: - Method

extension OFT {
  public static let method = AdapterMethod(
    name: "oft",
    summary: "Trains rotations of what each projection takes, in blocks.",
    source: "Qiu et al. 2023, https://arxiv.org/abs/2306.07280",
    learningRate: 1e-3,
    facts: MethodFacts(
      trained: "rotations of what projections take, in blocks",
      parameters: "inputs · (block size - 1) / 2 a projection", merges: true,
      exchange: [.peft("OFT")]),
    settings: [
      Setting(
        "block_size", .integer(2...65536), default: .integer(32),
        "How many inputs are rotated together; the nearest number that divides them."),
      Setting(
        "blocks", .integer(1...65536), default: .null,
        "How many blocks there are, in place of their size."),
      Setting(
        "block_share", .flag, default: .bool(false),
        "Whether all blocks of a projection have the same rotation."),
      Setting(
        "cayley_neumann", .flag, default: .bool(true),
        "Whether the rotation is the start of a series, and not Cayley's transform itself."),
      Setting(
        "cayley_neumann_terms", .integer(2...64), default: .integer(5),
        "How many terms of the series, as peft counts them."),
    ] + MatrixTargets.settings,
    examples: [
      JSONObject([
        ("block_size", .integer(8)), ("cayley_neumann", .bool(false)),
        ("modules_to_save", .array([.string("norm")])),
        ("exclude_modules", .array([.string("v_proj")])),
      ]),
      JSONObject([
        ("blocks", .integer(6)), ("block_share", .bool(true)),
        ("cayley_neumann_terms", .integer(3)),
      ]),
    ],
    reads: { $0["peft_type"]?.string == "OFT" },
    make: { values, model, engine, _ in
      let count = values.optionalInteger("blocks")
      if count != nil && values.givenKeys.contains("block_size") {
        throw AdapterError(
          "oft", problem: "blocks: is set beside block_size, and the one follows from the other",
          advice: "leave one of them out")
      }
      let options = Options(
        blockCount: count ?? 0, blockSize: count == nil ? values.integer("block_size") : 0,
        sharesBlock: values.flag("block_share"), usesSeries: values.flag("cayley_neumann"),
        terms: values.integer("cayley_neumann_terms"))
      return try OFT(
        MatrixTargets(values), options, model: model, engine: engine, subject: "oft", isNew: true)
    },
    load: { reader, model, engine in
      try OFT(reading: reader, model: model, engine: engine)
    })
}
