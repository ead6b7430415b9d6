import HoneFormats

extension JSONSchema {
  /// The texts of the values that are valid, in one layout: `{"a": 1, "b": [1, 2]}`, members in the
  /// schema's order.
  ///
  /// - Throws: ``GenerationError`` for a pattern that is not supported.
  package func grammar() throws -> Grammar {
    switch self {
    case .object(let properties): return try Self.object(properties)
    case .array(let item, let minimum, let maximum):
      let item = try item.grammar()
      let more = Grammar.sequence([.text(", "), item])
      if maximum == 0 { return .text("[]") }
      let list = Grammar.sequence([
        .text("["), item, .repeated(more, max(0, minimum - 1), maximum.map { $0 - 1 }), .text("]"),
      ])
      return minimum == 0 ? .choice([.text("[]"), list]) : list
    case .string(let pattern, let minimum, let maximum):
      let body =
        try pattern.map {
          try GrammarPattern.grammar($0, isAnchored: false, character: Self.quotedCharacter)
        } ?? .repeated(Self.quotedCharacter(CodePoints.all), minimum, maximum)
      return .sequence([.text("\""), body, .text("\"")])
    case .integer: return .sequence([.optional(.text("-")), Self.wholeNumber])
    case .number:
      let digits = Grammar.repeated(.character([0x30...0x39]), 1, 15)
      let exponent = Grammar.sequence([
        .character([0x45...0x45, 0x65...0x65]),
        .optional(.character([0x2B...0x2B, 0x2D...0x2D])),
        .repeated(.character([0x30...0x39]), 1, 2),
      ])
      return .sequence([
        .optional(.text("-")), Self.wholeNumber, .optional(.sequence([.text("."), digits])),
        .optional(exponent),
      ])
    case .boolean: return .choice([.text("true"), .text("false")])
    case .null: return .text("null")
    case .values(let values): return .choice(values.map { .text($0.text(.spaced)) })
    case .anyOf(let schemas): return .choice(try schemas.map { try $0.grammar() })
    }
  }

  /// Without a zero in front, and within 64 bits.
  private static let wholeNumber = Grammar.choice([
    .text("0"),
    .sequence([.character([0x31...0x39]), .repeated(.character([0x30...0x39]), 0, 14)]),
  ])

  /// A character of a set as it stands in a JSON string.
  private static func quotedCharacter(_ ranges: [ClosedRange<UInt32>]) -> Grammar {
    let plain: [ClosedRange<UInt32>] = [0x20...0x21, 0x23...0x5B, 0x5D...0xD7FF, 0xE000...0x10FFFF]
    var options: [Grammar] = []
    let own = CodePoints.intersection(ranges, plain)
    if !own.isEmpty { options.append(.character(own)) }
    for (code, escape) in [
      (0x22, "\\\""), (0x5C, "\\\\"), (0x0A, "\\n"), (0x09, "\\t"), (0x0D, "\\r"),
    ] as [(UInt32, String)] where ranges.contains(where: { $0.contains(code) }) {
      options.append(.text(escape))
    }
    return options.count == 1 ? options[0] : .choice(options)
  }

  /// Members in their order, those that may be missing left out or not.
  private static func object(_ properties: [Property]) throws -> Grammar {
    let members = try properties.map { property in
      (
        grammar: Grammar.sequence([
          .text(JSONValue.string(property.name).text() + ": "), try property.schema.grammar(),
        ]), isRequired: property.isRequired
      )
    }
    // From the back: what may follow when something stands before, and when nothing does.
    var following = Grammar.empty
    var first: Grammar? = Grammar.empty
    for member in members.reversed() {
      let here = Grammar.sequence([.text(", "), member.grammar, following])
      let begun = Grammar.sequence([member.grammar, following])
      if member.isRequired {
        first = begun
        following = here
      } else {
        first = first.map { .choice([begun, $0]) } ?? begun
        following = .choice([here, following])
      }
    }
    return .sequence([.text("{"), first ?? .empty, .text("}")])
  }
}
