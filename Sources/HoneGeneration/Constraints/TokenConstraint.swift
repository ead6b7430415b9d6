import HoneText

/// Keeps what a model writes to the texts of a grammar: at each place, the tokens that some text of
/// the grammar goes on with.
///
/// A text always comes to its end: where few tokens are left, only those are allowed after which the
/// rest still fits, a byte a token at worst. The tokens of a state are found once.
package final class TokenConstraint {
  /// The tokens that may follow a state.
  private struct Allowed {
    var tokens: [Int32]
    /// The states after them.
    var states: [Int32]
    /// How many bytes the longest way to an end is after any of them, at least.
    var longestEnd: Int
  }

  private let automaton: ByteAutomaton
  private let trie: VocabularyTrie
  private var allowed: [Int32: Allowed] = [:]

  /// - Throws: ``GenerationError`` for a grammar that is too large, or allows no text.
  package init(_ grammar: Grammar, trie: VocabularyTrie) throws {
    automaton = try ByteAutomaton(grammar)
    self.trie = trie
  }

  /// Where a text stands.
  struct Place {
    fileprivate(set) var state: Int32
  }

  var start: Place { Place(state: automaton.start) }

  /// How many bytes the shortest text has.
  package var shortestText: Int { automaton.shortestText }

  /// Whether a text may end here.
  func mayEnd(_ place: Place) -> Bool { automaton.isAccepting(place.state) }

  /// Whether a text must end here.
  func mustEnd(_ place: Place) -> Bool {
    mayEnd(place) && allowed(place.state).tokens.isEmpty
  }

  /// Takes away the logits of tokens that may not follow.
  ///
  /// - Parameters:
  ///   - endTokens: what ends a text, where it may end.
  ///   - tokensLeft: how many tokens may still be written, this one included.
  /// - Throws: ``GenerationError`` where the vocabulary has nothing that may follow.
  func mask(
    _ logits: UnsafeMutableBufferPointer<Float>, at place: Place, endTokens: Set<Int32>,
    tokensLeft: Int
  ) throws {
    let following = allowed(place.state)
    var kept: [(token: Int, logit: Float)] = []
    kept.reserveCapacity(following.tokens.count + endTokens.count)
    let isTight = following.longestEnd > tokensLeft - 1
    for (token, state) in zip(following.tokens, following.states)
    where Int(token) < logits.count {
      if isTight, automaton.shortestEnd(state) > tokensLeft - 1 { continue }
      kept.append((Int(token), logits[Int(token)]))
    }
    if mayEnd(place) {
      for token in endTokens where Int(token) < logits.count {
        kept.append((Int(token), logits[Int(token)]))
      }
    }
    guard !kept.isEmpty else {
      throw GenerationError(
        problem: "no token of the model goes on as the constraint asks",
        advice: "its vocabulary lacks a character that the constraint needs")
    }
    logits.update(repeating: -.infinity)
    for (token, logit) in kept { logits[token] = logit }
  }

  /// The place after a token that may follow.
  func place(after token: Int32, at place: Place, bytes: [UInt8]) -> Place {
    var state = place.state
    for byte in bytes {
      state = automaton.next(state, byte)
      precondition(state != ByteAutomaton.dead, "token \(token) may not follow here")
    }
    return Place(state: state)
  }

  /// Walks the vocabulary and the automaton together.
  private func allowed(_ state: Int32) -> Allowed {
    if let known = allowed[state] { return known }
    var found = Allowed(tokens: [], states: [], longestEnd: 0)
    var stack: [(node: Int32, state: Int32)] = []
    func push(_ first: Int32, _ state: Int32) {
      var child = first
      while child >= 0 {
        let node = trie.nodes[Int(child)]
        let next = automaton.next(state, node.byte)
        if next != ByteAutomaton.dead { stack.append((child, next)) }
        child = node.sibling
      }
    }
    push(trie.nodes[0].child, state)
    while let (number, state) = stack.popLast() {
      let node = trie.nodes[Int(number)]
      if node.count > 0 {
        let tokens = trie.tokens[Int(node.first)..<Int(node.first + node.count)]
        found.tokens += tokens
        found.states += tokens.map { _ in state }
        found.longestEnd = max(found.longestEnd, automaton.shortestEnd(state))
      }
      push(node.child, state)
    }
    allowed[state] = found
    return found
  }
}
