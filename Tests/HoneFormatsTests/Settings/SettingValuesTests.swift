import HoneFormats
import Testing

@Suite struct SettingValuesTests {
  private let settings = [
    Setting("rank", .integer(1...64), default: .integer(16), "A number."),
    Setting("alpha", .number(0...(.infinity)), default: .integer(32), "A number."),
    Setting("fast", .flag, default: .bool(false), "A flag."),
    Setting("start", .choice(["a", "b"]), default: .string("a"), "A choice."),
    Setting("targets", .names, default: .null, "Names."),
    Setting("pattern", .numbersByName, default: .object(JSONObject()), "Numbers."),
    Setting("layers", .integers, default: .null, "Integers."),
    Setting("from", .path, default: .null, "A path."),
  ]

  private func values(_ given: [(String, JSONValue)]) throws -> SettingValues {
    try SettingValues(settings, given: JSONObject(given), of: "test")
  }

  @Test func `what is not given has its default`() throws {
    let values = try values([("rank", .number(8)), ("layers", .integer(3))])
    #expect(values.integer("rank") == 8)
    #expect(values.number("alpha") == 32)
    #expect(!values.flag("fast"))
    #expect(values.text("start") == "a")
    #expect(values.names("targets") == nil && !values.isSet("targets"))
    #expect(values.integers("layers") == [3])
    #expect(values.givenKeys == ["rank", "layers"])
  }

  @Test func `names are one or a list, numbers keep their order`() throws {
    let values = try values([
      ("targets", .string("q")), ("layers", .array([.integer(2), .integer(0)])),
      ("pattern", .object(JSONObject([("z", .integer(1)), ("a", .number(0.5))]))),
    ])
    #expect(values.names("targets") == .one("q"))
    #expect(values.integers("layers") == [2, 0])
    #expect(values.numbersByName("pattern").map(\.name) == ["z", "a"])
    #expect(try self.values([("targets", .array([.string("q")]))]).names("targets") == .list(["q"]))
  }

  @Test func `all faults are told at once`() throws {
    let error = #expect(throws: SettingsError.self) {
      try values([
        ("rnk", .integer(4)), ("rank", .number(1.5)), ("alpha", .integer(-1)),
        ("fast", .string("yes")), ("start", .string("c")), ("targets", .array([.integer(1)])),
        ("pattern", .array([])), ("layers", .integer(-2)), ("from", .string("")),
        ("colour", .null),
      ])
    }
    #expect(
      error?.description == """
        test: 10 faults:
          rnk: is not a setting of test; did you mean rank?
          rank: is 1.5, expected an integer from 1 to 64
          alpha: is -1, expected a number from 0 on
          fast: is "yes", expected true or false
          start: is "c", expected one of a, b
          targets: is [1], expected a name or a list of names, or none
          pattern: is [], expected a mapping of names to numbers
          layers: is -2, expected an integer or a list of integers, none negative, or none
          from: is "", expected a path, or none
          colour: is not a setting of test; it has rank, alpha, fast, start, targets, pattern, \
        layers, from
        """)
  }
}
