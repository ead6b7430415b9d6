import Foundation
import HoneAdapters
import HoneFormats
import HoneTraining

/// What a run has from being a stage.
struct RecipeStage {
  var name: String
  var output: String
  /// The adapter that the stage before leaves; nil for the first.
  var adapterFolder: String?

  /// What is said of a method in a stage that goes on from an adapter: that adapter has the rest.
  func methodSettings(
    _ method: (method: AdapterMethod, settings: SettingValues, adapterFolder: String?)
  ) -> SettingValues? {
    guard adapterFolder != nil else { return nil }
    // The one setting that is the training's alone: no folder has it.
    let key = "lora_plus_ratio"
    let kept = method.settings.givenKeys.contains(key) ? [(key, method.settings[key])] : []
    return try? method.method.values(JSONObject(kept))
  }

  /// What is said of an objective: after another stage the reference is the adapter that it left.
  func objectiveSettings(
    _ objective: (kind: ObjectiveKind, settings: SettingValues)
  ) -> SettingValues? {
    let (kind, settings) = objective
    guard adapterFolder != nil, kind.hasReference, !settings.givenKeys.contains("reference") else {
      return nil
    }
    let given = kind.settings.map(\.key).filter(settings.givenKeys.contains).map {
      ($0, settings[$0])
    }
    return try? SettingValues(
      kind.settings, given: JSONObject(given + [("reference", .string("adapter"))]), of: kind.name)
  }
}

extension RecipeReader {
  /// The keys of a stage.
  private static let keys = ["name", "objective", "data", "training"]
  /// Names in the output that are no stage's.
  private static let reserved = ["adapter", "checkpoints", "report", "recipe", "run"]

  /// Reads all stages, each as a run: what it says over what is said for all.
  mutating func readStages(_ root: RecipeNode) -> [Recipe?] {
    guard let node = root["stages"] else { return [] }
    guard case .list(let stages) = node.content, !stages.isEmpty else {
      faults.append(
        RecipeFault(
          node.origin, key: "stages", "is \(shown(node.value)), expected a list of stages",
          advice: "write - name: sft and its data and training below"))
      return [nil]
    }
    for member in root.members ?? [] where member.key == "objective" {
      faults.append(
        RecipeFault(
          member.origin, key: "objective", "stands beside stages",
          advice: "say it in the stage that it is for"))
    }
    let names = readNames(stages)
    let output = output(of: root)
    return stages.indices.map { index in
      guard let name = names[index] else { return nil }
      let before = index > 0 ? names[index - 1] : nil
      let others = faults
      faults = []
      checkKeys(of: stages[index])
      let recipe = readRun(
        merged(root, stages[index]),
        stage: RecipeStage(
          name: name, output: "\(output)/\(name)",
          adapterFolder: before.map { "\(output)/\($0)/adapter" }))
      let own = stages[index].origins
      let found = faults.map { fault in
        guard own.contains(fault.origin) else { return fault }
        var fault = fault
        fault.key = "stages.\(name).\(fault.key)"
        return fault
      }
      // What is said for all stages is wrong for each in the same way.
      faults = others + found.filter { !others.contains($0) }
      return recipe
    }
  }

  /// The stages' names, nil for those that have none that will do.
  private mutating func readNames(_ stages: [RecipeNode]) -> [String?] {
    var names: [String?] = []
    for stage in stages {
      names.append(nil)
      guard let node = stage["name"] else {
        if stage.members == nil {
          faults.append(
            RecipeFault(
              stage.origin, key: "stages", "has \(shown(stage.value)), expected keys and values"))
        } else {
          missing("stages.name", in: stage, advice: "each stage has a name of its own")
        }
        continue
      }
      let fault: String? =
        if let name = node.value.string {
          if !Self.isFolderName(name) {
            "is \(FormatError.quoted(name)), expected letters, digits, - and _"
          } else if Self.reserved.contains(name.lowercased()) {
            "is \(name), which is no stage's: the output has its own"
          } else if names.contains(where: { $0?.lowercased() == name.lowercased() }) {
            "is \(name), which another stage has"
          } else {
            nil
          }
        } else {
          "is \(shown(node.value)), expected a text"
        }
      if let fault {
        faults.append(RecipeFault(node.origin, key: "stages.name", fault))
      } else {
        names[names.count - 1] = node.value.string
      }
    }
    return names
  }

  private static func isFolderName(_ name: String) -> Bool {
    let isSafe = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_".utf8.contains(byte)
    }
    return isSafe && !name.isEmpty && name.utf8.count <= 64 && name.utf8.first != UInt8(ascii: "-")
  }

  private mutating func checkKeys(of stage: RecipeNode) {
    for member in stage.members ?? [] where !Self.keys.contains(member.key) {
      guard ["model", "method", "output"].contains(member.key) else {
        faults.append(unknown(member, in: "a stage", prefix: "", known: Self.keys))
        continue
      }
      faults.append(
        RecipeFault(
          member.origin, key: member.key, "is not a stage's", advice: "it is said once, for all"))
    }
  }

  /// A stage as a recipe of its own.
  private func merged(_ root: RecipeNode, _ stage: RecipeNode) -> RecipeNode {
    func section(_ key: String) -> RecipeNode? {
      guard let own = stage[key] else { return root[key] }
      guard let members = own.members, var common = root[key]?.members else { return own }
      // One of the two displaces the other.
      for (given, other) in [("steps", "epochs"), ("epochs", "steps")]
      where key == "training" && set(given, in: own) != nil {
        common.removeAll { $0.key == other }
      }
      common.removeAll { member in members.contains { $0.key == member.key } }
      return RecipeNode(origin: own.origin, content: .mapping(common + members))
    }
    var members = (root.members ?? []).filter {
      !["stages", "objective", "data", "training"].contains($0.key)
    }
    for key in ["objective", "data", "training"] {
      guard let node = key == "objective" ? stage[key] : section(key) else { continue }
      let origin = stage.members?.first { $0.key == key }?.origin ?? node.origin
      var value = node
      // What is missing is missing in the stage.
      if key == "data", stage[key] == nil, node.members != nil { value.origin = stage.origin }
      members.append(RecipeNode.Member(key: key, origin: origin, value: value))
    }
    if section("data") == nil {
      let empty = RecipeNode(origin: stage.origin, content: .mapping([]))
      members.append(RecipeNode.Member(key: "data", origin: stage.origin, value: empty))
    }
    return RecipeNode(origin: root.origin, content: .mapping(members))
  }
}

extension RecipeNode {
  /// Where the node and all that is in it stand.
  var origins: [RecipeOrigin] {
    switch content {
    case .scalar: [origin]
    case .list(let nodes): [origin] + nodes.flatMap(\.origins)
    case .mapping(let members):
      [origin] + members.flatMap { [$0.origin] + $0.value.origins }
    }
  }
}
