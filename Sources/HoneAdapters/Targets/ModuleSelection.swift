import HoneFormats
import HoneModels

/// Which modules of a network a method acts on, chosen as peft chooses.
///
/// A list names modules by the ends of their paths; a string is a regular expression for whole
/// paths; `all-linear` is every projection but the head and what chooses experts, which only its own
/// name chooses. Follows `check_target_module_exists` in
/// peft's `tuners/tuners_utils.py`.
struct ModuleSelection {
  private let subject: String
  private let targets: SettingValues.Names
  private let targetPattern: ModulePattern?
  private let excluded: SettingValues.Names?
  private let excludedPattern: ModulePattern?
  private let layers: Set<Int>?
  private let layerPatterns: [ModulePattern]
  private let saved: [ModulePattern]

  /// The name for all projections but the head.
  static let allLinear = "all-linear"

  /// What it leaves out: both ends, what chooses experts, and what weighs the one of all tokens.
  static let notLinear: Set<Site.Kind> = [.embedding, .head, .router, .sharedRouter]

  static let targetSetting = Setting(
    "target_modules", .names, default: .string(allLinear),
    """
    Which projections: a list of names (q_proj), all-linear for all but the head, or a regular \
    expression for whole paths.
    """)

  static let excludedSetting = Setting(
    "exclude_modules", .names, default: .null,
    "Which of them are left out: a list of names, or a regular expression.")

  /// - Parameters:
  ///   - layers: the blocks to act on; nil or none for all.
  ///   - layersPattern: the name of the list that the blocks' indices count.
  ///   - saved: modules that are trained whole, where no other method acts.
  init(
    _ targets: SettingValues.Names, excluding excluded: SettingValues.Names? = nil,
    layers: [Int]? = nil, layersPattern: [String] = [], saved: [String] = [], of subject: String
  ) throws {
    func pattern(_ names: SettingValues.Names?) throws -> ModulePattern? {
      guard case .one(let text) = names, !text.isAllLinear else { return nil }
      return try ModulePattern(text, of: subject)
    }
    if case .one = targets, let layers, !layers.isEmpty {
      throw AdapterError(
        subject, problem: "layers_to_transform: needs target_modules to be a list",
        advice: "list the modules, or choose the layers in the regular expression")
    }
    if layers == nil && !layersPattern.isEmpty {
      throw AdapterError(
        subject, problem: "layers_pattern: says nothing without layers_to_transform")
    }
    self.subject = subject
    self.targets = targets
    self.excluded = excluded
    targetPattern = try pattern(targets)
    excludedPattern = try pattern(excluded)
    self.layers = layers.flatMap { $0.isEmpty ? nil : Set($0) }
    layerPatterns = try layersPattern.map {
      try ModulePattern("(?:.*?\\.)?(?:\($0))\\.(\\d+)\\.", of: subject)
    }
    self.saved = try saved.map {
      try ModulePattern("(|.*\\.)(?:\($0))($|\\..*)", of: subject)
    }
  }

  private static func ends(_ path: String, with name: String) -> Bool {
    path == name || path.hasSuffix("." + name)
  }

  func selects(_ site: Site) -> Bool {
    let path = site.path
    switch excluded {
    case .list(let names) where names.contains(where: { Self.ends(path, with: $0) }): return false
    case .one where excludedPattern?.matches(whole: path) == true: return false
    default: break
    }
    if saved.contains(where: { $0.matches(startOf: path) }) { return false }
    switch targets {
    case _ where targets.isAllLinear: return !Self.notLinear.contains(site.kind)
    case .one: return targetPattern?.matches(whole: path) == true
    case .list(let names):
      guard names.contains(where: { Self.ends(path, with: $0) }) else { return false }
      return layers.map { layers in layer(of: site).map(layers.contains) ?? false } ?? true
    }
  }

  private func layer(of site: Site) -> Int? {
    if layerPatterns.isEmpty { return site.layer }
    return layerPatterns.lazy.compactMap { $0.group(1, inStartOf: site.path) }.first
      .flatMap { Int($0) }
  }

  /// The sites of a network that are chosen.
  ///
  /// - Parameter allowsIdleNames: whether some names of the list may match nothing, as peft allows;
  ///   a recipe that has such a name is mistaken, a folder has its tensors to be checked by.
  /// - Throws: ``AdapterError`` when a name of the list, or the expression, matches nothing.
  func sites(of spec: DecoderSpec, allowsIdleNames: Bool = false) throws -> [Site] {
    let all = spec.sites
    let chosen = all.filter(selects)
    let known = spec.blockKinds.map(spec.listName) + spec.ends.map(\.name)
    var faults: [String] = []
    if case .list(let names) = targets, !(allowsIdleNames && !chosen.isEmpty) {
      for name in names where !all.contains(where: { Self.ends($0.path, with: name) }) {
        let advice = name.nearest(in: known).map { "; did you mean \($0)?" } ?? ""
        faults.append("target_modules: nothing is called \(name)\(advice)")
      }
    }
    if chosen.isEmpty && faults.isEmpty {
      faults.append("target_modules: nothing of the network is chosen")
    }
    let layerCount = spec.layerCount
    for layer in (layers ?? []).sorted() where layer >= layerCount {
      faults.append(
        "layers_to_transform: there is no layer \(layer), the last is \(layerCount - 1)")
    }
    guard faults.isEmpty else {
      throw AdapterError(
        subject, faults: faults, advice: "the network has \(known.joined(separator: ", "))")
    }
    return chosen
  }
}

extension SettingValues.Names {
  /// Whether all projections but the head are meant.
  var isAllLinear: Bool {
    if case .one(let text) = self { text.isAllLinear } else { false }
  }
}

extension String {
  fileprivate var isAllLinear: Bool { lowercased() == ModuleSelection.allLinear }
}
