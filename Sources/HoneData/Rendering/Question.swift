/// An example as something to ask a model.
package struct Question: Sendable {
  /// What a person reads: the last message, or the prompt.
  package var text: String
  /// What the model reads.
  package var ids: [Int32]
  package var answer: String
  /// What a right answer contains, where the data says so under `expects`.
  package var expects: [String] = []
  /// Whether the data marks it as having no answer: `"fact": "unknown"`.
  package var isUnanswerable = false

  package init(text: String, ids: [Int32], answer: String) {
    self.text = text
    self.ids = ids
    self.answer = answer
  }
}
