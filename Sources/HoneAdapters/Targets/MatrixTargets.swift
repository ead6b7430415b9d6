import HoneFormats
import HoneModels

/// Which projections are changed by a method that has one change a matrix, in the words that peft's
/// configurations share.
struct MatrixTargets {
  var targets: SettingValues.Names
  var excluded: SettingValues.Names?
  var layers: [Int]?
  var layersPattern: [String]
  var modulesToSave: [String]

  static let settings: [Setting] = [
    ModuleSelection.targetSetting,
    ModuleSelection.excludedSetting,
    Setting(
      "layers_to_transform", .integers, default: .null,
      "Only blocks with these numbers, from 0; target_modules must be a list."),
    Setting(
      "layers_pattern", .names, default: .null,
      "The name of the list of blocks that layers_to_transform counts."),
    Setting(
      "modules_to_save", .names, default: .null,
      "Modules that are trained whole and kept in the adapter: lm_head, embed_tokens, norm."),
  ]

  init(_ values: SettingValues) {
    targets = values.names("target_modules") ?? .one(ModuleSelection.allLinear)
    excluded = values.names("exclude_modules")
    layers = values.integers("layers_to_transform")
    layersPattern = values.names("layers_pattern")?.all ?? []
    modulesToSave = values.names("modules_to_save")?.all ?? []
  }

  /// Reads what a folder's configuration says.
  ///
  /// - Parameter excludes: whether peft's configuration of the method can leave modules out.
  init(reading reader: AdapterReader, excludes: Bool = true) {
    func names(_ key: String) -> SettingValues.Names? {
      let value = reader.read(key, .names, default: .null)
      return value.string.map { .one($0) } ?? value.array.map { .list($0.compactMap(\.string)) }
    }
    targets = names("target_modules") ?? .list([])
    excluded = excludes ? names("exclude_modules") : nil
    let chosen = reader.read("layers_to_transform", .integers, default: .null)
    layers = chosen.array?.compactMap(\.integer) ?? chosen.integer.map { [$0] }
    layersPattern = names("layers_pattern")?.all ?? []
    modulesToSave = names("modules_to_save")?.all ?? []
  }

  /// The projections in a network, in its order.
  ///
  /// - Parameter isNew: whether the adapter is yet to be made: then nothing may be asked for in vain.
  /// - Throws: ``AdapterError`` for targets that match nothing, and for the embedding.
  func sites(of model: LanguageModel, isNew: Bool, subject: String) throws -> [Site] {
    let sites = try ModuleSelection(
      targets, excluding: excluded, layers: layers, layersPattern: layersPattern,
      saved: modulesToSave, of: subject
    ).sites(of: model.spec, allowsIdleNames: !isNew)
    if let table = sites.first(where: { $0.kind == .embedding }) {
      throw AdapterError(
        subject, problem: "target_modules: \(table.path) is no projection",
        advice: "leave it out, train it whole (modules_to_save), or take lora")
    }
    return sites
  }

  /// What peft's configuration says of it.
  ///
  /// - Parameter excludes: whether it can leave modules out; where it cannot, the paths are written.
  func config(for sites: [Site], excludes: Bool = true) -> [(String, JSONValue)] {
    func json(_ names: SettingValues.Names?) -> JSONValue {
      switch names {
      case .one(let text): .string(text)
      case .list(let names): names.isEmpty ? .null : .array(names.map { .string($0) })
      case nil: .null
      }
    }
    let isWrittenOut = targets.isAllLinear || (!excludes && excluded != nil)
    let list: [(String, JSONValue)] = [
      ("target_modules", json(isWrittenOut ? .list(sites.map(\.path)) : targets)),
      ("layers_to_transform", layers.map { .array($0.map { .integer($0) }) } ?? .null),
      ("layers_pattern", json(.list(layersPattern))),
      ("modules_to_save", json(.list(modulesToSave))),
    ]
    return list + (excludes ? [("exclude_modules", json(excluded))] : [])
  }
}

/// The ranks and scales of changes, one for all matrices or others by name, as peft's
/// configurations for LoHa and LoKr say them.
struct MatrixRanks {
  var rank: Int
  var alpha: Double
  var rankPattern: [(name: String, value: Double)]
  var alphaPattern: [(name: String, value: Double)]

  /// One projection with its rank.
  struct Place {
    var site: Site
    var rank: Int
    /// `alpha / rank`.
    var scale: Float
    var inputs: Int
    var outputs: Int

    var name: String { "base_model.model.\(site.path)" }
  }

  static func settings(rank: Int, alpha: Int, _ summary: String) -> [Setting] {
    [
      Setting("rank", .integer(1...65536), default: .integer(rank), summary),
      Setting(
        "alpha", .number(0...(.infinity)), default: .integer(alpha),
        "The change is multiplied by alpha / rank."),
      Setting(
        "rank_pattern", .numbersByName, default: .object(JSONObject()),
        "Other ranks for modules by name or regular expression; the first that matches counts."),
      Setting(
        "alpha_pattern", .numbersByName, default: .object(JSONObject()),
        "Other alphas, in the same way."),
    ]
  }

  init(_ values: SettingValues) {
    rank = values.integer("rank")
    alpha = values.number("alpha")
    rankPattern = values.numbersByName("rank_pattern")
    alphaPattern = values.numbersByName("alpha_pattern")
  }

  init(reading reader: AdapterReader) {
    func numbers(_ key: String) -> [(name: String, value: Double)] {
      reader.read(key, .numbersByName, default: .object(JSONObject())).object?
        .map { ($0.0, $0.1.double ?? 0) } ?? []
    }
    rank = reader.read("r", .integer(1...65536), default: .integer(8)).integer ?? 8
    alpha = reader.read("alpha", .number(0...(.infinity)), default: .integer(8)).double ?? 8
    rankPattern = numbers("rank_pattern")
    alphaPattern = numbers("alpha_pattern")
  }

  /// Each projection with its rank and scale.
  ///
  /// - Parameter isLimited: whether a rank beyond the matrix's rows or columns is a mistake.
  /// - Throws: ``AdapterError`` for ranks that cannot be and patterns that match nothing.
  func places(
    _ sites: [Site], of model: LanguageModel, isNew: Bool, isLimited: Bool, subject: String
  ) throws -> [Place] {
    let ranks = try NumbersByModule(rankPattern, of: subject)
    let alphas = try NumbersByModule(alphaPattern, of: subject)
    var faults: [String] = []
    if isNew {
      let paths = sites.map(\.path)
      faults += ranks.unused(among: paths).map { "rank_pattern: nothing chosen is called \($0)" }
      faults += alphas.unused(among: paths).map { "alpha_pattern: nothing chosen is called \($0)" }
    }
    let places = sites.map { site -> Place in
      let path = site.path
      let size = model.spec.size(of: site)
      let rank = ranks.value(for: path) ?? Double(rank)
      let whole = Int(exactly: rank) ?? 0
      if whole < 1 {
        faults.append("rank_pattern: a rank of \(rank.pythonDescription) for \(path)")
      } else if isNew && isLimited && whole > min(size.outputs, size.inputs) {
        faults.append(
          """
          rank: \(whole) is more than \(path) has rows or columns, \(size.outputs) x \(size.inputs)
          """)
      }
      return Place(
        site: site, rank: max(whole, 1),
        scale: Float((alphas.value(for: path) ?? alpha) / max(rank, 1)), inputs: size.inputs,
        outputs: size.outputs)
    }
    guard faults.isEmpty else { throw AdapterError(subject, faults: faults) }
    return places
  }

  /// What peft's configuration says of it.
  var config: [(String, JSONValue)] {
    func mapping(_ numbers: [(name: String, value: Double)]) -> JSONValue {
      .object(JSONObject(numbers.map { ($0.name, .whole($0.value)) }))
    }
    return [
      ("r", .integer(rank)), ("alpha", .whole(alpha)), ("rank_pattern", mapping(rankPattern)),
      ("alpha_pattern", mapping(alphaPattern)),
    ]
  }
}
