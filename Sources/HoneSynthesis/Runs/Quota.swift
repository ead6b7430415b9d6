/// How many of a passage may still be accepted, so that no passage fills the set alone.
struct Quota {
  private let limit: Int
  private var taken: [String: Int] = [:]

  /// An even share and a half each where the recipe does not say.
  init(_ options: SynthesisOptions, passages: Int) {
    limit =
      options.perChunk ?? max(1, (options.accepted * 3 + 2 * passages - 1) / max(1, 2 * passages))
  }

  func hasRoom(_ chunk: Chunk?) -> Bool {
    chunk.map { taken[$0.id, default: 0] < limit } ?? true
  }

  mutating func take(_ chunk: Chunk?) {
    if let chunk { taken[chunk.id, default: 0] += 1 }
  }
}
