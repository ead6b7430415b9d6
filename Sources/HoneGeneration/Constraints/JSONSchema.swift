import HoneFormats

/// A JSON Schema as far as a model can be held to it.
///
/// Objects with `properties` and `required`, arrays with `items`, `minItems` and `maxItems`, strings
/// with `pattern`, `minLength` and `maxLength`, integers, numbers, booleans, null, `enum`, `const`,
/// `anyOf`, and `$ref` into `$defs` that does not lead back to itself. Everything else is refused by
/// name, save what only comments.
package indirect enum JSONSchema: Equatable, Sendable {
  package struct Property: Equatable, Sendable {
    var name: String
    var schema: JSONSchema
    var isRequired: Bool
  }

  case object([Property])
  case array(JSONSchema, minimum: Int, maximum: Int?)
  case string(pattern: String?, minimum: Int, maximum: Int?)
  case integer
  case number
  case boolean
  case null
  /// One of these values.
  case values([JSONValue])
  case anyOf([JSONSchema])

  /// Reads a schema.
  ///
  /// - Throws: ``GenerationError`` with the place of what is wrong or not supported.
  package init(_ json: JSONValue) throws {
    self = try Reader(root: json).schema(json, at: "#", through: [])
  }

  /// The values that are listed anywhere in the schema, by `enum` and `const`.
  package var listedValues: [JSONValue] {
    switch self {
    case .object(let properties): properties.flatMap(\.schema.listedValues)
    case .array(let item, _, _): item.listedValues
    case .values(let values): values
    case .anyOf(let schemas): schemas.flatMap(\.listedValues)
    case .string, .integer, .number, .boolean, .null: []
    }
  }

  // MARK: Checking

  /// What is wrong with a value, the first thing; nil for nothing.
  package func fault(in value: JSONValue, at path: String = "$") -> String? {
    switch self {
    case .object(let properties):
      guard let object = value.object else { return "\(path) is no object" }
      for property in properties {
        guard let member = object[property.name] else {
          if property.isRequired { return "\(path) has no \(property.name)" }
          continue
        }
        let inner = property.schema.fault(in: member, at: "\(path).\(property.name)")
        if let inner { return inner }
      }
      let known = Set(properties.map(\.name))
      return object.keys.first { !known.contains($0) }.map {
        "\(path) has \($0), which is not asked for"
      }
    case .array(let item, let minimum, let maximum):
      guard let items = value.array else { return "\(path) is no array" }
      if items.count < minimum { return "\(path) has \(items.count) items, fewer than \(minimum)" }
      if let maximum, items.count > maximum {
        return "\(path) has \(items.count) items, more than \(maximum)"
      }
      return items.enumerated().lazy.compactMap { item.fault(in: $1, at: "\(path)[\($0)]") }.first
    case .string(let pattern, let minimum, let maximum):
      guard let text = value.string else { return "\(path) is no string" }
      let count = text.unicodeScalars.count
      if count < minimum { return "\(path) has \(count) characters, fewer than \(minimum)" }
      if let maximum, count > maximum {
        return "\(path) has \(count) characters, more than \(maximum)"
      }
      guard let pattern else { return nil }
      let fits =
        (try? GrammarPattern.grammar(pattern, isAnchored: false))
        .flatMap { try? ByteAutomaton($0) }?.accepts(text) ?? false
      return fits ? nil : "\(path) does not match \(pattern)"
    case .integer: return value.integer == nil ? "\(path) is no integer" : nil
    case .number: return value.double == nil ? "\(path) is no number" : nil
    case .boolean: return value.bool == nil ? "\(path) is neither true nor false" : nil
    case .null: return value.isNull ? nil : "\(path) is not null"
    case .values(let values):
      return values.contains(value)
        ? nil : "\(path) is none of \(values.map { $0.text() }.joined(separator: ", "))"
    case .anyOf(let schemas):
      let faults = schemas.map { $0.fault(in: value, at: path) }
      return faults.contains(nil) ? nil : faults.first ?? nil
    }
  }
}

/// Reads a schema's JSON.
private struct Reader {
  let root: JSONValue

  /// Keys that say nothing about what is valid.
  private static let comments: Set<String> = [
    "title", "description", "$schema", "$id", "$comment", "default", "examples", "$defs",
    "definitions", "deprecated", "readOnly", "writeOnly",
  ]

  private func fault(_ path: String, _ problem: String, _ advice: String = "") -> GenerationError {
    GenerationError(problem: "the schema's \(path) \(problem)", advice: advice)
  }

  func schema(_ json: JSONValue, at path: String, through references: [String]) throws -> JSONSchema
  {
    guard let object = json.object else { throw fault(path, "is no object") }
    func allow(_ keys: String...) throws {
      for key in object.keys where !keys.contains(key) && !Self.comments.contains(key) {
        throw fault(path, "has \(FormatError.quoted(key)), which is not supported", "leave it out")
      }
    }
    if let reference = object["$ref"] {
      try allow("$ref")
      guard let text = reference.string else { throw fault(path, "has a $ref that is no text") }
      guard !references.contains(text) else {
        throw fault(path, "leads back to itself by \(text), which is not supported")
      }
      return try schema(target(of: text, at: path), at: text, through: references + [text])
    }
    if let values = object["enum"] {
      try allow("enum", "type")
      guard let list = values.array, !list.isEmpty, list.allSatisfy(Self.isScalar) else {
        throw fault("\(path)/enum", "is no list of texts, numbers, true, false and null")
      }
      return .values(list)
    }
    if let value = object["const"] {
      try allow("const", "type")
      guard Self.isScalar(value) else { throw fault("\(path)/const", "is no single value") }
      return .values([value])
    }
    if let options = object["anyOf"] {
      try allow("anyOf")
      guard let list = options.array, !list.isEmpty else {
        throw fault("\(path)/anyOf", "is no list of schemas")
      }
      return .anyOf(
        try list.enumerated().map {
          try schema($1, at: "\(path)/anyOf/\($0)", through: references)
        })
    }
    guard let type = object["type"] else {
      throw fault(path, "has no type", "say what it is: type, enum, const, anyOf or $ref")
    }
    if let types = type.array {
      return .anyOf(
        try types.map { type in
          var single = object
          single["type"] = type
          return try schema(.object(single), at: path, through: references)
        })
    }
    switch type.string {
    case "object":
      try allow("type", "properties", "required", "additionalProperties")
      return try self.object(object, at: path, through: references)
    case "array":
      try allow("type", "items", "minItems", "maxItems")
      guard let items = object["items"] else {
        throw fault(path, "has no items", "say what an array holds")
      }
      let (minimum, maximum) = try bounds(object, "minItems", "maxItems", at: path)
      return .array(
        try schema(items, at: "\(path)/items", through: references), minimum: minimum,
        maximum: maximum)
    case "string":
      try allow("type", "pattern", "minLength", "maxLength")
      let (minimum, maximum) = try bounds(object, "minLength", "maxLength", at: path)
      let pattern = object["pattern"]?.string
      if pattern != nil, object["minLength"] != nil || object["maxLength"] != nil {
        throw fault(path, "has a pattern and a length", "write the length into the pattern")
      }
      if let pattern { _ = try GrammarPattern.grammar(pattern, isAnchored: false) }
      return .string(pattern: pattern, minimum: minimum, maximum: maximum)
    case "integer":
      try allow("type")
      return .integer
    case "number":
      try allow("type")
      return .number
    case "boolean":
      try allow("type")
      return .boolean
    case "null":
      try allow("type")
      return .null
    default:
      throw fault(
        "\(path)/type", "is \(type.text())",
        "expected object, array, string, integer, number, boolean or null")
    }
  }

  private func object(
    _ object: JSONObject, at path: String, through references: [String]
  ) throws -> JSONSchema {
    if let more = object["additionalProperties"], more.bool == nil {
      throw fault("\(path)/additionalProperties", "is no true or false, which is not supported")
    }
    guard let properties = object["properties"]?.object, properties.count > 0 else {
      throw fault(path, "has no properties", "name what an object holds")
    }
    let required = (object["required"]?.array ?? []).compactMap(\.string)
    for name in required where properties[name] == nil {
      throw fault("\(path)/required", "names \(FormatError.quoted(name)), which is no property")
    }
    return .object(
      try properties.map { name, value in
        JSONSchema.Property(
          name: name,
          schema: try schema(value, at: "\(path)/properties/\(name)", through: references),
          isRequired: required.contains(name))
      })
  }

  private func bounds(
    _ object: JSONObject, _ low: String, _ high: String, at path: String
  ) throws -> (Int, Int?) {
    func number(_ key: String) throws -> Int? {
      guard let value = object[key] else { return nil }
      guard let number = value.integer, (0...100_000).contains(number) else {
        throw fault("\(path)/\(key)", "is \(value.text()), expected 0 to 100000")
      }
      return number
    }
    let (minimum, maximum) = (try number(low) ?? 0, try number(high))
    if let maximum, maximum < minimum { throw fault("\(path)/\(high)", "is less than \(low)") }
    return (minimum, maximum)
  }

  private func target(of reference: String, at path: String) throws -> JSONValue {
    guard reference.hasPrefix("#/") else {
      throw fault(path, "refers to \(FormatError.quoted(reference)), which is not in the schema")
    }
    var value = root
    for part in reference.dropFirst(2).split(separator: "/") {
      let name = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
      guard let next = value[name] else {
        throw fault(path, "refers to \(FormatError.quoted(reference)), which is not in the schema")
      }
      value = next
    }
    return value
  }

  private static func isScalar(_ value: JSONValue) -> Bool {
    switch value {
    case .array, .object: false
    default: true
    }
  }
}
