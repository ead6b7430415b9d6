/// All places where candidates can be made, in one order that nothing but the documents and the
/// options decide.
///
/// Passage by passage, a few candidates each, so that what is asked of a passage is asked together;
/// then again with the next statements, then with other attempts. Where nothing is read there is no
/// end of places: the run's budget is the end.
struct SlotSequence: Sequence, IteratorProtocol {
  /// How often the same statement is tried, each time for another part of it or in another way.
  private static let attempts = 12

  /// nil where nothing is read.
  private let chunks: [Chunk]?
  /// How many candidates of a passage follow one another.
  private let perVisit: Int
  private let statements: (Chunk) -> [Statement?]
  private var visit = 0
  private var chunk = 0
  private var waiting: [Slot] = []
  private var count = 0
  private var gaveAny = false

  init(chunks: [Chunk], perVisit: Int, statements: @escaping (Chunk) -> [Statement?]) {
    self.chunks = chunks
    self.perVisit = perVisit
    self.statements = statements
  }

  /// Places without passages.
  init() {
    chunks = nil
    perVisit = 0
    statements = { _ in [] }
  }

  mutating func next() -> Slot? {
    guard let chunks else {
      defer { count += 1 }
      return Slot(attempt: 0, index: count)
    }
    while waiting.isEmpty {
      if chunk == chunks.count {
        guard gaveAny else { return nil }
        (visit, chunk, gaveAny) = (visit + 1, 0, false)
      }
      let places = statements(chunks[chunk])
      let first = visit * perVisit
      // All statements once before any is tried again.
      let last = Swift.min(first + perVisit, places.count * Self.attempts)
      if first < last {
        waiting = (first..<last).map { position in
          Slot(
            chunk: chunks[chunk], statement: places[position % places.count],
            attempt: position / places.count)
        }
        gaveAny = true
      }
      chunk += 1
    }
    var slot = waiting.removeFirst()
    slot.index = count
    count += 1
    return slot
  }
}
