import HoneFormats

/// The pre-tokenisers that GGUF files name under `tokenizer.ggml.pre`.
///
/// The names are llama.cpp's; each is described as the models' own `tokenizer.json` files do, so that
/// such a file can be written from a GGUF too.
struct GGUFPreTokenizer: Sendable {
  let names: [String]
  /// The `pre_tokenizer` of a `tokenizer.json`.
  let json: JSONValue
  /// Whether a piece that is a token needs no merging.
  var ignoresMerges = false

  static let all: [GGUFPreTokenizer] = [
    GGUFPreTokenizer(
      names: ["smollm"],
      json: sequence([
        object([("type", .string("Digits")), ("individual_digits", .bool(true))]),
        byteLevel(splits: true),
      ]))
  ]

  static func named(_ name: String) -> GGUFPreTokenizer? {
    all.first { $0.names.contains(name) }
  }

  func make() throws -> any PreTokenizer {
    try PreTokenizers.read(JSONField(value: json, file: names[0], path: "pre_tokenizer"))
  }

  private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(JSONObject(members))
  }

  private static func sequence(_ items: [JSONValue]) -> JSONValue {
    object([("type", .string("Sequence")), ("pretokenizers", .array(items))])
  }

  private static func byteLevel(splits: Bool) -> JSONValue {
    object([
      ("type", .string("ByteLevel")), ("add_prefix_space", .bool(false)),
      ("trim_offsets", .bool(true)), ("use_regex", .bool(splits)),
    ])
  }
}
