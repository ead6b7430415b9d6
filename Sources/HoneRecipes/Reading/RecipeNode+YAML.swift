import Foundation
import HoneFormats
import Yams

extension RecipeNode {
  /// More than any recipe needs, and little enough that no text can make reading slow.
  private static let longestText = 1 << 18
  private static let deepestNesting = 16
  private static let mostAliases = 16

  /// Reads YAML text.
  ///
  /// Scalars follow YAML's core rules and no older ones: `yes`, `012` and `12:30` are text, `2e-4` is
  /// a number. Anchors, aliases, tags and several documents are no part of recipes.
  ///
  /// - Returns: nil for a text without content.
  /// - Throws: ``RecipeError`` with the line.
  static func parse(_ text: String, file: String, override: String? = nil) throws -> RecipeNode? {
    func fault(_ line: Int, _ column: Int, _ problem: String, advice: String = "") -> RecipeError {
      let origin = override.map(RecipeOrigin.override) ?? .file(line: line, column: column)
      return RecipeError(
        file: file, faults: [RecipeFault(origin, key: "", problem, advice: advice)])
    }
    guard text.utf8.count <= longestText else {
      throw fault(1, 1, "is \(text.utf8.count) bytes long, too much for a recipe")
    }
    if let line = lineOfTooManyAliases(in: text) {
      throw fault(line, 1, "has aliases, which recipes do not know", advice: "write the value out")
    }
    do {
      // The parser must outlive the walk: nodes hold their anchors weakly.
      // The basic resolver takes every scalar for text; older rules would find booleans in `on`.
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      return try withExtendedLifetime(parser) {
        guard let root = try parser.singleRoot() else { return nil }
        return try convert(root, depth: 0, fault: fault, override: override)
      }
    } catch let error as YamlError {
      throw describe(error, fault: fault)
    }
  }

  // MARK: What is no part of recipes

  /// Looks for what may be aliases before anything follows them: a few lines of aliases of aliases
  /// can stand for billions of nodes.
  private static func lineOfTooManyAliases(in text: String) -> Int? {
    var line = 1
    var count = 0
    var mayStart = true
    var last: UInt8 = 0
    for byte in text.utf8 {
      if last == UInt8(ascii: "*"), mayStart {
        let isName =
          byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte >= 0x80
          || Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber
        if isName { count += 1 }
        if count > mostAliases { return line }
      }
      if byte == UInt8(ascii: "\n") { line += 1 }
      if byte == UInt8(ascii: "*") { mayStart = " \n\r\t[{,:-?".utf8.contains(last) || last == 0 }
      last = byte
    }
    return nil
  }

  private typealias Fault = (_ line: Int, _ column: Int, _ problem: String, _ advice: String) ->
    RecipeError

  private static func convert(
    _ node: Node, depth: Int, fault: Fault, override: String?
  ) throws -> RecipeNode {
    let line = node.mark?.line ?? 1
    let column = node.mark?.column ?? 1
    let origin = override.map(RecipeOrigin.override) ?? .file(line: line, column: column)
    guard depth <= deepestNesting else {
      throw fault(line, column, "is nested too deeply for a recipe", "")
    }
    guard node.anchor == nil else {
      throw fault(
        line, column, "has an anchor or alias, which recipes do not know", "write the value out")
    }
    switch node {
    case .scalar(let scalar):
      try refuse(scalar.tag, at: (line, column), fault: fault)
      // What the parser resolved by older rules is read again from its text.
      let isPlain = scalar.style == .plain || scalar.style == .any
      let value = isPlain ? plainValue(of: scalar.string) : .string(scalar.string)
      return RecipeNode(origin: origin, content: .scalar(value))
    case .sequence(let sequence):
      try refuse(sequence.tag, at: (line, column), fault: fault)
      let nodes = try sequence.map {
        try convert($0, depth: depth + 1, fault: fault, override: override)
      }
      return RecipeNode(origin: origin, content: .list(nodes))
    case .mapping(let mapping):
      try refuse(mapping.tag, at: (line, column), fault: fault)
      let members = try mapping.map { key, value in
        let converted = try convert(key, depth: depth + 1, fault: fault, override: override)
        guard case .scalar = converted.content, let name = key.scalar?.string else {
          throw fault(
            key.mark?.line ?? line, key.mark?.column ?? column,
            "has a list or a mapping for a key", "a key is a name")
        }
        return Member(
          key: name, origin: converted.origin,
          value: try convert(value, depth: depth + 1, fault: fault, override: override))
      }
      return RecipeNode(origin: origin, content: .mapping(members))
    case .alias:
      throw fault(line, column, "has an alias, which recipes do not know", "write the value out")
    }
  }

  /// The parser gives quoted scalars, lists and mappings tags of their own accord; what is left are
  /// those of the text.
  private static func refuse(_ tag: Tag, at place: (line: Int, column: Int), fault: Fault) throws {
    let own = [Tag.Name.implicit, .str, .seq, .map].map(\.rawValue)
    guard !own.contains(tag.rawValue) else { return }
    throw fault(
      place.line, place.column, "has a tag, which recipes do not know", "leave out the tag")
  }

  // MARK: Scalars

  /// The value of a scalar without quotes.
  static func plainValue(of text: String) -> JSONValue {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    default: break
    }
    var digits = text.utf8[...]
    if let first = digits.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
      digits = digits.dropFirst()
    }
    guard let first = digits.first else { return .string(text) }
    let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    // No number has a zero before another digit: 007 is somebody's name.
    let hasLeadingZero =
      first == UInt8(ascii: "0") && digits.dropFirst().first.map(isDigit) ?? false
    guard isDigit(first) || first == UInt8(ascii: "."), !hasLeadingZero,
      digits.allSatisfy({ isDigit($0) || ".eE+-".utf8.contains($0) })
    else { return .string(text) }
    if digits.allSatisfy(isDigit), let integer = Int(text) { return .integer(integer) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return .string(text)
  }

  // MARK: Errors

  private static func describe(_ error: YamlError, fault: Fault) -> RecipeError {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let why = [context?.text, problem].compactMap { $0 }.joined(separator: ": ")
      return fault(mark.line, mark.column, "is not YAML: \(why)", "")
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.prefix(8).map(FormatError.quoted).joined(separator: ", ")
      return fault(
        context.mark.line, context.mark.column, "has \(names) twice in one place", "keep one")
    case .reader(let problem, let offset, _, let yaml):
      let read = yaml.prefix(offset ?? 0)
      let line = read.count(where: \.isNewline) + 1
      return fault(line, 1, "is not YAML: \(problem)", "")
    default:
      return fault(1, 1, "is not YAML: \(error)", "")
    }
  }
}
