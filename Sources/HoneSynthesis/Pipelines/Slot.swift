/// A place where one candidate is to be made: everything that decides what it becomes.
package struct Slot: Equatable, Sendable {
  /// What the candidate is made of; nil where nothing is read.
  package var chunk: Chunk?
  /// The statement of the chunk that the answer is; nil where the pipeline chooses none.
  package var statement: Statement?
  /// Which try at this place it is, from 0.
  package var attempt: Int
  /// Which of all slots it is, from 0: what samplers draw by.
  package var index: Int

  package init(chunk: Chunk? = nil, statement: Statement? = nil, attempt: Int, index: Int = 0) {
    self.chunk = chunk
    self.statement = statement
    self.attempt = attempt
    self.index = index
  }

  /// A name of the place, the same in every run.
  package var place: String {
    "\(chunk?.id ?? "")/\(statement.map { "\($0.range.lowerBound)" } ?? "")"
  }
}

/// A stretch of a chunk that can be an answer.
package struct Statement: Equatable, Sendable {
  package var text: String
  /// Where it stands, in bytes of the document's text.
  package var range: Range<Int>

  package init(text: String, range: Range<Int>) {
    self.text = text
    self.range = range
  }
}
