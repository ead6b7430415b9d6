import HoneFormats

/// A value in a JSON file with the way to it, so that errors can say where it stands.
struct JSONField {
  let value: JSONValue
  let file: String
  /// The keys from the top, joined by dots.
  let path: String

  func error(_ problem: String, advice: String = "") -> TextError {
    TextError(subject: file, place: path, problem: problem, advice: advice)
  }

  private func expected(_ what: String) -> TextError {
    let found =
      switch value {
      case .object: "an object"
      case .array: "an array"
      case .string(let text): "the string \"\(text.prefix(80))\""
      case .integer(let number): "\(number)"
      case .number(let number): "\(number)"
      case .bool(let bool): "\(bool)"
      case .null: "null"
      }
    return error("expected \(what), found \(found)")
  }

  /// A member; nil when it is absent or null.
  subscript(key: String) -> JSONField? {
    guard let member = value[key], !member.isNull else { return nil }
    return JSONField(value: member, file: file, path: path.isEmpty ? key : "\(path).\(key)")
  }

  func require(_ key: String) throws -> JSONField {
    _ = try object()
    guard let member = self[key] else {
      throw TextError(
        subject: file, place: path.isEmpty ? key : "\(path).\(key)", problem: "is missing")
    }
    return member
  }

  func string() throws -> String {
    guard let string = value.string else { throw expected("a string") }
    return string
  }

  func bool() throws -> Bool {
    guard let bool = value.bool else { throw expected("true or false") }
    return bool
  }

  func integer() throws -> Int {
    guard let integer = value.integer else { throw expected("an integer") }
    return integer
  }

  func double() throws -> Double {
    guard let double = value.double else { throw expected("a number") }
    return double
  }

  func object() throws -> JSONObject {
    guard let object = value.object else { throw expected("an object") }
    return object
  }

  func array() throws -> [JSONField] {
    guard let array = value.array else { throw expected("an array") }
    return array.enumerated().map {
      JSONField(value: $1, file: file, path: "\(path)[\($0)]")
    }
  }

  /// A token's id.
  func id() throws -> Int32 {
    guard let integer = value.integer, let id = Int32(exactly: integer), id >= 0 else {
      throw expected("a token id, an integer from 0 to \(Int32.max)")
    }
    return id
  }

  /// One character.
  func character() throws -> Unicode.Scalar {
    let scalars = try string().unicodeScalars
    guard scalars.count == 1, let scalar = scalars.first else { throw expected("one character") }
    return scalar
  }

  /// One of the names of an enumeration.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ type: Choice.Type
  ) throws -> Choice where Choice.RawValue == String {
    guard let choice = Choice(rawValue: try string()) else {
      throw expected(
        "one of \(Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))")
    }
    return choice
  }
}

/// How each kind of a component is read, by the name under `type`.
typealias ComponentKinds<Component> = [(
  name: String, read: @Sendable (JSONField) throws -> Component
)]

extension JSONField {
  /// Reads a component by its `type`.
  ///
  /// - Throws: ``TextError`` that lists the known types when this one is not among them.
  func component<Component>(
    _ role: String, _ kinds: ComponentKinds<Component>
  ) throws -> Component {
    let type = try require("type")
    let name = try type.string()
    guard let kind = kinds.first(where: { $0.name == name }) else {
      throw type.error(
        "the \(role) \"\(name.prefix(80))\" is not supported",
        advice: "supported are \(kinds.map(\.name).joined(separator: ", "))")
    }
    return try kind.read(self)
  }
}
