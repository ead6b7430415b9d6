/// A key that a recipe may set: its type and range, its value where the recipe is silent, and what
/// it does.
///
/// Recipes are checked against these declarations and the help is printed from them, so a method
/// (or an optimiser, an objective) says each thing once.
public struct Setting: Sendable {
  /// What a value may be.
  public enum Kind: Sendable, Equatable {
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case flag
    case choice([String])
    /// A string, or a list of strings.
    case names
    /// A mapping of names to numbers, in its written order.
    case numbersByName
    /// A mapping of names to names.
    case namesByName
    /// An integer, or a list of integers, none negative.
    case integers
    /// Text of any kind.
    case text
    /// A file or folder.
    case path
    /// A file or folder, or a list of them.
    case paths
  }

  public let key: String
  public let kind: Kind
  /// What holds where nothing is set; `null` for a setting that may be left out altogether.
  public let defaultValue: JSONValue
  /// Whether `null` may be set, which recipes also write `none`.
  public let allowsNone: Bool
  /// One sentence for the help.
  public let summary: String

  /// Declares a setting.
  ///
  /// - Parameter allowsNone: whether the value may be taken away altogether; a setting whose default
  ///   is `null` always allows it.
  public init(
    _ key: String, _ kind: Kind, default defaultValue: JSONValue, allowsNone: Bool = false,
    _ summary: String
  ) {
    self.key = key
    self.kind = kind
    self.defaultValue = defaultValue
    self.allowsNone = allowsNone || defaultValue.isNull
    self.summary = summary
    precondition(fault(in: defaultValue) == nil, "\(key)'s default \(defaultValue) is none of its")
  }

  /// What is wrong with a value, as the end of a sentence that starts with the key; nil for nothing.
  public func fault(in value: JSONValue) -> String? {
    if value.isNull && allowsNone { return nil }
    let expected = allowsNone ? "\(kind), or none" : "\(kind)"
    return kind.accepts(value) ? nil : "is \(value.text(.spaced)), expected \(expected)"
  }
}

extension Setting.Kind: CustomStringConvertible {
  /// What is expected, as the end of a sentence: `an integer from 1 to 8`.
  public var description: String {
    switch self {
    case .integer(let range):
      range.upperBound == .max
        ? "an integer from \(range.lowerBound) on"
        : "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .number(let range):
      range.upperBound == .infinity
        ? "a number from \(Self.shown(range.lowerBound)) on"
        : "a number from \(Self.shown(range.lowerBound)) to \(Self.shown(range.upperBound))"
    case .flag: "true or false"
    case .choice(let names): "one of " + names.joined(separator: ", ")
    case .names: "a name or a list of names"
    case .numbersByName: "a mapping of names to numbers"
    case .namesByName: "a mapping of names to names"
    case .integers: "an integer or a list of integers, none negative"
    case .text: "text"
    case .path: "a path"
    case .paths: "a path or a list of paths"
    }
  }

  /// A number as people write it: 10 and not 10.0.
  private static func shown(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? number.pythonDescription
  }

  package func accepts(_ value: JSONValue) -> Bool {
    switch self {
    case .integer(let range): value.integer.map(range.contains) ?? false
    case .number(let range): value.double.map(range.contains) ?? false
    case .flag: value.bool != nil
    case .choice(let names): value.string.map(names.contains) ?? false
    case .names, .paths:
      switch value {
      case .string(let name): !name.isEmpty
      case .array(let names): names.allSatisfy { !($0.string ?? "").isEmpty }
      default: false
      }
    case .namesByName: value.object?.values.allSatisfy { !($0.string ?? "").isEmpty } ?? false
    case .numbersByName: value.object?.values.allSatisfy { $0.double?.isFinite == true } ?? false
    case .integers:
      switch value {
      case .array(let numbers): numbers.allSatisfy { ($0.integer ?? -1) >= 0 }
      default: (value.integer ?? -1) >= 0
      }
    case .text: value.string != nil
    case .path: !(value.string ?? "").isEmpty
    }
  }
}
