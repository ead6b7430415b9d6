import HoneFormats
import Testing

@testable import HoneSynthesis

@Suite struct HardFiltersTests {
  private let chunk = Chunk.sample(
    "The pier opens at 7. It was built in 1,912 for 40.5 tonnes.", headings: ["Pier 3"])

  private func reason(_ filter: any Filter, _ question: String, _ answer: String) -> String {
    filter.judge(.sample(question, answer, of: chunk), in: FilterContext(chunk: chunk)).reason
  }

  @Test func `a number must stand in the source or the question`() {
    let filter = NumbersInSource()
    #expect(reason(filter, "When was it built?", "In 1912, at pier 3.") == "")
    #expect(reason(filter, "Is it open at 9?", "Not at 9.") == "")
    #expect(
      reason(filter, "When was it built?", "In 1921.")
        == "the answer's 1921 is not in the source")
    #expect(NumbersInSource.numbers(in: "7, 8 and 1,200,000.5") == ["7", "8", "1200000", "5"])
  }

  @Test func `a question must be understood without the text`() {
    let filter = SelfContained()
    #expect(reason(filter, "When does the pier open?", "At 7.") == "")
    #expect(
      reason(filter, "What does the text say, above all?", "At 7.")
        == "the question says \"the text\"")
    // Not within words.
    #expect(reason(filter, "What does the textile hall sell?", "Cloth.") == "")
  }

  @Test func `a question that says what its answer says is rejected`() {
    let filter = GivesAway()
    let answer = "The crossing to Saint Orrin takes an hour and a half."
    #expect(
      reason(filter, "Which crossing to Saint Orrin takes an hour and a half?", answer)
        == "100 % of the answer's words stand in the question")
    #expect(reason(filter, "How long is the crossing to Saint Orrin?", answer) == "")
    // Of so few words nothing can be told.
    #expect(reason(filter, "Is it open at seven?", "Open at seven.") == "")
    let task = SynthesisRecord(
      .instruction(
        instruction: "Correct the sentence: the crossing takes half an hour.", input: "",
        output: "The crossing takes half an hour."),
      provenance: Provenance(recipe: "instructions", step: "answer"))
    #expect(filter.judge(task, in: FilterContext()).passes)
  }

  @Test func `what goes round in circles is rejected`() {
    let filter = Repetition()
    #expect(reason(filter, "When?", "The pier opens at seven and closes at ten.") == "")
    let circles = String(repeating: "it opens at seven and ", count: 6)
    #expect(reason(filter, "When?", circles).contains("of the answer repeats"))
  }

  @Test func `neither nothing nor pages are an answer`() {
    let filter = Length()
    #expect(reason(filter, "When?", "At 7.") == "")
    #expect(reason(filter, "When?", "...") == "the answer has 0 words, expected 1 to 400")
    let pages = String(repeating: "word ", count: 401)
    #expect(reason(filter, "When?", pages) == "the answer has 401 words, expected 1 to 400")
  }

  @Test func `a passage that a record was made of is no question`() {
    let text = String(repeating: "This document says the same, as the text above. ", count: 30)
    func record(_ values: [JSONValue]) -> SynthesisRecord {
      SynthesisRecord(
        .extraction(text: text, record: .object(JSONObject([("boats", .array(values))]))),
        provenance: Provenance(recipe: "extraction", step: "extract"))
    }
    func reason(_ filter: any Filter, _ values: [JSONValue]) -> String {
      filter.judge(record(values), in: FilterContext(chunk: chunk)).reason
    }
    for filter in HardFilters.all { #expect(reason(filter, [.string("Aster"), .number(7)]) == "") }
    #expect(reason(Length(), []) == "the answer has 0 words, expected 1 to 400")
    let circles = Array(repeating: JSONValue.string("the ferry Aster of Lorn"), count: 6)
    #expect(reason(Repetition(), circles).contains("of the answer repeats"))
  }

  @Test func `a preference is judged by its better answer, and both are of some length`() {
    func record(_ rejected: String) -> SynthesisRecord {
      SynthesisRecord(
        .preference(
          prompt: [Turn(.user, "When does the pier open?")], chosen: "The pier opens at 7.",
          rejected: rejected), provenance: Provenance(recipe: "preferences", step: "pair"))
    }
    let context = FilterContext(chunk: chunk)
    for filter in HardFilters.all {
      #expect(filter.judge(record("Jan Aalto opens it at 9."), in: context).reason == "")
    }
    #expect(!Length().judge(record(""), in: context).passes)
    let circles = String(repeating: "it opens at seven and ", count: 6)
    #expect(!Repetition().judge(record(circles), in: context).passes)
  }

  @Test func `each has a name of its own and says why it rejects`() {
    #expect(Set(HardFilters.names).count == HardFilters.all.count)
    #expect(HardFilters.all.allSatisfy { $0.reason.hasSuffix(".") })
  }
}
