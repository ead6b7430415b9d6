import HoneFormats
import Testing

@testable import HoneSynthesis

@Suite struct NamesInSourceTests {
  private let chunk = Chunk.sample(
    "Mette Olsen's yard in Lorn paints hulls for the coastal service NVK.",
    headings: ["Old-Pier Handbook"])

  private func reason(_ question: String, _ answer: String) -> String {
    NamesInSource().judge(.sample(question, answer, of: chunk), in: FilterContext(chunk: chunk))
      .reason
  }

  @Test(arguments: [
    "Hulls are painted by Mette Olsen.", "In Lorn. Nobody else does it.", "By METTE OLSEN’s yard.",
    "The Old-Pier yard does, and so does the Pier-Yard.", "So I'm told, and I agree.",
    "It is Aunt Ada, as you say.", "1998, at 7:40.", "",
  ])
  func `names of the passage or the question are good, as are first words`(answer: String) {
    #expect(reason("Does Aunt Ada know who paints hulls?", answer) == "")
  }

  @Test(arguments: [
    ("Hulls are painted by Mette Jansen.", "Jansen"), ("The yard is in Oslo.", "Oslo"),
    ("NASA paints them.", "NASA"), ("It is the Lorn-Oslo line.", "Lorn-Oslo"),
  ])
  func `a name that neither has is told`(answer: String, name: String) {
    #expect(reason("Who paints hulls?", answer) == "the answer's \"\(name)\" is not in the source")
  }

  @Test func `nouns with capitals are looked up in the passage`() {
    let chunk = Chunk.sample("Die Fähre legt im Hafen an.")
    func reason(_ answer: String) -> String {
      NamesInSource().judge(
        .sample("Wo legt die Fähre an?", answer, of: chunk), in: FilterContext(chunk: chunk)
      ).reason
    }
    #expect(reason("Die Fähre legt im Hafen an.") == "")
    #expect(reason("Sie legt am Bahnhof an.") == "the answer's \"Bahnhof\" is not in the source")
  }

  @Test func `records are not judged by the names of their members`() {
    let record = SynthesisRecord(
      .extraction(text: "a", record: .object(JSONObject([("Yard Name", .string("Of Mars"))]))),
      provenance: Provenance(recipe: "extraction", step: "extract"))
    #expect(NamesInSource().judge(record, in: FilterContext(chunk: chunk)).passes)
  }
}
