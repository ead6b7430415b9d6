import HoneFormats

/// Everything that a run of synthesis is told.
package struct SynthesisOptions: Sendable {
  package enum Prompting: String, Sendable {
    /// The teacher goes on with a text of examples.
    case completion
    /// The teacher is asked in a conversation.
    case chat
  }

  package enum Exhaustion: String, Sendable { case partial, fail }

  package var pipeline: String
  package var documents: [String]
  package var examples: [String]
  /// The file of the JSON Schema; nil where none is set.
  package var schema: String?
  package var output: String
  package var seed: UInt64
  package var teacherModel: String
  /// Where the teacher answers; nil for a model of this machine.
  package var endpoint: Endpoint?
  package var prompting: Prompting
  package var temperature: Double
  package var topP: Double
  package var maximumTokens: Int
  package var compute: String
  package var readerModel: String?
  package var personalData: String
  /// What pseudonyms of personal data are made with; no recipe holds it.
  package var pseudonymKey: String?
  package var chunkTokens: Int
  package var chunkOverlap: Int
  package var heldOutDocuments: Double
  package var heldOutChunks: Double
  /// The values that each sampler draws of, of those that are set.
  package var samplers: [Sampler: [String]]
  package var hardFilters: [String]
  /// Files of words that are toxic, beside the built-in ones.
  package var toxicWords: [String]
  package var likelihoodFilters: [LikelihoodFilter]
  package var falseAcceptRate: Double
  package var controlCount: Int
  package var neighbourCount: Int
  package var thresholds: [String: Double]
  package var similarity: Double
  /// The share of different requests that telling paraphrases costs; nil where none are told.
  package var paraphraseCost: Double?
  package var passageSimilarity: Double?
  package var exams: [String]
  package var accepted: Int
  package var budget: Int
  package var exhaustion: Exhaustion
  package var perChunk: Int?

  /// Takes a recipe's values, which are checked one by one already.
  package init(top: SettingValues, sections: [String: SettingValues], output: String) throws {
    func section(_ name: String) throws -> SettingValues {
      if let values = sections[name] { return values }
      let settings = SynthesisSettings.sections.first { $0.name == name }?.settings ?? []
      return try SettingValues(settings, of: name)
    }
    let teacher = try section("teacher")
    let reader = try section("reader")
    let chunks = try section("chunks")
    let holdOut = try section("hold_out")
    let sampling = try section("samplers")
    let filters = try section("filters")
    let duplicates = try section("duplicates")
    let target = try section("target")
    pipeline = top.text("pipeline")
    documents = top.names("documents")?.all ?? []
    examples = top.names("examples")?.all ?? []
    schema = top.optionalText("schema")
    self.output = output
    seed = UInt64(top.integer("seed"))
    teacherModel = teacher.text("model")
    if let address = teacher.optionalText("url") { endpoint = try Endpoint(address) }
    prompting = Prompting(rawValue: teacher.text("prompting")) ?? .completion
    temperature = teacher.number("temperature")
    topP = teacher.number("top_p")
    maximumTokens = teacher.integer("max_tokens")
    compute = teacher.text("compute")
    readerModel = reader.optionalText("model")
    personalData = try section("ingest").text("personal_data")
    chunkTokens = chunks.integer("tokens")
    chunkOverlap = chunks.integer("overlap")
    heldOutDocuments = holdOut.number("documents")
    heldOutChunks = holdOut.number("chunks")
    samplers = Sampler.allCases.reduce(into: [:]) {
      $0[$1] = sampling.names($1.rawValue)?.all
    }
    hardFilters = filters.names("hard")?.all ?? []
    toxicWords = filters.names("toxic_words")?.all ?? []
    likelihoodFilters = Self.filters(filters.names("likelihood")?.all ?? [])
    falseAcceptRate = filters.number("false_accept_rate")
    controlCount = filters.integer("controls")
    neighbourCount = filters.integer("neighbours")
    thresholds = Dictionary(
      filters.numbersByName("thresholds").map { ($0.name, $0.value) },
      uniquingKeysWith: { $1 })
    similarity = duplicates.number("similarity")
    paraphraseCost = duplicates.optionalNumber("paraphrases")
    passageSimilarity = duplicates.optionalNumber("passages")
    exams = duplicates.names("against")?.all ?? []
    accepted = target.integer("accepted")
    budget = target.optionalInteger("budget") ?? accepted * 20
    exhaustion = Exhaustion(rawValue: target.text("on_exhausted")) ?? .partial
    perChunk = target.optionalInteger("per_chunk")
  }

  /// Everything that changes what is made, in words.
  package var digestText: String {
    let filters = likelihoodFilters.map(\.name).joined(separator: ",")
    let lines = thresholds.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let drawn = Sampler.allCases.compactMap { sampler in
      samplers[sampler].map { "\(sampler.rawValue) \($0)" }
    }
    let parts = [
      pipeline, "seed \(seed)", "prompting \(prompting.rawValue)", "temperature \(temperature)",
      "top_p \(topP)", "max_tokens \(maximumTokens)", "personal_data \(personalData)",
      "chunks \(chunkTokens)/\(chunkOverlap)", "hold_out \(heldOutDocuments)/\(heldOutChunks)",
      "hard \(hardFilters.joined(separator: ","))", "likelihood \(filters)",
      "false_accept_rate \(falseAcceptRate)", "controls \(controlCount)",
      "neighbours \(neighbourCount)", "thresholds \(lines.joined(separator: ","))",
      "similarity \(similarity)",
      "passages \(passageSimilarity.map(\.description) ?? "none")",
      "against \(exams.joined(separator: ","))",
      "accepted \(accepted)", "budget \(budget)",
      "per_chunk \(perChunk.map(String.init) ?? "even")",
    ]
    // Not named where there are none, as it was before there were such settings.
    let likeness = paraphraseCost.map { ["paraphrases \($0)"] } ?? []
    let key = pseudonymKey.map { ["pseudonyms \(Digest.of(Array($0.utf8)))"] } ?? []
    return (parts + drawn + likeness + key).joined(separator: "; ")
  }

  private static func filters(_ names: [String]) -> [LikelihoodFilter] {
    if names == ["all"] { return LikelihoodFilter.all }
    return LikelihoodFilter.all.filter { names.contains($0.name) }
  }
}
