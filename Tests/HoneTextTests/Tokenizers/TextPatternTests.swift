import Testing

@testable import HoneText

@Suite struct TextPatternTests {
  /// The pieces that splitting at a pattern gives, matches and what is between them.
  static func pieces(_ pattern: TextPattern, _ text: [UInt8]) -> [[UInt8]] {
    var pieces: [PieceList.Piece] = []
    text.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      SplitPreTokenizer.isolate(pattern, base, .init(start: 0, end: buffer.count), &pieces)
    }
    return pieces.map { Array(text[$0.start..<$0.end]) }
  }

  static func pieces(_ pattern: String, _ text: String) throws -> [String] {
    pieces(try TextPattern(pattern), Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  // Each case as the tokenizers library 0.23.3 gives it.
  @Test(arguments: [
    (#"\s+$"#, "a \nb  ", ["a", " ", "\nb", "  "]),
    (#"^a"#, "a\na", ["a", "\n", "a"]),
    (#"\p{N}{1,3}+"#, "1234567", ["1234567"]),
    (#"\p{N}{1,3}?"#, "1234567", ["1", "2", "3", "4", "5", "6", "7"]),
    (#"\p{N}{3}?"#, "1234567", ["123", "456", "7"]),
    (#"\p{N}{,3}"#, "1234567", ["123", "456", "7"]),
    (#"a{,}"#, "a{,}aa", ["a{,}", "aa"]),
    (#"(?i:'s)"#, "x'ſ x'S", ["x", "'ſ", " x", "'S"]),
    (#"(?i:k)"#, "xKxK", ["x", "K", "x", "K"]),
    (
      #"[^(\s|[.,!?…。，、।۔،])]+"#, "a(b|c.d,e f)g",
      ["a", "(", "b", "|", "c", ".", "d", ",", "e", " ", "f", ")", "g"]
    ),
    (#"a++b|a"#, "aab", ["aab"]),
    (#"(?>a+)ab|a"#, "aab", ["a", "a", "b"]),
    (#"(?=(\d{3})+(?!\d))"#, "1234567", ["1", "234", "567"]),
    (#"\d{1,3}(?=(?:\d{3})*\b)"#, "1234567 12a", ["1", "234", "567", " 12a"]),
    (#"[\p{L}&&[^\p{Han}]]+"#, "ab漢字c", ["ab", "漢字", "c"]),
    (#"\p{Han}+"#, "ab漢字c々〇", ["ab", "漢字", "c", "々〇"]),
    (#"[a-z&&[^aeiou]]+"#, "hello", ["h", "e", "ll", "o"]),
    (#"[[:alpha:]]+"#, "héllo1", ["héllo", "1"]),
    (#"(?<=a)b"#, "abb", ["a", "b", "b"]),
    (#"\bfoo\b"#, "foo foobar", ["foo", " foobar"]),
    (#"\R"#, "a\r\nb", ["a", "\r\n", "b"]),
    (#"."#, "a\nb", ["a", "\n", "b"]),
    (#"\x{41}\u0042"#, "AB", ["AB"]),
    (#"[]a]"#, "]a", ["]", "a"]),
    (#"[^\]]"#, "]a", ["]", "a"]),
    (#"\Aa"#, "aa", ["a", "a"]),
    (#"a\Z"#, "a\n", ["a", "\n"]),
    (#"\h+"#, "ABg", ["AB", "g"]),
    (#"\p{^L}+"#, "a1", ["a", "1"]),
    (#"\pL"#, "a", ["a"]),
    (#"[\w]+"#, "a_b·c²", ["a_b", "·", "c", "²"]), (#"\w+"#, "a·c²", ["a", "·", "c²"]),
    (#"(?x) a b # c"#, "ab", ["ab"]),
  ])
  func `patterns split as the tokenizers library does`(
    pattern: String, text: String, expected: [String]
  ) throws {
    #expect(try Self.pieces(pattern, text) == expected)
  }

  @Test(arguments: [
    ByteLevelPreTokenizer.pattern,
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
    #"\s+$"#, #"\s?\p{P}+"#, #"(a|ab)(c|bcd)(d*)|x*?y"#,
  ])
  func `automaton and backtracking find the same`(pattern: String) throws {
    let fast = try TextPattern(pattern)
    let slow = try TextPattern(
      try PatternParser.parse(pattern), source: pattern, withAutomaton: false)
    #expect(fast.isAutomaton)
    for string in TokenizerFixtures.strings {
      #expect(Self.pieces(fast, string) == Self.pieces(slow, string))
    }
  }

  @Test(arguments: [
    (#"(a"#, "has a '(' without ')'"), (#"a)"#, "has a ')' too many"),
    (#"[a"#, "has a '[' without ']'"), (#"*a"#, "has nothing to repeat before '*'"),
    (#"\p{Klingon}"#, "names a property 'Klingon' that is not supported"),
    (#"(a)\1"#, "uses '\\1', which is not supported"),
    (#"a{3,2}"#, "has a repetition from 3 to 2"),
    (#"(?:(?:a{999}){999}){999}"#, "its repetitions make it too large"),
  ])
  func `a pattern that cannot be used is refused`(pattern: String, problem: String) throws {
    let error = try #require(throws: TextError.self) { try TextPattern(pattern) }
    #expect(error.problem == problem)
  }

  @Test func `no pattern takes exponential time`() throws {
    let pattern = try TextPattern(#"(?:a*)*\bb|(a|a)*(?<=x)c"#)
    #expect(!pattern.isAutomaton)
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 200)
    #expect(Self.pieces(pattern, text) == [text])
  }
}
