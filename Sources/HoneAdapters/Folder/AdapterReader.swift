import HoneFormats
import HoneTensors

/// Reads an adapter's configuration and tensors for a method, and notes all faults.
///
/// A method asks for what it honours; ``finish()`` rejects the rest. So nothing is ignored silently:
/// each key and tensor was asked for, is known to change nothing, or is named in the error.
public final class AdapterReader {
  /// What errors call the adapter: its folder.
  public let subject: String
  private let config: JSONObject
  private let entries: [String: AdapterContents.Entry]
  private let order: [String]
  private var usedKeys: Set<String> = []
  private var usedTensors: Set<String> = []
  private var faults: [String] = []
  private var sections: [AdapterReader] = []

  public init(_ contents: AdapterContents, subject: String) {
    self.subject = subject
    config = contents.config
    entries = Dictionary(
      contents.entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    order = contents.entries.map(\.name)
  }

  /// Notes that something is wrong.
  public func note(_ fault: String) { faults.append(fault) }

  // MARK: Configuration

  /// A key's value, or peft's default where it is missing; the default too when the value is unfit,
  /// which is noted. Some keys take other values besides those of the kind.
  public func read(
    _ key: String, _ kind: Setting.Kind, default defaultValue: JSONValue,
    or others: [JSONValue] = []
  ) -> JSONValue {
    usedKeys.insert(key)
    guard let value = config[key] else { return defaultValue }
    if value == defaultValue || others.contains(value) { return value }
    guard kind.accepts(value) else {
      note("\(key): is \(value.text(.spaced)), expected \(kind)")
      return defaultValue
    }
    return value
  }

  /// Accepts a key of peft's that Hone does not have, as long as it asks for nothing.
  ///
  /// - Parameter inert: the values that ask for nothing.
  public func allow(_ key: String, only inert: JSONValue..., because reason: String = "") {
    usedKeys.insert(key)
    guard let value = config[key], !inert.contains(value) else { return }
    note(
      "\(key): is \(value.text(.spaced)), which Hone does not have"
        + (reason.isEmpty ? "" : "; \(reason)"))
  }

  /// Takes a key that changes nothing in what the adapter computes.
  public func ignore(_ key: String) { usedKeys.insert(key) }

  /// Takes a key that says only how an adapter began, to be written again; null where it is missing.
  func keepAny(_ key: String) -> (String, JSONValue) {
    ignore(key)
    return (key, config[key] ?? .null)
  }

  /// The keys that peft writes for every method.
  private func readCommonKeys() {
    for key in [
      "peft_type", "peft_version", "base_model_name_or_path", "revision", "inference_mode",
      "auto_mapping",
    ] {
      ignore(key)
    }
    allow(
      "task_type", only: .null, .string("CAUSAL_LM"),
      because: "Hone's models predict the next token")
  }

  /// A key's value as it stands, which is still to be read or ignored.
  func value(_ key: String) -> JSONValue? { config[key] }

  /// A reader of an object within the configuration; ``finish()`` judges what it found too.
  func section(_ key: String) -> AdapterReader {
    usedKeys.insert(key)
    let section = AdapterReader(
      AdapterContents(config: config[key]?.object ?? JSONObject(), entries: []), subject: subject)
    sections.append(section)
    return section
  }

  // MARK: Tensors

  public func has(_ tensor: String) -> Bool { entries[tensor] != nil }

  /// A tensor's shape, whatever it is.
  public func shape(of tensor: String) -> [Int]? { entries[tensor]?.shape }

  /// Takes a tensor, which must have the given shape and hold numbers only.
  public func entry(_ name: String, shape: [Int]) -> AdapterContents.Entry? {
    guard let entry = entries[name] else {
      note("\(name): missing, expected \(Shape(shape))")
      return nil
    }
    usedTensors.insert(name)
    guard entry.shape == shape else {
      note("\(name): has shape \(Shape(entry.shape)), expected \(Shape(shape))")
      return nil
    }
    return entry
  }

  /// Takes a tensor for training; nil, with a fault noted, when it is not as expected.
  public func tensor(_ name: String, shape: [Int], engine: Engine) -> Tensor? {
    guard let entry = entry(name, shape: shape) else { return nil }
    let values = entry.values
    let broken = values.count { !$0.isFinite }
    guard broken == 0 else {
      note("\(name): \(broken) of its \(values.count) numbers are not finite")
      return nil
    }
    return engine.tensor(Shape(shape), values)
  }

  // MARK: Judging

  /// - Throws: ``AdapterError`` with all that was noted, and all that nobody asked for.
  public func finish() throws {
    readCommonKeys()
    for key in config.keys where !usedKeys.contains(key) {
      note("\(key): is no key that Hone knows for this method")
    }
    for name in order where !usedTensors.contains(name) {
      note("\(name): is in the file, but the configuration has no place for it")
    }
    for section in sections {
      faults += section.faults
      for key in section.config.keys where !section.usedKeys.contains(key) {
        note("\(key): is no key that Hone knows for this method")
      }
    }
    guard faults.isEmpty else { throw AdapterError(subject, faults: faults) }
  }
}
