/// Decides, before anything is generated, which documents and chunks become the exam.
///
/// Of `n` documents the `round(share * n)` with the smallest hash of seed and path are held out whole;
/// of the other documents' chunks those with the smallest hash of seed and name. What is added later
/// therefore changes little: a chunk changes sides only when a newcomer's hash displaces it.
package struct HoldOut: Equatable, Sendable {
  /// The share of documents that are held out whole, from 0 to 0.9.
  package let documents: Double
  /// The share of the other documents' chunks that are held out, from 0 to 0.9.
  package let chunks: Double
  package let seed: UInt64

  /// - Throws: ``SynthesisError`` when a share is out of its bounds.
  package init(documents: Double = 0, chunks: Double = 0.1, seed: UInt64) throws {
    for (name, share) in [("documents", documents), ("chunks", chunks)]
    where !(0...0.9).contains(share) {
      throw SynthesisError(
        "hold_out.\(name)", problem: "is \(share)", advice: "expected a share from 0 to 0.9")
    }
    self.documents = documents
    self.chunks = chunks
    self.seed = seed
  }

  /// Sets the side of each chunk, and takes away the sentences that two neighbours on different
  /// sides share.
  package func split(_ chunks: [Chunk], with chunker: Chunker) -> [Chunk] {
    let paths = Set(chunks.map(\.document))
    let heldDocuments = least(
      of: paths.map { ($0, rank("document", $0)) }, share: documents)
    let others = chunks.filter { !heldDocuments.contains($0.document) }
    let heldChunks = least(
      of: Set(others.map(\.id)).map { ($0, rank("chunk", $0)) }, share: self.chunks)
    var result = chunks
    for index in result.indices {
      let isHeld =
        heldDocuments.contains(result[index].document) || heldChunks.contains(result[index].id)
      result[index].split = isHeld ? .heldOut : .train
      if index > 0, result[index].overlap > 0, result[index - 1].split != result[index].split {
        result[index] = chunker.withoutOverlap(result[index])
      }
    }
    return result
  }

  private func rank(_ purpose: String, _ name: String) -> UInt64 {
    Digest.number(of: ["hold out", purpose, String(seed), name])
  }

  private func least(of names: [(String, UInt64)], share: Double) -> Set<String> {
    let count = Int((share * Double(names.count)).rounded())
    let sorted = names.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
    return Set(sorted.prefix(count).map(\.0))
  }
}
