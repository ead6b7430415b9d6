/// What was found when something was checked: one line for people.
package struct Finding: Equatable, Sendable {
  package enum State: String, Sendable {
    case good = "ok"
    /// Works, but something is slower, unavailable or worth knowing.
    case odd = "note"
    /// Does not work.
    case bad = "fault"
  }

  package var subject: String
  package var state: State
  package var detail: String

  package init(subject: String, state: State = .good, detail: String) {
    self.subject = subject
    self.state = state
    // Errors over several lines become one.
    self.detail = detail.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
