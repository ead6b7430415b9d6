/// Finds all tokens that a text begins with.
struct TokenTrie: Sendable {
  private struct Node: Sendable {
    var byte: UInt8
    var childCount: UInt16 = 0
    var firstChild: Int32 = 0
    /// The token that ends here, or -1.
    var token: Int32 = -1
  }

  /// The root first; the children of a node stand together in the order of their bytes.
  private var nodes = [Node(byte: 0)]
  /// The root's children by byte, or -1.
  private var roots = [Int32](repeating: -1, count: 256)

  init(_ vocabulary: Vocabulary) {
    let order = (0..<vocabulary.count).filter { !vocabulary.text(of: $0).isEmpty }.sorted {
      vocabulary.text(of: $0).lexicographicallyPrecedes(vocabulary.text(of: $1))
    }
    // Breadth first: each entry is a node and the tokens below it, which begin alike.
    var queue = [(node: 0, range: 0..<order.count, depth: 0)]
    var next = 0
    while next < queue.count {
      let (node, range, depth) = queue[next]
      next += 1
      var start = range.lowerBound
      while start < range.upperBound, vocabulary.text(of: order[start]).count == depth {
        nodes[node].token = Int32(order[start])
        start += 1
      }
      nodes[node].firstChild = Int32(nodes.count)
      while start < range.upperBound {
        let byte = vocabulary.text(of: order[start])[depth]
        var end = start + 1
        while end < range.upperBound, vocabulary.text(of: order[end])[depth] == byte { end += 1 }
        if depth == 0 { roots[Int(byte)] = Int32(nodes.count) }
        queue.append((nodes.count, start..<end, depth + 1))
        nodes.append(Node(byte: byte))
        nodes[node].childCount += 1
        start = end
      }
    }
  }

  /// Calls `body` for each token that the text begins with, shortest first.
  @inline(__always)
  func forEachPrefix(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ body: (_ token: Int32, _ length: Int) -> Void
  ) {
    guard count > 0 else { return }
    nodes.withUnsafeBufferPointer { nodes in
      var node = Int(roots[Int(text[0])])
      var length = 1
      while node >= 0 {
        if nodes[node].token >= 0 { body(nodes[node].token, length) }
        guard length < count else { return }
        node = Self.child(nodes, node, text[length])
        length += 1
      }
    }
  }

  @inline(__always)
  private static func child(
    _ nodes: UnsafeBufferPointer<Node>, _ node: Int, _ byte: UInt8
  ) -> Int {
    var low = Int(nodes[node].firstChild)
    let end = low + Int(nodes[node].childCount)
    var high = end
    while low < high {
      let middle = (low + high) / 2
      if nodes[middle].byte < byte { low = middle + 1 } else { high = middle }
    }
    return low < end && nodes[low].byte == byte ? low : -1
  }
}
