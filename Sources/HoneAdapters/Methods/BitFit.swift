import HoneFormats
import HoneModels
import HoneTensors

/// BitFit: biases are trained, and norms where asked for; every matrix stays.
///
/// `y = W x + b`, where `b` starts as the base's bias, or as zero where the family has none (Llama has
/// none at all). Ben Zaken et al., "BitFit", 2022. No library has the added biases, so the folder is
/// Hone's own; merged, they are the biases that the family's configuration knows (`attention_bias`,
/// `mlp_bias`).
public final class BitFit: TrainableAdapter {
  static let ownType = "HONE_BITFIT"

  private let biases: [(site: Site, parameter: Parameter)]
  private let bySite: [Site: Parameter]
  private let norms: SavedModules
  private let normPaths: [String]
  private let added: Set<Site>

  /// - Parameters:
  ///   - sites: whose biases are trained.
  ///   - norms: full paths.
  ///   - numbers: given a tensor's name in the adapter's file and its shape.
  init(
    _ sites: [Site], norms: [String], model: LanguageModel, engine: Engine, subject: String,
    numbers: (_ name: String, _ shape: Shape) -> Tensor? = { _, _ in nil }
  ) throws {
    let bases = sites.map { model.decoder.projection(at: $0) }
    biases = zip(sites, bases).map { site, base in
      let shape: Shape = [base.outputCount]
      let name = "base_model.model.\(site.path).bias"
      let values = base.bias?.values ?? Array(repeating: 0, count: base.outputCount)
      return (
        site, Parameter(name, numbers(name, shape) ?? engine.tensor(shape, values), decays: false)
      )
    }
    bySite = Dictionary(uniqueKeysWithValues: biases.map { ($0.site, $0.parameter) })
    added = Set(zip(sites, bases).filter { $0.1.bias == nil }.map(\.0))
    normPaths = norms
    self.norms = try SavedModules(
      norms, of: model, engine: engine, subject: subject, numbers: numbers)
  }

  public var methodName: String { Self.method.name }

  public var readsOutputs: Bool { false }

  public var parameters: [Parameter] { biases.map(\.parameter) + norms.parameters }

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    let own = zip(sites, bases).map { site, base in
      bySite[site].map { Projection(weight: base.weight, bias: $0.tensor) } ?? base
    }
    return Projection.apply(own, to: input, in: pass)
  }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    norms.vector(named: name) ?? base
  }

  public func merge(into projection: inout MergedProjection, at site: Site) {
    if let bias = bySite[site] { projection.bias = bias.tensor.values }
  }

  public func addsBias(at site: Site) -> Bool { added.contains(site) }
}

extension BitFit {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    func names(_ key: String) -> [String] {
      reader.read(key, .names, default: .array([])).array?.compactMap(\.string) ?? []
    }
    let paths = names("target_modules")
    let norms = names("norms")
    let sites = model.spec.sites.filter { paths.contains($0.path) }
    let known = ParameterSelection.all(of: model.spec)
    for path in paths + norms where !known.contains(path) {
      reader.note("\(path): is in no network of this kind")
    }
    try self.init(
      sites, norms: norms.filter(known.contains), model: model, engine: engine,
      subject: reader.subject
    ) { name, shape in reader.tensor(name, shape: shape.axes, engine: engine) }
    try reader.finish()
  }

  public func folder() throws -> AdapterContents {
    AdapterContents(
      config: JSONObject([
        ("norms", .array(normPaths.map { .string($0) })), ("peft_type", .string(Self.ownType)),
        ("target_modules", .array(biases.map { .string($0.site.path) })),
      ]), entries: parameters.map { .init($0.name, $0.tensor) })
  }
}

extension BitFit {
  public static let method = AdapterMethod(
    name: "bitfit",
    summary: "Trains biases, added where the model has none, and the norms.",
    source: "Ben Zaken et al. 2022, https://arxiv.org/abs/2106.10199",
    learningRate: 0.003,
    facts: MethodFacts(
      trained: "biases, and the norms", parameters: "outputs a projection, hidden size a norm",
      merges: true, exchange: []),
    settings: [
      Setting(
        "target_modules", .names, default: .string(ModuleSelection.allLinear),
        """
        Whose biases: a list of names (q_proj), all-linear for all but the head, a regular \
        expression for whole paths, or existing for those that the model has.
        """),
      ModuleSelection.excludedSetting,
      Setting("norms", .flag, default: .bool(true), "Whether the norms are trained too."),
    ],
    examples: [
      JSONObject([
        ("target_modules", .array([.string("q_proj"), .string("up_proj")])),
        ("norms", .bool(false)),
      ]),
      JSONObject([("target_modules", .string("existing"))]),
    ],
    reads: { $0["peft_type"]?.string == ownType },
    make: { values, model, engine, _ in
      let spec = model.spec
      let targets = values.names("target_modules") ?? .one(ModuleSelection.allLinear)
      let sites: [Site]
      if targets == .one("existing") {
        sites = spec.sites.filter { model.decoder.projection(at: $0).bias != nil }
      } else {
        sites = try ModuleSelection(
          targets, excluding: values.names("exclude_modules"), of: "bitfit"
        ).sites(of: spec)
      }
      guard sites.allSatisfy({ $0.kind != .embedding }) else {
        throw AdapterError(
          "bitfit", problem: "target_modules: the embedding has no place for a bias")
      }
      let norms = values.flag("norms") ? ParameterSelection.norms(of: spec) : []
      guard !sites.isEmpty || !norms.isEmpty else {
        throw AdapterError(
          "bitfit", problem: "target_modules: the model has no bias at all",
          advice: "choose projections to add biases to, or train the norms")
      }
      return try BitFit(sites, norms: norms, model: model, engine: engine, subject: "bitfit")
    },
    load: { reader, model, engine in
      try BitFit(reading: reader, model: model, engine: engine)
    })
}
