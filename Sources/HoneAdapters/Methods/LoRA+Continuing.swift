import HoneFormats
import HoneModels

/// Going on with an adapter from a folder: the folder says what it is, and a recipe may not say
/// otherwise.
extension LoRA {
  public func continued(
    with settings: SettingValues, from subject: String
  ) throws -> any TrainableAdapter {
    let own = options.settings
    let effect = try options.effect(on: model)
    let keys = Self.method.settings.map(\.key).filter(settings.givenKeys.contains)
    let faults = keys.compactMap { key -> String? in
      // The one setting that is the training's alone: no folder has it.
      guard key != "lora_plus_ratio" else { return nil }
      var other = own
      other[key] = settings[key]
      // The same may be said in several ways: all-linear, and a list of all paths.
      if let asked = try? LoRAOptions(Self.method.values(other)).effect(on: model), asked == effect
      {
        return nil
      }
      let found = Self.shown(own[key] ?? .null)
      return "\(key): is \(found) in the folder and \(Self.shown(settings[key])) in the recipe"
    }
    guard faults.isEmpty else {
      throw AdapterError(
        subject, faults: faults,
        advice: "what goes on from a folder takes its settings: leave them out of the recipe")
    }
    var options = options
    options.ratio = settings.number("lora_plus_ratio")
    return LoRA(
      options: options,
      modules: modules.map { module in
        Module(
          site: module.site, down: module.down,
          up: Parameter(
            module.up.name, module.up.tensor, rateFactor: options.rateFactor(at: module.site)),
          scale: module.scale, dropout: module.dropout, place: module.place)
      }, saved: saved, isShared: isShared, replaced: replaced, model: model)
  }

  private static func shown(_ value: JSONValue) -> String {
    let text = value.isNull ? "none" : value.text(.spaced)
    return text.count > 200 ? "\(text.prefix(180))..." : text
  }
}

extension LoRAOptions {
  /// How much faster than the inner the outer matrix learns.
  func rateFactor(at site: Site) -> Float {
    // The embedding's two start the other way round, so neither is the slow one.
    site.kind == .embedding ? 1 : Float(ratio)
  }

  /// What settings come to in a network, however they are said.
  fileprivate struct Effect: Equatable {
    var places: [Place]
    var dropout: Double
    var saved: Set<String>
    var isTied: Bool
    var initialisation: Initialisation
  }

  fileprivate func effect(on model: LanguageModel) throws -> Effect {
    let plan = try plan(for: model, isNew: false, of: LoRA.method.name)
    let ends = model.spec.ends.map(\.name)
    let names = modulesToSave.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
    let areOne = tiesAdapters && model.spec.tiesHead
    return Effect(
      places: plan.places, dropout: dropout,
      saved: Set(names.map { areOne && $0 == ends[1] ? ends[0] : $0 }), isTied: areOne,
      initialisation: initialisation)
  }

  /// The options as a recipe gives them.
  fileprivate var settings: JSONObject {
    func list(_ names: [String]) -> JSONValue {
      names.isEmpty ? .null : .array(names.map { .string($0) })
    }
    func json(_ names: SettingValues.Names?) -> JSONValue {
      switch names {
      case .one(let name): .string(name)
      case .list(let names): .array(names.map { .string($0) })
      case nil: .null
      }
    }
    func mapping(_ numbers: [(name: String, value: Double)]) -> JSONValue {
      .object(JSONObject(numbers.map { ($0.name, .whole($0.value)) }))
    }
    return JSONObject([
      ("rank", .integer(rank)), ("alpha", .whole(alpha)), ("dropout", .number(dropout)),
      ("target_modules", json(targets)), ("exclude_modules", json(excluded)),
      ("layers_to_transform", layers.map { .array($0.map { .integer($0) }) } ?? .null),
      ("layers_pattern", list(layersPattern)), ("rank_pattern", mapping(rankPattern)),
      ("alpha_pattern", mapping(alphaPattern)), ("rslora", .bool(isRankStabilised)),
      ("modules_to_save", list(modulesToSave)), ("ensure_weight_tying", .bool(tiesAdapters)),
      ("initialisation", .string(initialisation.rawValue)), ("lora_plus_ratio", .number(ratio)),
    ])
  }
}
