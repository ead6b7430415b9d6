import HoneFormats

/// The members of a JSON object, read with faults that say which member is wrong.
struct JSONMembers {
  private let object: JSONObject?
  private let file: String
  private let place: String
  /// The names on the way here, `_meta.provenance`.
  private let path: String

  init(_ json: JSONValue, file: String, place: String, path: String = "") {
    object = json.object
    self.file = file
    self.place = place
    self.path = path
  }

  /// A member that is there and not null.
  subscript(key: String) -> JSONValue? {
    guard let value = object?[key], !value.isNull else { return nil }
    return value
  }

  func fault(_ key: String, _ problem: String, advice: String = "") -> SynthesisError {
    let name = path.isEmpty || key.hasPrefix("_meta") ? key : "\(path).\(key)"
    return SynthesisError(
      file, place: place, problem: "\"\(name)\" \(problem)", advice: advice)
  }

  private func required(_ key: String) throws -> JSONValue {
    guard let value = object?[key] else { throw fault(key, "is missing") }
    return value
  }

  private func read<Value>(
    _ key: String, _ what: String, _ body: (JSONValue) -> Value?
  ) throws -> Value {
    guard let value = body(try required(key)) else { throw fault(key, "is not \(what)") }
    return value
  }

  func text(_ key: String) throws -> String { try read(key, "a text") { $0.string } }

  func bool(_ key: String) throws -> Bool { try read(key, "true or false") { $0.bool } }

  func integer(_ key: String) throws -> Int { try read(key, "a whole number") { $0.integer } }

  func texts(_ key: String) throws -> [String] {
    try read(key, "a list of texts") { value in
      guard let values = value.array else { return nil }
      let texts = values.compactMap(\.string)
      return texts.count == values.count ? texts : nil
    }
  }

  func list(_ key: String) throws -> [JSONMembers] {
    try read(key, "a list") { $0.array }.enumerated().map { index, value in
      JSONMembers(value, file: file, place: place, path: "\(prefix)\(key)[\(index)]")
    }
  }

  func object(_ key: String) throws -> JSONMembers {
    JSONMembers(
      .object(try read(key, "an object") { $0.object }), file: file, place: place,
      path: prefix + key)
  }

  func optionalObject(_ key: String) throws -> JSONMembers? {
    self[key] == nil ? nil : try object(key)
  }

  func map<Value>(_ key: String, _ body: (JSONValue) -> Value?) throws -> [String: Value] {
    let members = try read(key, "an object") { $0.object }
    var result: [String: Value] = [:]
    for (name, value) in members {
      guard let value = body(value) else { throw fault("\(key).\(name)", "is of a wrong kind") }
      result[name] = value
    }
    return result
  }

  /// One of a list of names.
  func name<Name: RawRepresentable & CaseIterable>(_ key: String) throws -> Name
  where Name.RawValue == String {
    let text = try text(key)
    guard let name = Name(rawValue: text) else {
      let names = Name.allCases.map(\.rawValue).joined(separator: ", ")
      throw fault(key, "is \(FormatError.quoted(text))", advice: "expected one of \(names)")
    }
    return name
  }

  private var prefix: String { path.isEmpty ? "" : "\(path)." }
}
