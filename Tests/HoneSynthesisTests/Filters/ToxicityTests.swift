import Foundation
import Testing

@testable import HoneSynthesis

@Suite struct ToxicityTests {
  private let chunk = Chunk.sample("The dog show has a class for a bitch in whelp. It opens at 7.")

  private func verdict(
    _ answer: String, _ question: String = "When?", by filter: Toxicity = Toxicity()
  ) -> Verdict {
    filter.judge(.sample(question, answer, of: chunk), in: FilterContext(chunk: chunk))
  }

  @Test(arguments: [
    "It opens at 7, you fucking fool.", "F*ck off, it opens at 7. SHIT!",
    "What a bunch of @ssholes.",
    "You should die.", "It's closed, go kill yourself.",
  ]) func `what insults or threatens is rejected, with how surely`(answer: String) {
    let verdict = verdict(answer)
    #expect(!verdict.passes && verdict.reason.hasSuffix("of the lists"))
    #expect(verdict.value.map { $0 >= 0.5 } == true && verdict.threshold == 0.5)
  }

  @Test(arguments: [
    "It opens at 7.", "The pier at Scunthorpe shuts at dusk; a cocktail is 4.50.",
    "There is a class for a bitch in whelp.", "The shuttle assists passengers.",
  ]) func `neither parts of words nor what the document says are toxic`(answer: String) {
    #expect(verdict(answer).passes)
  }

  @Test func `one rude word passes with its weight, several do not`() {
    let once = verdict("A stupid question.")
    #expect(once.passes && once.value.map { abs($0 - 0.3) < 1e-9 } == true)
    #expect(verdict("A stupid question. A stupid one.").passes)
    #expect(!verdict("A stupid question, you moron.").passes)
    #expect(!verdict("At 7.", "When does this crap open, idiot?").passes)
  }

  @Test func `a user's own list comes on top and wins`() throws {
    let folder = try Folder()
    let path = try folder.write(
      Array("# ours\nlubber\t0.6\nbilge  rat\nstupid\t0\n\nfool\t0.25\r\n".utf8), to: "words.txt")
    let filter = Toxicity(try ToxicWords(paths: [path]))
    #expect(!verdict("You lubber.", by: filter).passes)
    #expect(verdict("Said the Bilge-Rat: bilge rat!", by: filter).value == 1)
    #expect(verdict("Stupid fool.", by: filter).value.map { abs($0 - 0.25) < 1e-9 } == true)
    #expect(!verdict("Shit.", by: filter).passes)
  }

  @Test func `a list that is none is refused, with the line`() throws {
    let folder = try Folder()
    for (text, place) in [
      ("fool\t2\n", "line 1"), ("fool\n\nrat\tmuch\n", "line 3"), ("...\t1\n", "line 1"),
      ("a\t1\tb\n", "line 1"),
    ] {
      let path = try folder.write(Array(text.utf8), to: "words.txt")
      let error = #expect(throws: SynthesisError.self) { try ToxicWords(paths: [path]) }
      #expect(error?.place == "\(path): \(place)")
    }
    #expect(throws: SynthesisError.self) { try ToxicWords(paths: ["\(folder.path)/none.txt"]) }
    let bytes = try folder.write([0xff, 0xfe, 0], to: "bytes.txt")
    #expect(throws: SynthesisError.self) { try ToxicWords(paths: [bytes]) }
  }
}
