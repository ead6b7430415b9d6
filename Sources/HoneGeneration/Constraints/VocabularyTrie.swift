import HoneText

/// The tokens of a vocabulary by their bytes, so that tokens that begin alike are tried together.
package final class VocabularyTrie: Sendable {
  struct Node {
    var byte: UInt8
    var child: Int32 = -1
    var sibling: Int32 = -1
    /// The tokens that end here: a place in ``tokens`` and how many.
    var first: Int32 = 0
    var count: Int32 = 0
  }

  /// The root stands first.
  let nodes: [Node]
  let tokens: [Int32]
  let vocabularyCount: Int

  package init(_ tokenizer: Tokenizer) {
    vocabularyCount = tokenizer.vocabularyCount
    var spelled: [(bytes: [UInt8], id: Int32)] = []
    for id in 0..<Int32(tokenizer.vocabularyCount) where !tokenizer.isSpecial(id) {
      let bytes = tokenizer.bytes(of: id)
      if !bytes.isEmpty { spelled.append((bytes, id)) }
    }
    spelled.sort { left, right in
      left.bytes == right.bytes
        ? left.id < right.id : left.bytes.lexicographicallyPrecedes(right.bytes)
    }
    var nodes = [Node(byte: 0)]
    var path: [Int32] = [0]
    var last: [UInt8] = []
    for (place, (bytes, _)) in spelled.enumerated() {
      let shared = zip(bytes, last).prefix { $0 == $1 }.count
      path.removeLast(path.count - shared - 1)
      for byte in bytes[shared...] {
        let parent = Int(path[path.count - 1])
        let new = Int32(nodes.count)
        // The newest child goes first: its elder siblings are reached through it.
        nodes.append(Node(byte: byte, sibling: nodes[parent].child))
        nodes[parent].child = new
        path.append(new)
      }
      let node = Int(path[path.count - 1])
      if nodes[node].count == 0 { nodes[node].first = Int32(place) }
      nodes[node].count += 1
      last = bytes
    }
    self.nodes = nodes
    tokens = spelled.map(\.id)
  }
}
