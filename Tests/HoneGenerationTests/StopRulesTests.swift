import HoneTensors
import HoneText
import Testing

@testable import HoneGeneration

@Suite struct StopRulesTests {
  /// Gives a text in pieces; returns what was shown after each, and where the stop was met.
  private func show(
    _ pieces: [String], stops: [String]
  ) -> (shown: [String], metAt: Int?, rest: String) {
    var matcher = StopMatcher(stops)
    var shown: [String] = []
    for (index, piece) in pieces.enumerated() {
      let (text, met) = matcher.append(piece)
      shown.append(text)
      if met { return (shown, index, matcher.finish()) }
    }
    return (shown, nil, matcher.finish())
  }

  @Test func `a stop string is met however it is split, and no part of it is shown`() {
    let text = "ab\nSTOPcd"
    for first in 0...text.count {
      for second in first...text.count {
        let letters = Array(text)
        let pieces = [letters[..<first], letters[first..<second], letters[second...]]
          .map { String($0) }
        let (shown, metAt, rest) = show(pieces, stops: ["\nSTOP"])
        #expect(metAt != nil)
        #expect(shown.joined() == "ab")
        #expect(rest == "")
      }
    }
  }

  @Test func `what only began like a stop string is shown after all`() {
    let (shown, metAt, rest) = show(["x", "ST", "O", "ST", "OST"], stops: ["STOP"])
    #expect(metAt == nil)
    // Each time as much as certainly belongs to the text.
    #expect(shown == ["x", "", "", "STO", "STO"])
    #expect(rest == "ST")
    #expect(show(["aaab"], stops: ["aab"]).shown == ["a"])
    #expect(show(["a", "a", "a", "b"], stops: ["aab"]).shown == ["", "", "a", ""])
  }

  @Test func `of several stop strings the one that begins first counts`() {
    let (shown, metAt, _) = show(["one two", " three"], stops: ["three", "two"])
    #expect(shown == ["one "])
    #expect(metAt == 0)
  }

  @Test func `a stop string of several bytes a character leaves its neighbours whole`() {
    // é and è share their first byte.
    let (shown, metAt, rest) = show(["cr", "è", "me é", "t"], stops: ["été"])
    #expect(metAt == nil)
    #expect(shown == ["cr", "è", "me ", ""])
    #expect(rest == "ét")
    #expect(show(["日", "本語"], stops: ["本"]).shown == ["日", ""])
  }

  @Test func `empty stop strings are none`() {
    #expect(StopRules(maximumTokens: 1, strings: ["", "a"]).strings == ["a"])
    #expect(show(["abc"], stops: []).shown == ["abc"])
  }
}

/// A generation whose tokens are given instead of computed.
@Suite struct RunTests {
  private let tokenizer: Tokenizer

  init() throws {
    tokenizer = try TinyModels.load("tied", engine: Engine(threads: 1)).tokenizer
  }

  private func play(
    _ tokens: [Int32], _ rules: StopRules, isFull: Bool = false
  ) throws -> (pieces: [String], completion: Generator.Completion) {
    var run = Run(
      prompts: [Generator.Prompt([5], stop: rules)], prefix: [],
      endTokens: tokenizer.endOfGeneration, tokenizer: tokenizer)
    var pieces: [String] = []
    var left = tokens[...]
    while run.fill(slots: 1), let token = left.popFirst() {
      var logits = [Float](repeating: 0, count: tokenizer.vocabularyCount)
      logits[Int(token)] = 1
      let isLast = isFull && left.isEmpty
      try logits.withUnsafeMutableBufferPointer {
        if let piece = try run.take($0, in: 0, isFull: isLast) { pieces.append(piece.text) }
      }
    }
    return (pieces, run.completions[0])
  }

  @Test func `text comes in whole characters, each token's as soon as it is certain`() throws {
    let text = "grüße 日本 👩‍💻!"
    let tokens = tokenizer.encode(text)
    // Byte by byte: there is something to hold back.
    #expect(tokens.count > text.unicodeScalars.count)
    let (pieces, completion) = try play(tokens, StopRules(maximumTokens: 100))
    #expect(pieces.joined() == text)
    #expect(pieces.allSatisfy { !$0.isEmpty && !$0.unicodeScalars.contains("\u{FFFD}") })
    #expect(completion.text == text)
    #expect(completion.tokens == tokens)
  }

  @Test func `a character that is never finished is shown as such at the end only`() throws {
    let tokens = Array(tokenizer.encode("ab日").dropLast())
    let (pieces, completion) = try play(tokens, StopRules(maximumTokens: tokens.count))
    #expect(pieces == ["a", "b", "\u{FFFD}"])
    #expect(completion.text == pieces.joined())
    #expect(completion.reason == .length)
  }

  @Test func `a stop string ends it over tokens, and neither text nor pieces hold part of it`()
    throws
  {
    let tokens = tokenizer.encode("one. 日本END two")
    let (pieces, completion) = try play(
      tokens, StopRules(maximumTokens: 100, strings: ["本END"]))
    #expect(pieces.joined() == "one. 日")
    #expect(completion.text == "one. 日")
    #expect(completion.reason == .stop)
    // The tokens that spell the stop string were generated, and none after it.
    #expect(completion.tokens == tokenizer.encode("one. 日本END"))
  }

  @Test func `a stop token ends it, is not part of it, and lets go what was held back`() throws {
    let tokens = tokenizer.encode("say EN")
    for (end, rules) in [
      (tokens[0], StopRules(maximumTokens: 100, tokens: [tokens[0]], strings: ["END"])),
      // The model's own.
      (Int32(2), StopRules(maximumTokens: 100, strings: ["END"])),
    ] {
      let said = Array(tokens.dropFirst())
      let (pieces, completion) = try play(said + [end, 70], rules)
      #expect(pieces.joined() == "ay EN")
      #expect(pieces.last == "EN")
      #expect(completion.text == "ay EN")
      #expect(completion.tokens == said)
      #expect(completion.reason == .stop)
    }
  }

  @Test func `as many tokens come as were asked for, or as there is room for`() throws {
    let tokens = tokenizer.encode("abcdef")
    let (pieces, completion) = try play(tokens, StopRules(maximumTokens: 4))
    #expect(completion.tokens == Array(tokens.prefix(4)))
    #expect(completion.reason == .length)
    #expect(pieces.joined() == completion.text)
    let full = try play(tokens, StopRules(maximumTokens: 100), isFull: true)
    #expect(full.completion.reason == .length)
    #expect(full.completion.tokens == tokens)
  }
}
