/// The tokens that play a part in a model's texts, by the names that chat templates use.
public struct SpecialTokens: Sendable, Equatable {
  public var beginningOfText: String?
  public var endOfText: String?
  public var padding: String?
  public var unknown: String?
  public var separator: String?
  public var classification: String?
  public var mask: String?

  public init() {}

  /// The names in `tokenizer_config.json` and in templates, with where each is kept.
  static let names: [(name: String, field: WritableKeyPath<SpecialTokens, String?> & Sendable)] = [
    ("bos_token", \.beginningOfText),
    ("eos_token", \.endOfText),
    ("pad_token", \.padding),
    ("unk_token", \.unknown),
    ("sep_token", \.separator),
    ("cls_token", \.classification),
    ("mask_token", \.mask),
  ]

  /// A token by its name in templates, such as `bos_token`.
  public subscript(name: String) -> String? {
    Self.names.first { $0.name == name }.flatMap { self[keyPath: $0.field] }
  }
}
