import HoneFormats

extension JSONValue {
  /// An object with these members, in their order.
  static func members(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(JSONObject(members.map { ($0.key, $0.value) }))
  }

  /// A component of a `tokenizer.json`: its `type` and what belongs to it.
  static func component(
    _ type: String, _ members: KeyValuePairs<String, JSONValue> = [:]
  ) -> JSONValue {
    .object(JSONObject([("type", .string(type))] + members.map { ($0.key, $0.value) }))
  }
}
