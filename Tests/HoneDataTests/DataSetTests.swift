import Foundation
import HoneFormats
import Testing

@testable import HoneData

@Suite struct DataSetTests {
  private func data(
    _ text: String, named name: String = "data.jsonl",
    _ change: (inout DataOptions) -> Void = { _ in }
  ) throws -> (set: DataSet, file: DataFile) {
    let file = try DataFile(text, named: name)
    var options = DataOptions()
    change(&options)
    return (try DataSet(file.path, renderer: renderer(), options: options), file)
  }

  private func texts(_ set: DataSet) throws -> [String] {
    let tokenizer = try tinyTokenizer()
    return try (0..<set.exampleCount).flatMap { try set.sequences(ofExample: $0) }
      .map { tokenizer.decode($0.ids, skippingSpecialTokens: true) }
  }

  @Test(arguments: [
    (
      "data.jsonl",
      #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#
    ),
    ("data.json", #"[{"instruction": "a", "output": "b"}]"#),
    ("data.csv", "instruction,output\r\na,b\r\n"),
    (
      "data.jsonl",
      #"{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#
    ),
    (
      "data.jsonl",
      #"{"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"b"}]}"#
    ),
  ])
  func `formats are found out and mean the same`(_ name: String, _ text: String) throws {
    let (set, _) = try data(text, named: name)
    #expect(try texts(set) == ["[user]a\n[assistant]b\n"])
    #expect(set.statistics.examples == 1 && set.statistics.trainedTokens == 2)
  }

  @Test func `columns can have other names`() throws {
    let (set, _) = try data("question,answer\nwhy,so\n", named: "data.csv") {
      $0.columns = ["prompt": "question", "completion": "answer"]
    }
    #expect(try texts(set) == ["whyso"])
  }

  @Test func `quotes in CSV hold commas, lines and quotes`() throws {
    let (set, _) = try data("text\n\"a,\"\"b\"\"\nc\"\n", named: "data.csv")
    #expect(try texts(set) == ["a,\"b\"\nc"])
  }

  @Test func `a folder of texts is a text each`() throws {
    let file = try DataFile("one", named: "b.txt")
    let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().path
    try Data("two".utf8).write(to: URL(fileURLWithPath: "\(folder)/a.md"))
    let set = try DataSet(folder, renderer: renderer(), options: DataOptions())
    #expect(try texts(set) == ["two", "one"])
  }

  private static let lines = (0..<40).map { index in
    #"{"text": "\#(String(repeating: "x", count: index % 13 + 1))"}"#
  }.joined(separator: "\n")

  @Test func `packed rows hold every sequence once`() throws {
    let (packed, _) = try data(Self.lines) { $0.maxTokens = 24 }
    let (apart, _) = try data(Self.lines) { $0.packs = false }
    func sequences(_ set: DataSet) throws -> [[Int32]] {
      try (0..<set.rowCount).flatMap { try set.row($0).sequences.map(\.ids) }
        .sorted { $0.count == $1.count ? $0.lexicographicallyPrecedes($1) : $0.count < $1.count }
    }
    #expect(apart.rowCount == 40 && packed.rowCount < 20)
    #expect(try sequences(packed) == sequences(apart))
    for row in 0..<packed.rowCount {
      #expect(try packed.row(row).sequences.reduce(0) { $0 + $1.ids.count } <= 24)
    }
    #expect(packed.statistics.duplicates > 0)
    #expect(packed.fingerprint != apart.fingerprint)
    #expect(packed.sharedExamples(with: apart) == 40)
  }

  @Test(arguments: [
    (Truncation.end, ["aaaa", "bb"]), (.start, ["aaa", "bb"]), (.drop, ["bb"]),
    (.split, ["aaaa", "aaaa", "bb"]),
  ])
  func `what is too long is cut as asked`(_ truncation: Truncation, _ expected: [String]) throws {
    let (set, _) = try data("{\"text\": \"aaaaaaaa\"}\n{\"text\": \"bb\"}") {
      $0.maxTokens = 4
      $0.truncation = truncation
      $0.truncationLimit = 1
    }
    let found = try texts(set)
    // The tiny tokenizer merges some letters; what counts is which part is left.
    #expect(found.last == "bb")
    #expect(found.count >= expected.count || truncation == .split)
    if truncation == .drop { #expect(found == ["bb"] && set.statistics.dropped == 1) }
    if truncation == .end || truncation == .start { #expect(set.statistics.truncated == 1) }
    if truncation == .split { #expect(found.dropLast().joined() == "aaaaaaaa") }
  }

  @Test(arguments: [
    ("{\"text\": \"a\"}\n{\"text\": 3}\n{\"tex\": \"a\"}", "line 2"),
    ("{\"text\": \"a\"}\n{\"text\": 3}\n{\"tex\": \"a\"}", "line 3: has no \"text\""),
    ("{\"text\": \"a\"\n", "line 1"), ("", "is empty"), ("{\"foo\": 1}", "no format"),
    (
      #"{"messages":[{"role":"user","content":"a"}]}"#, "nothing to train on"
    ),
    (#"{"messages":[{"content":"a"}]}"#, "message 1 has no \"role\""),
    (#"{"messages":[]}"#, "has no message"),
    (
      #"{"messages":[{"role":"human","content":"a"}]}"#,
      "message 1 has the role \"human\"; did you mean user?"
    ),
    (
      #"{"messages":[{"role":"assistant","content":null}]}"#,
      "the assistant's, has neither \"content\" nor \"tool_calls\""
    ),
    (#"{"conversations":[{"from":"me","value":"a"}]}"#, "from \"me\""),
    (
      #"{"prompt":"a","chosen":"b","rejected":"c"}"#,
      "which is a preference between answers: an objective such as dpo learns from it"
    ),
  ])
  func `faults say where and what`(_ text: String, _ expected: String) {
    #expect {
      try data(text)
    } throws: {
      "\($0)".contains(expected)
    }
  }

  @Test func `too much cut is an error`() {
    #expect {
      try data(Self.lines) {
        $0.maxTokens = 3
        $0.packs = false
        $0.truncation = .end
      }
    } throws: {
      "\($0)".contains("longer than 3 tokens") && "\($0)".contains("max_tokens")
    }
  }

  @Test func `what is asked of a model is the prompt, and what is expected comes along`() throws {
    let (set, _) = try data(
      #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"expects":["b"]}"#
    )
    let question = try #require(try set.question(0))
    #expect(question.text == "a" && question.answer == "b" && question.expects == ["b"])
    #expect(
      try tinyTokenizer().decode(question.ids, skippingSpecialTokens: true)
        == "[user]a\n[assistant]")
  }

  @Test func `two beginnings of text are an error`() {
    #expect {
      try data("{\"text\": \"a\"}\n{\"text\": \"<|im_start|><|im_start|>a\"}")
    } throws: {
      "\($0)".contains("line 2: the text begins with two beginning-of-text tokens")
    }
  }

  @Test func `a text that never ends is an error`() {
    #expect {
      try data(
        #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"bcdefghijklmnopqrstuvwxyz"}]}"#
      ) {
        $0.maxTokens = 30
        $0.truncationLimit = 1
      }
    } throws: {
      "\($0)".contains("no trained text ends with an end token")
    }
  }

  @Test func `long text is split unless it shall not be, and every piece can be read`() throws {
    let text = (0..<400).map { "Line \($0) of it.\n" }.joined()
    let (set, file) = try data(text, named: "book.txt") {
      $0.maxTokens = 100
      $0.packs = false
    }
    #expect(set.statistics.truncated == 0 && set.statistics.dropped == 0)
    let tokenizer = try tinyTokenizer()
    let pieces = try withExtendedLifetime(file) {
      try (0..<set.rowCount).flatMap { try set.row($0).sequences }
    }
    #expect(pieces.allSatisfy { $0.ids.count <= 100 })
    #expect(tokenizer.decode(pieces.flatMap(\.ids), skippingSpecialTokens: true) == text)
    #expect(pieces.flatMap(\.ids).count { $0 == tokenizer.endOfText } == 1)
  }

  @Test func `cutting the start leaves the beginning-of-text token`() {
    let sequence = TokenSequence(ids: [1, 5, 6, 7, 8], trained: [true, false, true, true, true])
    #expect(
      Truncation.start.fit(sequence, within: 3, keeping: 1)
        == [TokenSequence(ids: [1, 7, 8], trained: [false, true, true])])
    #expect(
      Truncation.start.fit(sequence, within: 3, keeping: 2)
        == [TokenSequence(ids: [6, 7, 8], trained: [true, true, true])])
  }

  @Test func `what is learned from can be looked at, and commands no terminal`() throws {
    let (set, _) = try data(#"{"prompt": "a\u001b[1m", "completion": "b"}"#)
    let sequence = try #require(try set.sequences(ofExample: 0).first)
    let tokenizer = try tinyTokenizer()
    #expect(sequence.text(tokenizer) == "a\\u{1b}[1m⟦b<|im_end|>⟧")
    #expect(sequence.text(tokenizer, opening: "<", closing: ">").hasSuffix("<b<|im_end|>>"))
  }

  @Test func `an example without an assistant is left out, and not called too long`() throws {
    let (set, _) = try data(
      """
      {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}
      {"messages":[{"role":"user","content":"a"}]}
      """)
    #expect(set.statistics.untrained == 1 && set.statistics.dropped == 0)
    #expect(set.statistics.sequences == 1 && set.rowCount == 1)
    #expect(try set.row(0).sequences.count == 1)
  }
}
