import Foundation
import HoneFormats
import HoneModels

/// What shapes a LoRA, whether a recipe or an adapter's folder says it.
struct LoRAOptions {
  enum Initialisation: String { case kaiming, gaussian }

  var rank: Int
  var alpha: Double
  var dropout: Double
  var targets: SettingValues.Names
  var excluded: SettingValues.Names?
  var layers: [Int]?
  var layersPattern: [String]
  var rankPattern: [(name: String, value: Double)]
  var alphaPattern: [(name: String, value: Double)]
  var isRankStabilised: Bool
  var modulesToSave: [String]
  var tiesAdapters: Bool
  var initialisation: Initialisation
  var ratio: Double
  /// What the LoRA is part of.
  var variant: Variant

  /// A LoRA by itself, or within a method that has more.
  enum Variant {
    /// Nothing but a LoRA.
    case plain
    /// DoRA: vectors say how long rows are.
    case decomposed
    /// PiSSA: what the matrices start as is taken off the base.
    case principal
  }

  /// The method's key in a recipe.
  var method: String {
    switch variant {
    case .plain: LoRA.method.name
    case .decomposed: DoRA.method.name
    case .principal: PiSSA.method.name
    }
  }

  /// One place where a LoRA acts.
  struct Place: Equatable {
    var site: Site
    /// Its number among the network's sites.
    var index: Int
    var rank: Int
    var scale: Float
    var inputs: Int
    var outputs: Int

    /// The names of the two matrices in peft's file.
    var names: (down: String, up: String) {
      let path = "base_model.model.\(site.path)"
      return site.kind == .embedding
        ? ("\(path).lora_embedding_A", "\(path).lora_embedding_B")
        : ("\(path).lora_A.weight", "\(path).lora_B.weight")
    }
  }

  struct Plan {
    var places: [Place]
    var isShared: Bool
  }

  /// Finds the places in a network.
  ///
  /// - Parameter isNew: whether the adapter is yet to be made: then nothing may be asked for in vain.
  /// - Throws: ``AdapterError`` for targets that match nothing and ranks that cannot be.
  func plan(for model: LanguageModel, isNew: Bool, of subject: String) throws -> Plan {
    let spec = model.spec
    let selection = try ModuleSelection(
      targets, excluding: excluded, layers: layers, layersPattern: layersPattern,
      saved: modulesToSave, of: subject)
    var sites = try selection.sites(of: spec, allowsIdleNames: !isNew)
    let isTied = tiesAdapters && spec.tiesHead && sites.contains { $0.kind == .head }
    // Peft writes a head or an embedding that is a target into the folder, for PiSSA without the part
    // that was taken off: the folder would mean something only beside its own base.
    let barred: [Site.Kind] =
      switch variant {
      case .plain: []
      case .decomposed: [.embedding]
      case .principal: [.embedding, .head]
      }
    if let site = sites.first(where: { barred.contains($0.kind) })
      ?? (isTied ? spec.site(.embedding) : nil),
      variant != .plain
    {
      let name = variant == .principal ? "PiSSA" : "DoRA"
      throw AdapterError(
        subject, problem: "target_modules: \(site.path) has no \(name)",
        advice: "leave it out, train it whole (modules_to_save), or take lora")
    }
    let ranks = try NumbersByModule(rankPattern, of: subject)
    let alphas = try NumbersByModule(alphaPattern, of: subject)
    let ends = spec.ends
    let savesEnds = modulesToSave.contains { name in ends.contains { $0.path.hasSuffix(name) } }
    if tiesAdapters && spec.tiesHead && savesEnds && sites.contains(where: ends.contains) {
      throw AdapterError(
        subject,
        problem: """
          modules_to_save: trains embedding or head whole, target_modules names the other, and \
          ensure_weight_tying makes them one
          """)
    }
    let isShared = tiesAdapters && spec.tiesHead && sites.contains(where: ends.contains)
    if isShared { sites = sites.filter { !ends.contains($0) } + [ends[1]] }
    var faults: [String] = []
    if isNew {
      let paths = sites.map(\.path)
      faults += ranks.unused(among: paths).map { "rank_pattern: nothing chosen is called \($0)" }
      faults += alphas.unused(among: paths).map { "alpha_pattern: nothing chosen is called \($0)" }
    }
    let indices = Dictionary(
      uniqueKeysWithValues: spec.sites.enumerated().map { ($0.element, $0.offset) })
    let places = sites.map { site -> Place in
      let path = site.path
      let size = spec.size(of: site)
      let (outputs, inputs) =
        site.kind == .embedding ? (size.inputs, size.outputs) : (size.outputs, size.inputs)
      let rank = ranks.value(for: path) ?? Double(rank)
      let alpha = alphas.value(for: path) ?? alpha
      let whole = Int(exactly: rank) ?? 0
      if whole < 1 {
        faults.append("rank_pattern: a rank of \(rank.pythonDescription) for \(path)")
      } else if isNew && whole > min(outputs, inputs) {
        faults.append(
          "rank: \(whole) is more than \(path) has rows or columns, \(outputs) x \(inputs)")
      }
      let divisor = isRankStabilised ? rank.squareRoot() : rank
      return Place(
        site: site, index: indices[site] ?? 0, rank: max(whole, 1), scale: Float(alpha / divisor),
        inputs: inputs,
        outputs: outputs)
    }
    guard faults.isEmpty else { throw AdapterError(subject, faults: faults) }
    return Plan(places: places, isShared: isShared)
  }
}

extension LoRAOptions {
  /// - Parameter variant: what they are part of; only a LoRA by itself changes both ends at once.
  init(_ values: SettingValues, variant: Variant = .plain) {
    self.variant = variant
    rank = values.integer("rank")
    alpha = values.number("alpha")
    dropout = variant == .principal ? 0 : values.number("dropout")
    targets = values.names("target_modules") ?? .one(ModuleSelection.allLinear)
    excluded = values.names("exclude_modules")
    layers = values.integers("layers_to_transform")
    layersPattern = values.names("layers_pattern")?.all ?? []
    rankPattern = values.numbersByName("rank_pattern")
    alphaPattern = values.numbersByName("alpha_pattern")
    isRankStabilised = values.flag("rslora")
    modulesToSave = values.names("modules_to_save")?.all ?? []
    tiesAdapters = variant == .plain && values.flag("ensure_weight_tying")
    initialisation =
      variant == .principal
      ? .kaiming : Initialisation(rawValue: values.text("initialisation")) ?? .kaiming
    ratio = values.number("lora_plus_ratio")
  }
}
