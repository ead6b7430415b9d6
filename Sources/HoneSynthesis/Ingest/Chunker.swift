import HoneText

/// Cuts documents into chunks: never across a heading, preferably between paragraphs, else between
/// sentences, and within one only when it is longer than a chunk may be.
package struct Chunker: Sendable {
  /// The most tokens of a chunk.
  package let tokens: Int
  /// The most tokens that a chunk repeats of the end of the one before, in whole sentences.
  package let overlap: Int
  /// How many tokens a text has.
  private let count: @Sendable (String) -> Int

  /// - Throws: ``SynthesisError`` when the numbers make no sense.
  package init(tokens: Int = 400, overlap: Int = 48, tokenizer: Tokenizer) throws {
    try self.init(tokens: tokens, overlap: overlap) {
      tokenizer.encode($0, addingSpecialTokens: false).count
    }
  }

  init(tokens: Int, overlap: Int, count: @escaping @Sendable (String) -> Int) throws {
    guard tokens >= 16 else {
      throw SynthesisError(
        "chunk.tokens", problem: "is \(tokens)", advice: "expected at least 16")
    }
    guard (0...tokens / 2).contains(overlap) else {
      throw SynthesisError(
        "chunk.overlap", problem: "is \(overlap)",
        advice: "expected from 0 to half of the \(tokens) tokens of a chunk")
    }
    self.tokens = tokens
    self.overlap = overlap
    self.count = count
  }

  /// The chunks of documents, in their order.
  package func chunks(of documents: [Document]) -> [Chunk] { documents.flatMap(chunks) }

  private func chunks(of document: Document) -> [Chunk] {
    let bytes = Array(document.text.utf8)
    return document.sections.flatMap { section in
      var cutter = Cutter(document: document, section: section, bytes: bytes, chunker: self)
      return cutter.chunks()
    }
  }

  /// A chunk without the beginning that it shares with the one before.
  package func withoutOverlap(_ chunk: Chunk) -> Chunk {
    guard chunk.overlap > 0 else { return chunk }
    let text = String(decoding: chunk.text.utf8.dropFirst(chunk.overlap), as: UTF8.self)
    return Chunk(
      document: chunk.document, documentDigest: chunk.documentDigest, headings: chunk.headings,
      range: chunk.range.lowerBound + chunk.overlap..<chunk.range.upperBound, text: text,
      tokenCount: count(text), split: chunk.split)
  }

  /// A sentence, or a part of one.
  private struct Unit {
    var range: Range<Int>
    var tokens: Int
    var endsParagraph: Bool
  }

  private struct Cutter {
    let document: Document
    let section: Document.Section
    let bytes: [UInt8]
    let chunker: Chunker

    private func text(_ range: Range<Int>) -> String {
      String(decoding: bytes[range], as: UTF8.self)
    }

    /// The sentences; those that are longer than a chunk, in parts that are not.
    private func units() -> [Unit] {
      let start = section.range.lowerBound
      return SentenceSplitter.ranges(in: text(section.range)).flatMap { range in
        parts(of: range.lowerBound + start..<range.upperBound + start)
      }
    }

    private func parts(of range: Range<Int>) -> [Unit] {
      // A giant line is halved before it is counted, since nothing longer than this many bytes can
      // be a chunk of any tokenizer.
      let tokens = range.count <= chunker.tokens * 64 ? chunker.count(text(range)) : Int.max
      if tokens <= chunker.tokens {
        let ends =
          range.upperBound == section.range.upperBound
          || bytes[range].suffix(2).elementsEqual([0x0A, 0x0A])
        return [Unit(range: range, tokens: tokens, endsParagraph: ends)]
      }
      guard range.count > 4, let middle = cut(near: range) else {
        return [Unit(range: range, tokens: chunker.tokens, endsParagraph: false)]
      }
      return parts(of: range.lowerBound..<middle) + parts(of: middle..<range.upperBound)
    }

    /// Behind the white space, else the character, that is nearest to the middle.
    private func cut(near range: Range<Int>) -> Int? {
      let middle = range.lowerBound + range.count / 2
      for distance in 0..<min(range.count / 2 - 1, 4096) {
        for index in [middle + distance, middle - distance]
        where bytes[index] == 0x20 || bytes[index] == 0x0A {
          return index + 1
        }
      }
      return (middle..<range.upperBound).first { bytes[$0] & 0xC0 != 0x80 }
    }

    mutating func chunks() -> [Chunk] {
      let units = units()
      var chunks: [Chunk] = []
      var first = 0
      // Units from `repeated` to `first` are the end of the chunk before.
      var repeated = 0
      while first < units.count {
        var end = first + 1
        var sum = units[repeated..<end].reduce(0) { $0 + $1.tokens }
        if sum > chunker.tokens {
          repeated = first
          sum = units[first].tokens
        }
        while end < units.count, sum + units[end].tokens <= chunker.tokens {
          sum += units[end].tokens
          end += 1
        }
        if end < units.count { end = paragraphEnd(units, first, end) }
        if let chunk = chunk(units, from: repeated, own: first, to: &end) { chunks.append(chunk) }
        repeated = overlapStart(units, from: first, to: end)
        first = end
      }
      return chunks
    }

    /// The last end of a paragraph in the second half of the units, else the end as it is.
    private func paragraphEnd(_ units: [Unit], _ first: Int, _ end: Int) -> Int {
      let total = units[first..<end].reduce(0) { $0 + $1.tokens }
      var sum = total
      for index in stride(from: end, to: first, by: -1) {
        if sum * 2 < total { break }
        if units[index - 1].endsParagraph { return index }
        sum -= units[index - 1].tokens
      }
      return end
    }

    private func overlapStart(_ units: [Unit], from first: Int, to end: Int) -> Int {
      var start = end
      var sum = 0
      while start > first, sum + units[start - 1].tokens <= chunker.overlap {
        start -= 1
        sum += units[start].tokens
      }
      // A chunk that is repeated whole would be no chunk of its own.
      return start == first ? end : start
    }

    /// The chunk of units; nil when there is nothing but white space. Takes units away from the end
    /// while the text as a whole has more tokens than its parts had.
    private func chunk(_ units: [Unit], from start: Int, own: Int, to end: inout Int) -> Chunk? {
      while true {
        var range = units[start].range.lowerBound..<units[end - 1].range.upperBound
        while let last = bytes[range].last, last == 0x20 || last == 0x0A || last == 0x09 {
          range = range.lowerBound..<range.upperBound - 1
        }
        let ownStart = units[own].range.lowerBound
        guard ownStart < range.upperBound else { return nil }
        let text = text(range)
        let tokens = chunker.count(text)
        if tokens > chunker.tokens, end > own + 1 {
          end -= 1
          continue
        }
        return Chunk(
          document: document.path, documentDigest: document.digest, headings: section.headings,
          range: range, overlap: ownStart - range.lowerBound, text: text, tokenCount: tokens)
      }
    }
  }
}
