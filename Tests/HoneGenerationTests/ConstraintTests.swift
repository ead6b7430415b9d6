import Foundation
import HoneFormats
import HoneModels
import HoneStore
import HoneTensors
import Testing

@testable import HoneGeneration

@Suite struct ConstraintTests {
  private func accepts(_ pattern: String, _ text: String) throws -> Bool {
    try ByteAutomaton(.pattern(pattern)).accepts(text)
  }

  @Test(arguments: [
    ("a|bc", ["a", "bc"], ["", "b", "abc"]),
    ("[0-9]{2,4}", ["12", "1234"], ["1", "12345", "1a"]),
    ("(ab)*c?", ["", "c", "ababc"], ["abab ", "cab"]),
    ("\\d+\\.\\d", ["1.5", "123.4"], [".5", "1x5"]),
    ("[^a-c]ü.", ["züx", "dü€"], ["aüx", "zü\n"]),
    ("[ä-ü]+", ["öäü"], ["o", "ß̈"]),
    ("\\u0041{2,}", ["AA", "AAAA"], ["A"]),
    ("^x+$", ["x", "xx"], [""]),
    (".", ["a", "é", "€", "😀"], ["", "ab", "\n"]),
  ])
  func `a pattern accepts what it matches and nothing else`(
    pattern: String, fitting: [String], others: [String]
  ) throws {
    for text in fitting { #expect(try accepts(pattern, text), "\(pattern): \(text)") }
    for text in others { #expect(try !accepts(pattern, text), "\(pattern): \(text)") }
  }

  @Test(arguments: [
    ("a(?=b)", "the pattern \"a(?=b)\" looks around, which is not supported, at character 4"),
    ("(a", "the pattern \"(a\" has a ( too many, at character 3"),
    ("a)", "the pattern \"a)\" has a ) too many, at character 2"),
    ("*a", "the pattern \"*a\" repeats nothing, at character 2"),
    ("a*?", "the pattern \"a*?\" is lazy or possessive, which is not supported, at character 3"),
    ("[b-a]", "the pattern \"[b-a]\" has a range of the wrong order, at character 5"),
    ("(a)\\1", "the pattern \"(a)\\1\" has \\1, which is not supported, at character 6"),
  ])
  func `what is not supported is refused with its place`(pattern: String, message: String) {
    #expect(throws: GenerationError(problem: message)) { try Grammar.pattern(pattern) }
  }

  @Test func `every character has the bytes of its own ranges`() {
    let ranges: [ClosedRange<UInt32>] = [0x41...0x20AC]
    let sequences = ranges.flatMap(CodePoints.byteSequences)
    for code in stride(from: UInt32(0), to: 0x3000, by: 7) {
      let bytes = Array(String(Unicode.Scalar(code).map(Character.init) ?? " ").utf8)
      let fits = sequences.contains { sequence in
        sequence.count == bytes.count && zip(sequence, bytes).allSatisfy { $0.contains($1) }
      }
      #expect(fits == ranges[0].contains(code), "\(code)")
    }
  }

  // MARK: Schemas

  private static let record = """
    {"type": "object", "additionalProperties": false, "required": ["name", "kind", "sizes"],
     "properties": {
       "name": {"type": "string", "maxLength": 12},
       "kind": {"enum": ["boat", "pier", 3, null]},
       "note": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
       "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
       "sizes": {"type": "array", "items": {"$ref": "#/$defs/size"}, "minItems": 1, "maxItems": 3},
       "open": {"type": "boolean"}},
     "$defs": {"size": {"anyOf": [{"type": "integer"}, {"type": "number"}]}}}
    """

  private func schema(_ text: String) throws -> JSONSchema {
    try JSONSchema(JSONParser.parse(text))
  }

  @Test func `a schema's grammar accepts valid values in one layout`() throws {
    let automaton = try ByteAutomaton(schema(Self.record).grammar())
    for text in [
      #"{"name": "a\"b\\", "kind": "boat", "sizes": [1, -2.5e3]}"#,
      #"{"name": "", "kind": null, "note": null, "code": "AB-12", "sizes": [0], "open": true}"#,
      #"{"name": "ü€😀", "kind": 3, "note": "x\ny", "sizes": [10]}"#,
    ] {
      #expect(automaton.accepts(text), "\(text)")
      #expect(try schema(Self.record).fault(in: JSONParser.parse(text)) == nil)
    }
    for text in [
      #"{"name": "a", "kind": "boat", "sizes": []}"#, #"{"name": "a", "sizes": [1]}"#,
      #"{"name": "a", "kind": "ship", "sizes": [1]}"#,
      #"{"name": "abcdefghijklm", "kind": "boat", "sizes": [1]}"#,
      #"{"name": "a", "kind": "boat", "code": "AB-", "sizes": [1]}"#,
      #"{"name": "a", "kind": "boat", "sizes": [1, 2, 3, 4]}"#,
      #"{"name": "a", "kind": "boat", "sizes": [01]}"#,
    ] {
      #expect(!automaton.accepts(text), "\(text)")
      let value = try? JSONParser.parse(text)
      #expect(try value.map { try schema(Self.record).fault(in: $0) != nil } ?? true, "\(text)")
    }
  }

  @Test(arguments: [
    (#"{"type": "object"}"#, "the schema's # has no properties; name what an object holds"),
    (
      #"{"type": "string", "format": "date"}"#,
      "the schema's # has \"format\", which is not supported; leave it out"
    ),
    (
      ##"{"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}"##,
      "the schema's #/$defs/a/items leads back to itself by #/$defs/a, which is not supported"
    ),
    (
      #"{"oneOf": []}"#,
      "the schema's # has no type; say what it is: type, enum, const, anyOf or $ref"
    ),
    (#"{"type": "array"}"#, "the schema's # has no items; say what an array holds"),
  ])
  func `a schema that is not supported is refused by name`(text: String, message: String) throws {
    let error = #expect(throws: GenerationError.self) { try schema(text) }
    #expect(error?.description == message)
  }

  @Test func `the values that a schema lists are found wherever they stand`() throws {
    let schema = try schema(
      #"""
      {"type": "object", "properties": {"enum": {"type": "string"},
      "a": {"type": "array", "items": {"enum": ["x", 1]}}, "b": {"anyOf": [{"const": "y"},
      {"type": "null"}]}}}
      """#)
    #expect(schema.listedValues == [.string("x"), .integer(1), .string("y")])
  }

  // MARK: Generating

  private func generated(
    _ grammar: Grammar, _ model: LanguageModel, engine: Engine, tokens: Int, count: Int,
    temperature: Float = 1
  ) throws -> [Generator.Completion] {
    let constraint = try TokenConstraint(grammar, trie: VocabularyTrie(model.tokenizer))
    let prompts = (0..<count).map { index in
      var prompt = Generator.Prompt(
        TinyModels.ids(5, from: index),
        sampling: SamplingOptions(temperature: temperature, seed: UInt64(index)),
        stop: StopRules(maximumTokens: tokens))
      prompt.constraint = constraint
      return prompt
    }
    return try Generator(model, engine: engine).generate(prompts)
  }

  @Test func `a model that knows nothing still writes valid records, however few tokens it has`()
    throws
  {
    let engine = Engine(threads: 2)
    let model = try TinyModels.load("tied", engine: engine)
    let schema = try schema(Self.record)
    let shortest = try TokenConstraint(
      schema.grammar(), trie: VocabularyTrie(model.tokenizer)
    ).shortestText
    for tokens in [shortest, shortest + 7, 200] {
      for completion in try generated(
        schema.grammar(), model, engine: engine, tokens: tokens, count: 12)
      {
        let value = try JSONParser.parse(completion.text)
        #expect(schema.fault(in: value) == nil, "\(completion.text)")
        #expect(completion.tokens.count <= tokens)
        #expect(completion.reason == .stop || completion.tokens.count == tokens)
      }
    }
    #expect(throws: GenerationError.self) {
      try generated(schema.grammar(), model, engine: engine, tokens: shortest - 1, count: 1)
    }
  }

  @Test func `a pattern holds in what is drawn, and the draw is the same beside others`() throws {
    let engine = Engine(threads: 2)
    let model = try TinyModels.load("tied", engine: engine)
    let grammar = try Grammar.pattern("(yes|no), [a-z]{3,9}\\.")
    let many = try generated(grammar, model, engine: engine, tokens: 20, count: 10)
    for completion in many {
      #expect(try ByteAutomaton(grammar).accepts(completion.text), "\(completion.text)")
    }
    #expect(Set(many.map(\.text)).count > 5)
    let alone = try generated(grammar, model, engine: engine, tokens: 20, count: 1)
    #expect(alone[0].text == many[0].text)
  }

  @Test(.enabled(if: Cached.gguf != nil))
  func `a real vocabulary writes valid records`() throws {
    let path = try #require(Cached.gguf)
    let engine = Engine(threads: 2)
    let model = try LanguageModel(LocalModel(path: path, layout: .gguf), engine: engine)
    let schema = try schema(Self.record)
    for completion in try generated(
      schema.grammar(), model, engine: engine, tokens: 90, count: 4, temperature: 0.7)
    {
      #expect(try schema.fault(in: JSONParser.parse(completion.text)) == nil, "\(completion.text)")
    }
  }
}

private enum Cached {
  static let gguf = RealModel.gguf(ModelCatalog.defaultModel)
}
