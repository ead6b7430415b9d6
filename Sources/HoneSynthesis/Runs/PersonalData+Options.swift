extension PersonalData {
  /// The variable of the environment that holds the key of pseudonyms.
  package static let keyVariable = "HONE_PSEUDONYM_KEY"
  /// A shorter key could be found by trying all.
  private static let shortestKey = 16

  /// What a recipe does about it; nil where it keeps it.
  ///
  /// - Throws: ``SynthesisError`` where pseudonyms are wanted without a key to make them with.
  init?(_ options: SynthesisOptions) throws {
    switch options.personalData {
    case "mask": self.init(.mask)
    case "drop": self.init(.drop)
    case "pseudonymise":
      let key = options.pseudonymKey ?? ""
      guard key.count >= Self.shortestKey else {
        throw SynthesisError(
          "ingest.personal_data",
          problem: "is pseudonymise, and \(Self.keyVariable) "
            + (key.isEmpty
              ? "is not set"
              : "has \(key.count) characters, expected \(Self.shortestKey) or more"),
          advice:
            "set it in the environment to a long random text and keep that: the same key gives the "
            + "same pseudonyms")
      }
      self.init(.pseudonymise(key: key))
    default: return nil
    }
  }
}
