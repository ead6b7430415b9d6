import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneStore
import HoneTensors
import HoneTraining

/// Finds the meaning of a recipe's parts, and everything that is wrong with them.
struct RecipeReader {
  let file: String
  /// What the file's paths are relative to.
  let folder: String
  let checksFiles: Bool
  var faults: [RecipeFault] = []

  init(file: String, folder: String, checksFiles: Bool) {
    self.file = file
    self.folder = folder
    self.checksFiles = checksFiles
  }

  // MARK: Sections

  /// Reads the whole recipe.
  ///
  /// - Throws: ``RecipeError`` with all faults.
  mutating func readChain(_ root: RecipeNode) throws -> RecipeChain {
    guard root.members != nil else {
      faults.append(
        RecipeFault(
          root.origin, key: "", "is not a recipe",
          advice: "see `hone recipes show lora`"))
      throw RecipeError(file: file, faults: faults)
    }
    let stages = root["stages"] == nil ? [readRun(root)] : readStages(root)
    let read = stages.compactMap { $0 }
    guard faults.isEmpty, read.count == stages.count, let first = read.first else {
      throw RecipeError(file: file, faults: faults)
    }
    let output = read.count == 1 && first.stage == nil ? first.output : self.output(of: root)
    return RecipeChain(file: file, stages: read, output: output)
  }

  /// The run's folder where nothing is wrong with it.
  func output(of root: RecipeNode) -> String {
    let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
    guard let node = root["output"], let text = node.value.string else {
      return path("runs/\(name.isEmpty ? "run" : name)", origin: root.origin)
    }
    return path(text, origin: node.origin)
  }

  /// Reads one run; nil when something is wrong.
  ///
  /// - Parameter stage: which stage it is, where there are any.
  mutating func readRun(_ root: RecipeNode, stage: RecipeStage? = nil) -> Recipe? {
    let sections = ["method", "objective", "data", "training"]
    let known = Recipe.settings.map(\.key) + sections + ["stages"]
    for member in root.members ?? [] where !known.contains(member.key) {
      faults.append(unknown(member, in: "a recipe", prefix: "", known: known))
    }
    let (model, weights) = readModel(root)
    _ = value(of: Recipe.settings[1], in: root, prefix: "")
    let reference = model.flatMap { resolved(model: $0, node: root["model"] ?? root) }
    let method = readMethod(root)
    let objective = readObjective(root)
    let data = read(DataSection.settings, of: "data", in: root)
    if root["data"]?["train"] == nil {
      missing("data.train", in: root["data"] ?? root, advice: "name the file to train on")
    }
    let training = readTraining(root)
    checkValidation(root)
    guard faults.isEmpty, let reference, let method, let objective, let data, let training else {
      return nil
    }
    return Recipe(
      file: file, model: reference, weights: weights, method: method.method,
      methodSettings: stage?.methodSettings(method) ?? method.settings, objective: objective.kind,
      objectiveSettings: stage?.objectiveSettings(objective) ?? objective.settings,
      adapterFolder: stage?.adapterFolder ?? method.adapterFolder, data: data,
      training: training.filling(
        "learning_rate",
        with: .number(method.method.learningRate * objective.kind.rateFactor)),
      output: stage?.output ?? output(of: root), stage: stage?.name)
  }

  /// A name, or a mapping of `path` and how the weights are kept.
  private mutating func readModel(_ root: RecipeNode) -> (
    model: String?, weights: WeightQuantization
  ) {
    let advice = "name the model to customise"
    guard let node = root["model"] else {
      missing("model", in: root, advice: advice)
      return (nil, .stored)
    }
    guard node.members != nil else {
      return (value(of: Recipe.settings[0], in: root, prefix: "")?.string, .stored)
    }
    if node["path"] == nil { missing("model.path", in: node, advice: advice) }
    let values = read(Recipe.modelSettings, of: "model", in: root)
    let weights = values.flatMap { WeightQuantization(rawValue: $0.text("weights")) }
    return (values?.optionalText("path"), weights ?? .stored)
  }

  mutating func missing(_ key: String, in node: RecipeNode, advice: String) {
    faults.append(RecipeFault(node.origin, key: key, "is not set", advice: advice))
  }

  /// A section that names one of a list, alone or with settings of its own: `method: lora`.
  private mutating func readChoice(
    _ key: String, in root: RecipeNode, of names: [String], noun: String
  ) -> (name: String, node: RecipeNode)? {
    guard var node = root[key] else {
      missing(key, in: root, advice: "name one of \(names.joined(separator: ", "))")
      return nil
    }
    if case .scalar(.string(let name)) = node.content {
      let empty = RecipeNode(origin: node.origin, content: .mapping([]))
      node.content = .mapping([.init(key: name, origin: node.origin, value: empty)])
    }
    guard let members = node.members, members.count == 1, let member = members.first else {
      let found = node.members?.map(\.key).joined(separator: ", ") ?? ""
      let problem = found.isEmpty ? "is not \(noun)" : "is more than one: \(found)"
      faults.append(
        RecipeFault(
          node.origin, key: key, problem, advice: "name one of \(names.joined(separator: ", "))"))
      return nil
    }
    guard names.contains(member.key) else {
      let advice =
        member.key.nearest(in: names).map { "did you mean \($0)?" }
        ?? "there are \(names.joined(separator: ", "))"
      faults.append(
        RecipeFault(
          member.origin, key: key, "has \(FormatError.quoted(member.key)), which is no \(key)",
          advice: advice))
      return nil
    }
    return (member.key, node)
  }

  /// What is trained for, supervised fine-tuning where nothing is said.
  private mutating func readObjective(
    _ root: RecipeNode
  ) -> (kind: ObjectiveKind, settings: SettingValues)? {
    let supervised = Objectives.supervised
    guard root["objective"] != nil else {
      return (try? SettingValues(supervised.settings, of: supervised.name)).map { (supervised, $0) }
    }
    guard
      let (name, node) = readChoice(
        "objective", in: root, of: Objectives.all.map(\.name), noun: "an objective"),
      let kind = Objectives.all.first(where: { $0.name == name }),
      let values = read(kind.settings, of: name, prefix: "objective.", in: node)
    else { return nil }
    guard kind.hasReference, values.givenKeys.contains("reference"),
      let reference = values.optionalText("reference"), !["base", "adapter"].contains(reference),
      let member = node[name]?["reference"]
    else { return (kind, values) }
    // Anything but a name is a folder.
    let folder = path(reference, origin: member.origin)
    if checksFiles, !FileManager.default.fileExists(atPath: folder) {
      faults.append(
        RecipeFault(
          member.origin, key: "objective.\(name).reference",
          "is \(FormatError.quoted(reference)), expected base, adapter, none or an adapter's folder"
        ))
    }
    let given = kind.settings.map(\.key).filter(values.givenKeys.contains).map {
      ($0, $0 == "reference" ? JSONValue.string(folder) : values[$0])
    }
    return (try? SettingValues(kind.settings, given: JSONObject(given), of: name)).map {
      (kind, $0)
    }
  }

  private mutating func readMethod(
    _ root: RecipeNode
  ) -> (method: AdapterMethod, settings: SettingValues, adapterFolder: String?)? {
    guard
      let (name, node) = readChoice(
        "method", in: root, of: AdapterMethods.all.map(\.name), noun: "a method"),
      let method = AdapterMethods.all.first(where: { $0.name == name })
    else { return nil }
    let settings = [Recipe.adapterFolderSetting] + method.settings
    guard let all = read(settings, of: name, prefix: "method.", in: node),
      let own = try? method.values(given(by: all, among: method.settings))
    else { return nil }
    return (method, own, all.optionalText("from"))
  }

  private func given(by values: SettingValues, among settings: [Setting]) -> JSONObject {
    let keys = settings.map(\.key).filter(values.givenKeys.contains)
    return JSONObject(keys.map { ($0, values[$0]) })
  }

  private mutating func readTraining(_ root: RecipeNode) -> SettingValues? {
    let training = read(TrainingSection.settings, of: "training", in: root)
    guard let section = root["training"] else { return training }
    if let steps = set("steps", in: section), set("epochs", in: section) != nil {
      faults.append(
        RecipeFault(
          steps.origin, key: "training.steps", "stands beside training.epochs", advice: "keep one"))
    }
    if let node = set("warmup", in: section), let warmup = node.value.double, warmup >= 1,
      node.value.integer == nil
    {
      faults.append(
        RecipeFault(
          node.origin, key: "training.warmup",
          "is \(shown(node.value)), expected a share below 1 or a whole number of steps"))
    }
    return training
  }

  /// The value of a key, where there is one and it is not none.
  func set(_ key: String, in section: RecipeNode) -> RecipeNode? {
    section[key].flatMap { [.null, .string("none")].contains($0.value) ? nil : $0 }
  }

  /// Finds keys that need held-out data where there is none.
  private mutating func checkValidation(_ root: RecipeNode) {
    guard let section = root["training"] else { return }
    if let data = root["data"], set("valid", in: data) != nil { return }
    for key in ["validate_every", "early_stopping"] {
      guard let node = set(key, in: section) else { continue }
      faults.append(
        RecipeFault(
          node.origin, key: "training.\(key)", "needs held-out data", advice: "set data.valid"))
    }
  }

  // MARK: Settings

  /// Reads a section against its table; nil when something is wrong with it.
  mutating func read(
    _ settings: [Setting], of name: String, prefix: String = "", in parent: RecipeNode
  ) -> SettingValues? {
    let before = faults.count
    let section = parent[name]
    if let section, section.members == nil {
      faults.append(
        RecipeFault(
          section.origin, key: prefix + name, "is \(shown(section.value)), expected keys and values"
        ))
      return nil
    }
    let known = settings.map(\.key)
    for member in section?.members ?? [] where !known.contains(member.key) {
      faults.append(unknown(member, in: prefix + name, prefix: "\(prefix)\(name).", known: known))
    }
    var given: [(String, JSONValue)] = []
    for setting in settings {
      guard let section, section[setting.key] != nil else { continue }
      if let value = value(of: setting, in: section, prefix: "\(prefix)\(name).") {
        given.append((setting.key, value))
      }
    }
    guard faults.count == before else { return nil }
    return try? SettingValues(settings, given: JSONObject(given), of: prefix + name)
  }

  /// The checked value of a key, its path made absolute; nil where it is not set or does not fit.
  mutating func value(
    of setting: Setting, in section: RecipeNode, prefix: String
  ) -> JSONValue? {
    guard let node = section[setting.key] else { return nil }
    var value = node.value
    if setting.allowsNone, value == .string("none") { value = .null }
    if setting.fault(in: value) != nil {
      let expected = setting.allowsNone ? "\(setting.kind), or none" : "\(setting.kind)"
      var advice = ""
      if case .choice(let names) = setting.kind, let near = value.string?.nearest(in: names) {
        advice = "did you mean \(near)?"
      } else if setting.kind == .flag, let word = value.string {
        advice = ["yes": "write true", "no": "write false"][word.lowercased()] ?? ""
      }
      faults.append(
        RecipeFault(
          node.origin, key: prefix + setting.key, "is \(shown(value)), expected \(expected)",
          advice: advice))
      return nil
    }
    func checked(_ text: String) -> JSONValue {
      let path = path(text, origin: node.origin)
      // The run's folder is yet to be made; everything else is read.
      if checksFiles, setting.key != "output", !FileManager.default.fileExists(atPath: path) {
        faults.append(
          RecipeFault(
            node.origin, key: prefix + setting.key,
            "is \(FormatError.quoted(path)), which is not there"
          ))
      }
      return .string(path)
    }
    switch (setting.kind, value) {
    case (.path, .string(let text)), (.paths, .string(let text)): return checked(text)
    case (.paths, .array(let texts)): return .array(texts.compactMap(\.string).map(checked))
    default: return value
    }
  }

  func unknown(
    _ member: RecipeNode.Member, in owner: String, prefix: String, known: [String]
  ) -> RecipeFault {
    let advice =
      member.key.nearest(in: known).map { "did you mean \($0)?" }
      ?? "it has \(known.joined(separator: ", "))"
    let isPlain = FormatError.quoted(member.key) == "\"\(member.key)\""
    let key = isPlain ? prefix + member.key : prefix + FormatError.quoted(member.key)
    return RecipeFault(member.origin, key: key, "is not a key of \(owner)", advice: advice)
  }

  func shown(_ value: JSONValue) -> String {
    switch value {
    case .null: "empty"
    case .string(let text): FormatError.quoted(text)
    default:
      value.text(.spaced).count > 120
        ? String(value.text(.spaced).prefix(100)) + "..." : value.text(.spaced)
    }
  }

  // MARK: Paths

  func path(_ text: String, origin: RecipeOrigin) -> String {
    var path = (text as NSString).expandingTildeInPath
    if !path.hasPrefix("/"), case .file = origin { path = "\(folder)/\(path)" }
    return URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// The model's reference with an absolute path; nil when it is no reference.
  mutating func resolved(model: String, node: RecipeNode, key: String = "model") -> String? {
    do {
      if case .path = try ModelReference(parsing: model) { return path(model, origin: node.origin) }
      return model
    } catch {
      faults.append(RecipeFault(node.origin, key: key, "is no reference: \(error)"))
      return nil
    }
  }
}
