import HoneFormats
import HoneText

/// What a run makes its candidates of: passages, and how they are related.
struct Material {
  /// The passages that training data may come from.
  let chunks: [Chunk]
  /// Those that none may come from.
  let heldOut: [Chunk]
  /// The tasks that a user gave as examples.
  let examples: [SeedTask]
  /// What is worth knowing about the documents.
  let notes: [String]
  /// The digest of all passages and examples.
  let digest: String
  private let index: BM25

  init(chunks: [Chunk], examples: [SeedTask] = [], notes: [String]) {
    self.chunks = chunks.filter { $0.split == .train }
    heldOut = chunks.filter { $0.split == .heldOut }
    self.examples = examples
    self.notes = notes
    digest = Digest.of(
      chunks.map { "\($0.id) \($0.split.rawValue)" } + examples.map { "example \($0.digest)" })
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
  /// Reads the examples, and reads and cuts the documents.
  ///
  /// - Throws: ``SynthesisError`` where nothing can be read, or a passage with its prompt does not
  ///   fit the models.
  func material() async throws -> Material {
    let examples = try examples()
    guard kind.readsPassages else {
      return Material(
        chunks: [], examples: examples,
        notes: kind.readsExamples ? ["\(examples.count) example tasks"] : [])
    }
    let ingested = try await Ingest(personalData: personalData).documents(at: options.documents)
    let chunker = try Chunker(
      tokens: options.chunkTokens, overlap: options.chunkOverlap,
      tokenizer: reader.model.tokenizer)
    let holdOut = try HoldOut(
      documents: options.heldOutDocuments, chunks: options.heldOutChunks, seed: options.seed)
    // Twins go first: one of them in the exam and one in the training data would give it away.
    let cut = chunker.chunks(of: ingested.documents)
    let distinct = try distinct(cut)
    let chunks = holdOut.split(distinct, with: chunker)
    try checkRoom(chunks)
    var notes = ingested.report.lines
    if distinct.count < cut.count {
      let left = cut.count - distinct.count
      notes.append(
        "\(left) \(left == 1 ? "passage" : "passages") much like an earlier one left out")
    }
    return Material(chunks: chunks, examples: examples, notes: notes)
  }

  /// The example tasks, where the pipeline reads any.
  private func examples() throws -> [SeedTask] {
    guard kind.readsExamples else { return [] }
    let examples = try SeedTasks.read(options.examples)
    guard examples.count >= SeedTasks.fewest else {
      throw SynthesisError(
        "examples", place: options.examples.joined(separator: ", "),
        problem: "\(examples.count) example \(examples.count == 1 ? "task" : "tasks") where "
          + "\(options.pipeline) needs at least \(SeedTasks.fewest)",
        advice: "add some that differ from one another")
    }
    try checkRoom(examples)
    return examples
  }

  /// Makes sure that the longest examples fit together, with a task and its answer after them.
  private func checkRoom(_ examples: [SeedTask]) throws {
    let longest = examples.map { reader.tokenCount(of: InstructionWriting.shown([$0])) }
      .sorted(by: >).prefix(InstructionWriting.shownExamples).reduce(0, +)
    let drawn = reader.tokenCount(of: DrawnValues(longestOf: options).lines)
    let room = 2 * options.maximumTokens + 160 + drawn
    guard let context = teacher.contextLength, longest + room > context else { return }
    throw SynthesisError(
      "examples", place: options.examples.joined(separator: ", "),
      problem: "the \(InstructionWriting.shownExamples) longest have \(longest) tokens, and with "
        + "about \(room) around them they do not fit the \(context) tokens that "
        + "\(teacher.identity.name) reads",
      advice: "shorten them, or lower teacher.max_tokens")
  }

  /// The passages without those that are much like an earlier one, by the text that is their own.
  private func distinct(_ chunks: [Chunk]) throws -> [Chunk] {
    guard let similarity = options.passageSimilarity else { return chunks }
    let seen = try SimilarSets(similarity: similarity)
    return try chunks.filter { chunk in
      let runs = WordHashes.runs(of: chunk.ownText)
      if try seen.match(runs) != nil { return false }
      try seen.insert(runs)
      return true
    }
  }

  /// Makes sure that the longest passage fits, with examples and all that is asked about it.
  private func checkRoom(_ chunks: [Chunk]) throws {
    guard let longest = chunks.max(by: { $0.tokenCount < $1.tokenCount }) else { return }
    let headings = reader.tokenCount(of: longest.headingPath)
    // Of each question a statement and what the teacher wrote, and what measuring adds.
    let room = (kind.questionCount + 1) * options.maximumTokens + kind.questionCount * 160
    let examples = reader.tokenCount(
      of: pipeline.examples + DrawnValues(longestOf: options).lines)
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
