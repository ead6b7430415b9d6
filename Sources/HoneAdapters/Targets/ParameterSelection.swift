import HoneFormats
import HoneModels

/// Which modules of a network are trained whole: projections, embedding, head and norms, chosen by
/// the ends of their paths or by a regular expression for whole paths.
struct ParameterSelection {
  private let subject: String
  private let targets: SettingValues.Names
  private let pattern: ModulePattern?
  private let excluded: SettingValues.Names?
  private let excludedPattern: ModulePattern?

  init(
    _ targets: SettingValues.Names, excluding excluded: SettingValues.Names? = nil,
    of subject: String
  ) throws {
    func pattern(_ names: SettingValues.Names?) throws -> ModulePattern? {
      guard case .one(let text)? = names else { return nil }
      return try ModulePattern(text, of: subject)
    }
    self.subject = subject
    self.targets = targets
    self.excluded = excluded
    self.pattern = try pattern(targets)
    excludedPattern = try pattern(excluded)
  }

  /// The module that a vector's name belongs to.
  static func module(_ name: String) -> String {
    name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
  }

  /// The paths of all norms, in the network's order.
  static func norms(of spec: DecoderSpec) -> [String] { modules(spec.normNames) }

  /// The modules of vectors, each once.
  private static func modules(_ names: [String]) -> [String] {
    names.map(module).reduce(into: []) { if $0.last != $1 { $0.append($1) } }
  }

  /// The paths of all modules that can be trained whole, in the network's order.
  static func all(of spec: DecoderSpec) -> [String] {
    let sites = spec.sites.map(\.path)
    return sites.dropLast() + modules(spec.vectorNames) + sites.suffix(1)
  }

  private static func ends(_ path: String, with name: String) -> Bool {
    path == name || path.hasSuffix("." + name)
  }

  private static func chooses(
    _ path: String, _ names: SettingValues.Names?, _ pattern: ModulePattern?
  ) -> Bool {
    switch names {
    case .list(let names): names.contains { ends(path, with: $0) }
    case .one: pattern?.matches(whole: path) == true
    case nil: false
    }
  }

  /// The chosen modules' paths.
  ///
  /// - Throws: ``AdapterError`` for names, or an expression, that choose nothing.
  func paths(
    of spec: DecoderSpec, allowsIdleNames: Bool = false, key: String = "target_modules"
  ) throws -> [String] {
    let all = Self.all(of: spec)
    let chosen = all.filter {
      Self.chooses($0, targets, pattern) && !Self.chooses($0, excluded, excludedPattern)
    }
    var faults: [String] = []
    let lastParts = Set(all.map { $0.split(separator: ".").last.map(String.init) ?? $0 }).sorted()
    if case .list(let names) = targets, !(allowsIdleNames && !chosen.isEmpty) {
      for name in names where !all.contains(where: { Self.ends($0, with: name) }) {
        let advice = name.nearest(in: lastParts).map { "; did you mean \($0)?" } ?? ""
        faults.append("\(key): nothing is called \(name)\(advice)")
      }
    }
    if chosen.isEmpty && faults.isEmpty { faults.append("\(key): nothing is chosen") }
    guard faults.isEmpty else {
      throw AdapterError(
        subject, faults: faults, advice: "the network has \(lastParts.joined(separator: ", "))")
    }
    return chosen
  }
}
