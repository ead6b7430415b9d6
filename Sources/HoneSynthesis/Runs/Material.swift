import HoneFormats
import HoneText

/// What a run makes its candidates of: passages, and how they are related.
struct Material {
  /// The passages that training data may come from.
  let chunks: [Chunk]
  /// Those that none may come from.
  let heldOut: [Chunk]
  /// What is worth knowing about the documents.
  let notes: [String]
  /// The digest of all passages.
  let digest: String
  private let index: BM25

  init(chunks: [Chunk], notes: [String]) {
    self.chunks = chunks.filter { $0.split == .train }
    heldOut = chunks.filter { $0.split == .heldOut }
    self.notes = notes
    digest = Digest.of(chunks.map { "\($0.id) \($0.split.rawValue)" })
    index = BM25(self.chunks.map(\.passage))
  }

  /// The passages that a pipeline's candidates are made of.
  func own(_ kind: any SynthesisPipeline.Type) -> [Chunk] {
    kind.readsHeldOut && !heldOut.isEmpty ? heldOut : chunks
  }

  /// The passages for training that are most like one, the likest first.
  func neighbours(of chunk: Chunk, count: Int) -> [Chunk] {
    index.nearest(to: chunk.passage, count: count + 1).map { chunks[$0] }
      .filter { $0.id != chunk.id }.prefix(count).map(\.self)
  }
}

extension SynthesisRun {
  /// Reads and cuts the documents.
  ///
  /// - Throws: ``SynthesisError`` where nothing can be read, or a passage with its prompt does not
  ///   fit the models.
  func material() async throws -> Material {
    guard kind.readsPassages else { return Material(chunks: [], notes: []) }
    let ingested = try await Ingest(personalData: personalData).documents(at: options.documents)
    let chunker = try Chunker(
      tokens: options.chunkTokens, overlap: options.chunkOverlap,
      tokenizer: reader.model.tokenizer)
    let holdOut = try HoldOut(
      documents: options.heldOutDocuments, chunks: options.heldOutChunks, seed: options.seed)
    // Twins go first: one of them in the exam and one in the training data would give it away.
    let cut = chunker.chunks(of: ingested.documents)
    let distinct = distinct(cut)
    let chunks = holdOut.split(distinct, with: chunker)
    try checkRoom(chunks)
    var notes = ingested.report.lines
    if distinct.count < cut.count {
      let left = cut.count - distinct.count
      notes.append(
        "\(left) \(left == 1 ? "passage" : "passages") much like an earlier one left out")
    }
    return Material(chunks: chunks, notes: notes)
  }

  /// The passages without those that are much like an earlier one, by the text that is their own.
  private func distinct(_ chunks: [Chunk]) -> [Chunk] {
    guard let similarity = options.passageSimilarity else { return chunks }
    var seen = SimilarSets(similarity: similarity)
    return chunks.filter { chunk in
      let runs = WordHashes.runs(of: chunk.ownText)
      if seen.match(runs) != nil { return false }
      seen.insert(runs)
      return true
    }
  }

  private var personalData: PersonalData? {
    switch options.personalData {
    case "mask": PersonalData(.mask)
    case "drop": PersonalData(.drop)
    default: nil
    }
  }

  /// Makes sure that the longest passage fits, with examples and all that is asked about it.
  private func checkRoom(_ chunks: [Chunk]) throws {
    guard let longest = chunks.max(by: { $0.tokenCount < $1.tokenCount }) else { return }
    let headings = reader.tokenCount(of: longest.headingPath)
    // Of each question a statement and what the teacher wrote, and what measuring adds.
    let room = (kind.questionCount + 1) * options.maximumTokens + kind.questionCount * 160
    let examples = reader.tokenCount(of: pipeline.examples)
    for (name, context, extra) in [
      (teacher.identity.name, teacher.contextLength, examples + room),
      (reader.identity.name, reader.contextLength, room),
    ] {
      guard let context, longest.tokenCount + headings + extra > context else { continue }
      throw SynthesisError(
        "chunks.tokens", place: longest.document,
        problem: "a passage of \(longest.tokenCount) tokens with about \(headings + extra) around "
          + "it does not fit the \(context) tokens that \(name) reads",
        advice: "set chunks.tokens to at most \(max(16, context - headings - extra))")
    }
  }
}
