import Testing

@testable import HoneSynthesis

@Suite struct StatementSelectionTests {
  private func texts(_ text: String) -> [String] {
    StatementSelection.statements(of: .sample(text)).map(\.text)
  }

  @Test func `a statement is one line, and its place is what stands there`() {
    let text = "  The spool lies in \"/var/mail\",\n  as all programs\n  expect.  \nNo.\n"
    let statements = StatementSelection.statements(of: .sample(text))
    #expect(statements.map(\.text) == ["The spool lies in \"/var/mail\", as all programs expect."])
    let bytes = Array(text.utf8)
    #expect(
      String(decoding: bytes[statements[0].range], as: UTF8.self)
        == "The spool lies in \"/var/mail\",\n  as all programs\n  expect.")
  }

  @Test func `marks of notes and items are no part of it`() {
    let rest = "Fonts are rebuilt by the script of each package."
    for mark in ["[9] ", "11. ", "(a) ", "- ", "  * ", "[2]\n    "] {
      let statements = StatementSelection.statements(of: .sample(mark + rest))
      #expect(statements.map(\.text) == [rest], "\(mark)")
      #expect(statements.first?.range == mark.utf8.count..<mark.utf8.count + rest.utf8.count)
    }
    #expect(texts("240 metres of pier are closed for the winter.").count == 1)
    #expect(texts("1871 was the year in which the pier was built.").count == 1)
  }

  @Test func `what leans on what stands around it is no answer`() {
    #expect(texts("However, the pier may be closed to all boats.") == [])
    #expect(texts("These boats must wait for the high water outside.") == [])
    #expect(texts("For example, boats may wait for high water outside.") == [])
    #expect(texts("Boats are moored as described above by the harbour master.") == [])
    #expect(texts("Boats that draw three metres wait for those that follow.").count == 1)
    #expect(texts("Below 15 per cent Bramble may not leave her berth.").count == 1)
  }
}
