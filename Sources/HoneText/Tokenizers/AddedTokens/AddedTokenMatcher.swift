/// Finds added tokens in a text: the leftmost, and of those that begin there the longest.
struct AddedTokenMatcher: Sendable {
  private struct Node: Sendable {
    var byte: UInt8
    var sibling: Int32 = -1
    var child: Int32 = -1
    /// The token that ends here, or -1.
    var token: Int32 = -1
  }

  private let tokens: [AddedToken]
  private var nodes = [Node(byte: 0)]
  private var canBegin = [Bool](repeating: false, count: 256)

  /// - Parameter contents: what to look for, for each token; the first of equal contents counts.
  init(_ tokens: [AddedToken], contents: [[UInt8]]) {
    self.tokens = tokens
    for (index, content) in contents.enumerated() where !content.isEmpty {
      var node = 0
      for byte in content { node = child(of: node, for: byte) ?? addChild(to: node, for: byte) }
      if nodes[node].token < 0 { nodes[node].token = Int32(index) }
      canBegin[Int(content[0])] = true
    }
  }

  var isEmpty: Bool { nodes.count == 1 }

  private func child(of node: Int, for byte: UInt8) -> Int? {
    var child = nodes[node].child
    while child >= 0, nodes[Int(child)].byte != byte { child = nodes[Int(child)].sibling }
    return child < 0 ? nil : Int(child)
  }

  private mutating func addChild(to node: Int, for byte: UInt8) -> Int {
    nodes.append(Node(byte: byte, sibling: nodes[node].child))
    nodes[node].child = Int32(nodes.count - 1)
    return nodes.count - 1
  }

  /// Calls `body` for each part of the text in order, with the token's id or nil for plain text.
  ///
  /// A token that strips spaces takes them from the plain text beside it. The rules are those of
  /// the tokenizers library, to the point that a token found in spaces that the one before has
  /// taken counts nevertheless.
  func forEachPart(
    of text: UnsafeBufferPointer<UInt8>,
    _ body: (_ part: UnsafeBufferPointer<UInt8>, _ start: Int, _ id: Int32?) -> Void
  ) {
    guard let base = text.baseAddress else { return }
    guard !isEmpty else { return body(text, 0, nil) }
    var plainStart = 0
    var index = 0
    canBegin.withUnsafeBufferPointer { canBegin in
      while index < text.count {
        guard canBegin[Int(base[index])], let (token, end) = longestMatch(text, at: index) else {
          index += 1
          continue
        }
        var start = index
        var stop = end
        index = end
        if token.isSingleWord, joins(text, before: start) || joins(text, after: stop) { continue }
        if token.stripsLeft {
          while start > plainStart {
            let previous = startOfUTF8(base, before: start)
            guard isSpace(text, at: previous) else { break }
            start = previous
          }
          start = max(start, plainStart)
        }
        if token.stripsRight {
          while stop < text.count, isSpace(text, at: stop) {
            stop += decodeUTF8(base, at: stop, end: text.count).length
          }
        }
        if plainStart < start {
          body(UnsafeBufferPointer(rebasing: text[plainStart..<start]), plainStart, nil)
        }
        body(UnsafeBufferPointer(rebasing: text[start..<stop]), start, token.id)
        plainStart = stop
      }
    }
    if plainStart < text.count {
      body(UnsafeBufferPointer(rebasing: text[plainStart...]), plainStart, nil)
    }
  }

  private func longestMatch(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (token: AddedToken, end: Int)? {
    var found: (AddedToken, Int)?
    var node = 0
    var index = start
    while index < text.count, let next = child(of: node, for: text[index]) {
      node = next
      index += 1
      if nodes[node].token >= 0 { found = (tokens[Int(nodes[node].token)], index) }
    }
    return found
  }

  private func isSpace(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
    CharacterSets.space.contains(decodeUTF8(text.baseAddress!, at: index, end: text.count).point)
  }

  private func joins(_ text: UnsafeBufferPointer<UInt8>, before index: Int) -> Bool {
    guard index > 0 else { return false }
    let start = startOfUTF8(text.baseAddress!, before: index)
    return CharacterSets.joining.contains(
      decodeUTF8(text.baseAddress!, at: start, end: index).point)
  }

  private func joins(_ text: UnsafeBufferPointer<UInt8>, after index: Int) -> Bool {
    guard index < text.count else { return false }
    return CharacterSets.joining.contains(
      decodeUTF8(text.baseAddress!, at: index, end: text.count).point)
  }
}
