/// The checked values of a table of settings: what a recipe gives, and the defaults of the rest.
///
/// Reading a key that the table does not have, or as another type than it declares, is a caller's
/// bug and traps.
public struct SettingValues: Sendable {
  /// Names as a recipe gives them: a string and a list mean different things to peft.
  public enum Names: Sendable, Equatable {
    case one(String)
    case list([String])

    /// The names, one or several.
    public var all: [String] {
      switch self {
      case .one(let name): [name]
      case .list(let names): names
      }
    }
  }

  private var values: [String: JSONValue]
  private let kinds: [String: Setting.Kind]
  /// Keys that were given, and not left to their defaults.
  public let givenKeys: Set<String>

  /// Checks given values and adds the defaults.
  ///
  /// - Parameter subject: what errors call the settings' owner: `lora`.
  /// - Throws: ``SettingsError`` with every unknown key and every value that does not fit.
  public init(
    _ settings: [Setting], given: JSONObject = JSONObject(), of subject: String
  ) throws {
    var values: [String: JSONValue] = [:]
    var faults: [String] = []
    for (key, value) in given {
      guard let setting = settings.first(where: { $0.key == key }) else {
        let known = settings.map(\.key)
        let advice =
          key.nearest(in: known).map { "did you mean \($0)?" }
          ?? "it has \(known.isEmpty ? "none" : known.joined(separator: ", "))"
        faults.append("\(key): is not a setting of \(subject); \(advice)")
        continue
      }
      if let fault = setting.fault(in: value) { faults.append("\(key): \(fault)") }
      values[key] = value
    }
    guard faults.isEmpty else { throw SettingsError(subject, faults: faults) }
    givenKeys = Set(values.keys)
    for setting in settings where values[setting.key] == nil {
      values[setting.key] = setting.defaultValue
    }
    self.values = values
    kinds = Dictionary(
      settings.map { ($0.key, $0.kind) }, uniquingKeysWith: { _, kind in kind })
  }

  /// The same with a value for a key that has none.
  public func filling(_ key: String, with value: JSONValue) -> SettingValues {
    guard !isSet(key) else { return self }
    var copy = self
    copy.values[key] = value
    return copy
  }

  private func read<Value>(_ key: String, _ convert: (JSONValue) -> Value?) -> Value? {
    guard let value = values[key] else { preconditionFailure("there is no setting \(key)") }
    guard !value.isNull else { return nil }
    guard let result = convert(value) else {
      preconditionFailure("\(key) is \(value), not \(Value.self)")
    }
    return result
  }

  private func required<Value>(_ key: String, _ value: Value?) -> Value {
    guard let value else { preconditionFailure("\(key) may be null; ask for the optional") }
    return value
  }

  /// The value as a recipe or report writes it.
  public subscript(key: String) -> JSONValue { values[key] ?? .null }

  public func isSet(_ key: String) -> Bool { !(values[key] ?? .null).isNull }

  public func optionalInteger(_ key: String) -> Int? { read(key, \.integer) }
  public func integer(_ key: String) -> Int { required(key, optionalInteger(key)) }
  public func optionalNumber(_ key: String) -> Double? { read(key, \.double) }
  public func number(_ key: String) -> Double { required(key, optionalNumber(key)) }
  public func flag(_ key: String) -> Bool { required(key, read(key, \.bool)) }
  /// A choice, text or path.
  public func optionalText(_ key: String) -> String? { read(key, \.string) }
  public func text(_ key: String) -> String { required(key, optionalText(key)) }

  public func names(_ key: String) -> Names? {
    read(key) { value in
      value.string.map { .one($0) } ?? value.array.map { .list($0.compactMap(\.string)) }
    }
  }

  /// A mapping in its written order; empty where there is none.
  public func numbersByName(_ key: String) -> [(name: String, value: Double)] {
    read(key, \.object)?.map { ($0.0, $0.1.double ?? .nan) } ?? []
  }

  /// A mapping of names to names in its written order; empty where there is none.
  public func namesByName(_ key: String) -> [(name: String, value: String)] {
    read(key, \.object)?.map { ($0.0, $0.1.string ?? "") } ?? []
  }

  /// Integers; nil where there are none.
  public func integers(_ key: String) -> [Int]? {
    read(key) { value in
      value.array?.compactMap(\.integer) ?? value.integer.map { [$0] }
    }
  }
}
