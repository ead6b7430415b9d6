import Testing

@testable import HoneSynthesis

@Suite struct NoPersonalDataTests {
  private func reason(_ record: SynthesisRecord) -> String {
    NoPersonalData().judge(record, in: FilterContext()).reason
  }

  @Test func `a record with an address or a number of a person is rejected`() {
    #expect(reason(.sample("Whom do I ask?", "Ask ada@lorn.example.")) == "it has e-mail addresses")
    #expect(reason(.sample("Whose is +47 22 12 34 56?", "Ada's.")).hasPrefix("it has "))
    #expect(
      reason(.sample("Which account?", "GB82 WEST 1234 5698 7654 32.")) == "it has bank accounts")
    #expect(reason(.sample("Whom do I ask?", "Ask [email], at pier 3, from 7 to 9.")) == "")
  }

  @Test func `the worse answer of a preference counts too`() {
    let record = SynthesisRecord(
      .preference(
        prompt: [Turn(.user, "Whom do I ask?")], chosen: "Ada.", rejected: "ada@lorn.example."),
      provenance: Provenance(recipe: "preferences", step: "pair"))
    #expect(reason(record) == "it has e-mail addresses")
  }

  @Test func `it is not asked where documents keep their personal data`() {
    func names(_ chosen: [String], _ personalData: String) -> [String] {
      HardFilters.chosen(chosen, personalData: personalData).map(\.name)
    }
    #expect(names(["all"], "mask") == HardFilters.names)
    #expect(names(["all"], "drop") == HardFilters.names)
    #expect(names(["all"], "keep") == HardFilters.names.filter { $0 != "personal_data" })
    #expect(names(["personal_data", "length"], "mask") == ["length", "personal_data"])
    #expect(names(["none"], "mask") == [])
  }
}
