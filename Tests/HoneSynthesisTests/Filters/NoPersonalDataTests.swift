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

  @Test func `it is not asked where documents keep their personal data`() throws {
    func names(_ chosen: [String], _ personalData: String) throws -> [String] {
      try HardFilters.chosen(chosen, personalData: personalData).map(\.name)
    }
    #expect(try names(["all"], "mask") == HardFilters.names)
    #expect(try names(["all"], "drop") == HardFilters.names)
    #expect(try names(["all"], "keep") == HardFilters.names.filter { $0 != "personal_data" })
    #expect(try names(["personal_data", "length"], "mask") == ["length", "personal_data"])
    #expect(try names(["none"], "mask") == [])
  }

  @Test func `pseudonyms are made with a key that no recipe holds`() throws {
    let bench = try PipelineBench("domain-qa") { _ in .said("") }
    var options = bench.options
    options.personalData = "pseudonymise"
    for (key, says) in [(nil, "is not set"), ("short", "has 5 characters, expected 16 or more")] {
      options.pseudonymKey = key
      let error = #expect(throws: SynthesisError.self) { try PersonalData(options) }
      #expect(error?.problem.hasSuffix("HONE_PSEUDONYM_KEY \(says)") == true)
    }
    func treated(_ text: String, _ key: String) throws -> String {
      options.pseudonymKey = key
      return try #require(try PersonalData(options)).treated(text).text
    }
    let (text, key) = ("Ask ada@lorn.example or ADA@lorn.example.", "sixteen letters.")
    let words = try treated(text, key).split(separator: " ")
    #expect(words[1].hasPrefix("[email-") && words[3] == "\(words[1]).")
    #expect(try treated(text, key) == treated(text, key))
    #expect(try treated(text, key) != treated(text, "sixteen letters!"))
    #expect(try treated("Ask bo@lorn.example.", key) != "Ask \(words[1]).")
    // Another key makes other data, so a run cannot go on with it.
    options.pseudonymKey = key
    let digest = options.digestText
    #expect(!digest.contains(key))
    options.pseudonymKey = "sixteen letters!"
    #expect(options.digestText != digest)
    // A pseudonym is not taken for personal data itself.
    #expect(reason(.sample("Whom do I ask?", try treated(text, key))) == "")
  }
}
