import Testing

@testable import HoneSynthesis

@Suite struct FocusTests {
  private func foci(_ statement: String) -> [String] { Focus.all(in: statement).map(\.text) }

  @Test func `numbers have their units, times and years their own questions`() {
    #expect(foci("The depth at berth 3 is 5.8 metres.") == ["3", "5.8 metres"])
    #expect(
      Focus.all(in: "The first ferry leaves at 6:10, every day.")
        == [Focus(text: "6:10", openings: ["When", "At what time"])])
    #expect(
      Focus.all(in: "The pier was built in 1871 by the town.").first?.openings.first == "When")
    #expect(foci("It is held every two weeks.") == ["two weeks"])
  }

  @Test func `names are those inside a sentence, whole, and each once`() {
    #expect(
      foci("It was won by Captain Tomas Brandt, not by Leonie Farr or Captain Tomas Brandt.")
        == ["Captain Tomas Brandt", "Leonie Farr"])
    #expect(foci("Money is counted. Nobody sees it.") == ["counted Nobody sees it"])
    #expect(
      Focus.all(in: "Fuel comes by lorry on Mondays.").first
        == Focus(text: "Mondays", openings: ["When", "On which day"]))
  }

  @Test func `what stands in quotes is asked for whole, where it is short`() {
    #expect(foci("Mail is kept in \"/var/mail\", never elsewhere.") == ["/var/mail"])
    #expect(
      Focus.all(in: "A script starts with `set -e` (or “set -eu”).")
        == ["set -e", "set -eu"].map { Focus(text: $0, openings: ["Which", "What"]) })
    #expect(foci("He said \"that it is not so at all today\".") == ["so at all today"])
    #expect(foci("The mark \" is kept.") == ["mark is kept"])
  }

  @Test func `without either the end of the statement is asked for`() {
    #expect(
      foci("Engines are switched off as soon as the wheel chocks are set.") == [
        "wheel chocks are set"
      ])
  }

  @Test func `a question that says what it asks for is known`() {
    let focus = Focus(text: "5.8 metres", openings: [])
    #expect(focus.isGiven(away: "Is the depth 5.8 metres at berth 3?"))
    #expect(!focus.isGiven(away: "How many metres deep is berth 3?"))
    #expect(!Focus(text: "ten", openings: []).isGiven(away: "How often is it shut?"))
  }

  @Test(arguments: [
    ("Bookings are taken by Ida Lunt.", "Ida Lunt", "Who"),
    ("They rely on the Window System for this.", "Window System", "What"),
    ("It is decided by DFSG rules.", "DFSG", "What"),
    ("The ferry leaves from Lorn at ten.", "Lorn", "Where"),
  ])
  func `a question after a name begins as what it may name`(
    statement: String, text: String, opening: String
  ) {
    let focus = Focus.all(in: statement).first { $0.text == text }
    #expect(focus?.openings.first == opening)
  }
}
