/// A unigram language model: the split of a piece whose tokens' scores have the largest sum.
///
/// Follows the tokenizers library's Unigram, SentencePiece's default model.
struct Unigram: TokenModel {
  let vocabulary: Vocabulary
  private let scores: [Double]
  private let unknown: Int32?
  private let unknownScore: Double
  /// The ids of `<0x00>` to `<0xFF>` when unknown characters become their bytes.
  private let fallbackIDs: [Int32]?
  /// Whether sums are rounded to `Float`, as SentencePiece does and the tokenizers library does not:
  /// it decides between splits of equal scores.
  private let sumsInFloat: Bool
  private let trie: TokenTrie

  /// How much worse than the worst token an unknown character is.
  private static let unknownPenalty = 10.0

  init(
    vocabulary: Vocabulary, scores: [Double], unknown: Int32?, fallsBackToBytes: Bool,
    sumsInFloat: Bool = false
  ) {
    self.sumsInFloat = sumsInFloat
    self.vocabulary = vocabulary
    self.scores = scores
    self.unknown = unknown
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    fallbackIDs = fallsBackToBytes ? BPE.fallbackIDs(vocabulary) : nil
    trie = TokenTrie(vocabulary)
  }

  private struct Node {
    var score = 0.0
    /// Where the best token that ends here begins, or -1.
    var start = -1
    /// That token, or -1 for an unknown character.
    var token: Int32 = -1
  }

  func encodeWord(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ isByteLevel: Bool, _ space: EncodingSpace
  ) {
    withCharacters(bytes, count, isByteLevel) { text, count in
      withUnsafeTemporaryAllocation(of: Node.self, capacity: count + 1) { nodes in
        nodes.initialize(repeating: Node())
        findBest(text, count, nodes)
        append(nodes, text, count, space)
      }
    }
  }

  @inline(__always)
  private func sum(_ left: Double, _ right: Double) -> Double {
    sumsInFloat ? Double(Float(left + right)) : left + right
  }

  private func findBest(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ nodes: UnsafeMutableBufferPointer<Node>
  ) {
    var start = 0
    while start < count {
      let scoreHere = nodes[start].score
      let length = decodeUTF8(text, at: start, end: count).length
      var hasCharacter = false
      trie.forEachPrefix(text + start, count - start) { token, tokenLength in
        let score = sum(scores[Int(token)], scoreHere)
        let end = start + tokenLength
        if nodes[end].start < 0 || score > nodes[end].score {
          nodes[end] = Node(score: score, start: start, token: token)
        }
        if tokenLength == length { hasCharacter = true }
      }
      if !hasCharacter {
        let score = sum(unknownScore, scoreHere)
        let end = start + length
        if nodes[end].start < 0 || score > nodes[end].score {
          nodes[end] = Node(score: score, start: start, token: -1)
        }
      }
      start += length
    }
  }

  private func append(
    _ nodes: UnsafeMutableBufferPointer<Node>, _ text: UnsafePointer<UInt8>, _ count: Int,
    _ space: EncodingSpace
  ) {
    // The path is known from its end; the nodes' scores are no longer needed and hold its order.
    var ends: [Int] = []
    var end = count
    while end > 0 {
      ends.append(end)
      end = nodes[end].start
    }
    var index = ends.count - 1
    while index >= 0 {
      let node = nodes[ends[index]]
      let isUnknown = node.token < 0 || node.token == unknown
      guard isUnknown else {
        space.append(node.token)
        index -= 1
        continue
      }
      // Unknown characters beside each other are one.
      var last = index
      while last > 0, case let next = nodes[ends[last - 1]].token, next < 0 || next == unknown {
        last -= 1
      }
      appendUnknown(text, node.start..<ends[last], space)
      index = last - 1
    }
  }

  private func appendUnknown(
    _ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ space: EncodingSpace
  ) {
    let id = vocabulary.id(of: text + range.lowerBound, count: range.count)
    if id >= 0 { return space.append(id) }
    if let fallbackIDs, range.allSatisfy({ fallbackIDs[Int(text[$0])] >= 0 }) {
      for index in range { space.append(fallbackIDs[Int(text[index])]) }
    } else if let unknown {
      space.append(unknown)
    }
  }
}
