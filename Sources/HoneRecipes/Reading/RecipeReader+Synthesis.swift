import Foundation
import HoneAdapters
import HoneFormats
import HoneSynthesis

extension RecipeReader {
  /// Reads a whole recipe of synthesis.
  ///
  /// - Throws: ``RecipeError`` with all faults.
  mutating func readSynthesis(_ root: RecipeNode) throws -> SynthesisRecipe {
    guard root.members != nil else {
      faults.append(
        RecipeFault(
          root.origin, key: "", "is not a recipe", advice: "see `hone recipes show domain-qa`"))
      throw RecipeError(file: file, faults: faults)
    }
    let settings = SynthesisSettings.top
    let known = settings.map(\.key) + SynthesisSettings.sections.map(\.name)
    for member in root.members ?? [] where !known.contains(member.key) {
      faults.append(unknown(member, in: "a recipe of synthesis", prefix: "", known: known))
    }
    var given: [(String, JSONValue)] = []
    for setting in settings where root[setting.key] != nil {
      if let value = value(of: setting, in: root, prefix: "") { given.append((setting.key, value)) }
    }
    var sections: [String: SettingValues] = [:]
    for (name, settings) in SynthesisSettings.sections {
      sections[name] = read(settings, of: name, in: root)
    }
    checkPipeline(root)
    checkSamplers(root)
    checkFilters(root)
    checkEndpoint(root)
    let isRemote = root["teacher"].flatMap { set("url", in: $0) } != nil
    sections["filters"] = sections["filters"].map { fittingFilters($0, in: root) }
    // An endpoint's name of a model is not for this machine to understand.
    for section in isRemote ? ["reader"] : ["teacher", "reader"] {
      guard let node = root[section]?["model"], let name = node.value.string, name != "none",
        let values = sections[section],
        let reference = resolved(model: name, node: node, key: "\(section).model")
      else { continue }
      let settings = SynthesisSettings.sections.first { $0.name == section }?.settings ?? []
      let members = settings.map(\.key).filter(values.givenKeys.contains).map {
        ($0, $0 == "model" ? JSONValue.string(reference) : values[$0])
      }
      sections[section] = try? SettingValues(settings, given: JSONObject(members), of: section)
    }
    guard faults.isEmpty,
      let top = try? SettingValues(settings, given: JSONObject(given), of: "recipe")
    else { throw RecipeError(file: file, faults: faults) }
    return try SynthesisRecipe(file: file, top: top, sections: sections, output: output(of: root))
  }

  /// What is made, of what, and whether its steps fit together.
  private mutating func checkPipeline(_ root: RecipeNode) {
    let names = SynthesisPipelines.all.map { $0.name }
    guard let node = root["pipeline"] else {
      return missing("pipeline", in: root, advice: "name one of \(names.joined(separator: ", "))")
    }
    guard let name = node.value.string, let kind = SynthesisPipelines.named(name) else { return }
    if kind.readsPassages, set("documents", in: root) == nil {
      missing("documents", in: root, advice: "name the files or folders that \(name) reads")
    }
    if kind.readsExamples, set("examples", in: root) == nil {
      missing(
        "examples", in: root, advice: "name the files of example tasks that \(name) starts from")
    }
    checkSchema(root, of: name, isRead: kind.readsSchema)
    if let chosen = root["duplicates"].flatMap({ set("paraphrases", in: $0) }) {
      for fault in Step.faults(in: kind.steps + [Paraphrases.step]) {
        faults.append(
          RecipeFault(
            chosen.origin, key: "duplicates.paraphrases", "does not fit \(name): \(fault)",
            advice: "leave it out"))
      }
    }
    guard let chosen = root["filters"]?["likelihood"],
      let names = SynthesisRecipe.names(chosen.value)
    else { return }
    let steps = LikelihoodFilter.all.filter { names == ["all"] || names.contains($0.name) }
      .map(\.step)
    for fault in Step.faults(in: kind.steps + steps) {
      faults.append(
        RecipeFault(
          chosen.origin, key: "filters.likelihood", "does not fit \(name): \(fault)",
          advice: "leave it out"))
    }
  }

  /// Values that can be drawn, of a pipeline that draws.
  private mutating func checkSamplers(_ root: RecipeNode) {
    guard let section = root["samplers"] else { return }
    let kind = root["pipeline"]?.value.string.flatMap(SynthesisPipelines.named)
    for sampler in Sampler.allCases {
      guard let node = set(sampler.rawValue, in: section), Setting.Kind.names.accepts(node.value),
        let values = SynthesisRecipe.names(node.value)
      else { continue }
      let key = "samplers.\(sampler.rawValue)"
      if let kind, !kind.drawsSamplers {
        faults.append(
          RecipeFault(
            node.origin, key: key, "is nothing that \(kind.name) draws", advice: "leave it out"))
      } else if let fault = Sampler.fault(in: values) {
        faults.append(RecipeFault(node.origin, key: key, fault))
      }
    }
  }

  /// Whether an endpoint can be asked, and somebody here judges what it writes.
  private mutating func checkEndpoint(_ root: RecipeNode) {
    guard let section = root["teacher"], let node = set("url", in: section),
      let text = node.value.string
    else { return }
    do throws(SynthesisError) {
      _ = try Endpoint(text)
    } catch {
      faults.append(
        RecipeFault(node.origin, key: "teacher.url", error.problem, advice: error.advice))
    }
    if set("model", in: section) == nil {
      missing("teacher.model", in: section, advice: "name the model as the endpoint does")
    }
    let reader = root["reader"]
    if reader.flatMap({ set("model", in: $0) }) == nil {
      missing(
        "reader.model", in: reader ?? node,
        advice: "name a model of this machine, which judges what the endpoint writes")
    }
  }

  /// The schema where records are made of one: there, read and understood.
  private mutating func checkSchema(_ root: RecipeNode, of name: String, isRead: Bool) {
    guard let node = set("schema", in: root) else {
      if isRead {
        missing(
          "schema", in: root, advice: "name the JSON Schema of the records that \(name) makes")
      }
      return
    }
    guard isRead else {
      faults.append(
        RecipeFault(
          node.origin, key: "schema", "is nothing that \(name) reads", advice: "leave it out"))
      return
    }
    guard checksFiles, let text = node.value.string else { return }
    let path = path(text, origin: node.origin)
    // That it is not there is told with the other paths.
    guard FileManager.default.fileExists(atPath: path) else { return }
    do {
      _ = try RecordSchema(path: path)
    } catch {
      faults.append(
        RecipeFault(node.origin, key: "schema", "is no schema of records: \(error)"))
    }
  }

  /// The section of filters without those of likelihoods where a pipeline gives them nothing to
  /// measure and the recipe is silent.
  private func fittingFilters(_ filters: SettingValues, in root: RecipeNode) -> SettingValues {
    guard let kind = root["pipeline"]?.value.string.flatMap(SynthesisPipelines.named),
      !filters.givenKeys.contains("likelihood"),
      !Step.faults(in: kind.steps + LikelihoodFilter.all.map(\.step)).isEmpty
    else { return filters }
    let settings = SynthesisSettings.sections.first { $0.name == "filters" }?.settings ?? []
    let given = settings.map(\.key).filter(filters.givenKeys.contains).map { ($0, filters[$0]) }
    let none: [(String, JSONValue)] = [("likelihood", .string("none"))]
    return
      (try? SettingValues(settings, given: JSONObject(given + none), of: "filters")) ?? filters
  }

  /// Names of filters, each with the nearest where it is none.
  private mutating func checkFilters(_ root: RecipeNode) {
    guard let section = root["filters"] else { return }
    let likelihood = LikelihoodFilter.all.map(\.name)
    for (key, known) in [("likelihood", likelihood), ("hard", HardFilters.names)] {
      guard let node = section[key], let names = SynthesisRecipe.names(node.value) else { continue }
      for name in names where !(known + ["all", "none"]).contains(name) {
        let advice =
          name.nearest(in: known).map { "did you mean \($0)?" }
          ?? "there are \(known.joined(separator: ", "))"
        faults.append(
          RecipeFault(
            node.origin, key: "filters.\(key)",
            "has \(FormatError.quoted(name)), which is no filter",
            advice: advice))
      }
    }
    guard let node = section["thresholds"] else { return }
    for member in node.members ?? [] where !likelihood.contains(member.key) {
      faults.append(
        unknown(
          member, in: "filters.thresholds", prefix: "filters.thresholds.", known: likelihood))
    }
  }
}

extension SynthesisRecipe {
  /// A name or a list of names.
  static func names(_ value: JSONValue) -> [String]? {
    value.string.map { [$0] } ?? value.array?.compactMap(\.string)
  }
}
