/// Where a record came from: enough to make it again.
package struct Provenance: Equatable, Sendable {
  /// The passage that it was made of.
  package struct Source: Equatable, Sendable {
    package var document: String
    package var documentDigest: String
    package var chunk: String
    package var headings: [String]
    /// Where the answer stands, in bytes of the document's text; nil when it is not a span.
    package var span: Range<Int>?

    package init(_ chunk: Chunk, span: Range<Int>? = nil) {
      self.init(
        document: chunk.document, documentDigest: chunk.documentDigest, chunk: chunk.id,
        headings: chunk.headings, span: span)
    }

    package init(
      document: String, documentDigest: String, chunk: String, headings: [String],
      span: Range<Int>?
    ) {
      self.document = document
      self.documentDigest = documentDigest
      self.chunk = chunk
      self.headings = headings
      self.span = span
    }
  }

  /// Who wrote it.
  package struct Teacher: Equatable, Sendable {
    /// The model's name, or the endpoint's host and model.
    package var name: String
    /// The SHA-256 of the weights; empty where an endpoint does not tell.
    package var checksum: String
    /// The SHA-256 of the adapter, when there is one.
    package var adapterChecksum: String?

    package init(name: String, checksum: String, adapterChecksum: String? = nil) {
      self.name = name
      self.checksum = checksum
      self.adapterChecksum = adapterChecksum
    }
  }

  /// The recipe's name and the step of it.
  package var recipe: String
  package var step: String
  /// The records that it was made of: the draft of a revision, both answers of a pair.
  package var parents: [String]
  package var source: Source?
  /// The digest of the prompt as the teacher read it; empty when no teacher was asked.
  package var promptDigest: String
  package var teacher: Teacher?
  /// The seed of the very call, and which attempt at this place it was, from 0.
  package var seed: UInt64
  package var attempt: Int

  package init(
    recipe: String, step: String, parents: [String] = [], source: Source? = nil,
    promptDigest: String = "", teacher: Teacher? = nil, seed: UInt64 = 0, attempt: Int = 0
  ) {
    self.recipe = recipe
    self.step = step
    self.parents = parents
    self.source = source
    self.promptDigest = promptDigest
    self.teacher = teacher
    self.seed = seed
    self.attempt = attempt
  }
}
