import Foundation
import HoneFormats
import HoneSynthesis
import Testing

@testable import HoneRecipes

@Suite struct SynthesisCatalogTests {
  private static let folder: String = {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    return "\(url.path)/Sources/HoneCatalog/SynthesisCatalog"
  }()

  /// A shipped recipe stands as it would be written, with every key explained. `HONE_RECORD=1` writes
  /// it anew after a change of the settings.
  @Test(arguments: RecipeCatalog.synthesis.map(\.name))
  func `each shipped recipe has every key, explained`(name: String) throws {
    let path = "\(Self.folder)/\(name).yaml"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let heading = text.split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { $0.hasPrefix("#") }.map { $0.dropFirst(2) }.joined(separator: "\n")
    let recipe = try SynthesisRecipe(parsing: text, file: path, folder: "/here")
    let written = recipe.text(heading: heading, relativeTo: "/here")
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try Data(written.utf8).write(to: URL(fileURLWithPath: path))
    } else {
      #expect(text == written, "HONE_RECORD=1 writes it anew")
    }
  }

  @Test func `every file of the catalogue is listed, with what it is for`() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    #expect(Set(files) == Set(RecipeCatalog.synthesis.map { "\($0.name).yaml" }))
    for entry in RecipeCatalog.synthesis { #expect(entry.summary.hasSuffix("."), "\(entry.name)") }
  }

  private func faults(_ text: String) -> String? {
    let error = #expect(throws: RecipeError.self) {
      try SynthesisRecipe(parsing: text, file: "recipe.yaml", folder: "/here")
    }
    return error?.description
  }

  @Test func `all faults of a recipe are told at once, with their lines and what was meant`() {
    let text = """
      pipeline: domain-q
      document: docs
      teacher: {temperture: 1}
      filters:
        likelihood: [open_bok, ifd]
        thresholds: {round_trp: 0.5}
      target: {accepted: none}
      """
    #expect(
      faults(text) == """
        recipe.yaml has 6 faults:
          recipe.yaml:1:11: pipeline is "domain-q", expected one of domain-qa, open-book, exam, \
        preferences, extraction, conversations, instructions, style, self-replay, or none; did you mean \
        domain-qa?
          recipe.yaml:2:1: document is not a key of a recipe of synthesis; did you mean documents?
          recipe.yaml:3:11: teacher.temperture is not a key of teacher; did you mean temperature?
          recipe.yaml:5:15: filters.likelihood has "open_bok", which is no filter; did you mean \
        open_book?
          recipe.yaml:6:16: filters.thresholds.round_trp is not a key of filters.thresholds; did you \
        mean round_trip?
          recipe.yaml:7:20: target.accepted is "none", expected an integer from 1 to 10000000
        """)
  }

  @Test func `documents are needed where passages are read`() {
    #expect(
      faults("pipeline: domain-qa\n") == """
        recipe.yaml:1:1: documents is not set; name the files or folders that domain-qa reads
        """)
  }

  @Test func `examples are needed where tasks are made after them`() {
    #expect(
      faults("pipeline: style\n") == """
        recipe.yaml:1:1: examples is not set; name the files of example tasks that style starts from
        """)
    #expect(
      faults("pipeline: self-replay\nfilters: {likelihood: [grounding]}\n") == """
        recipe.yaml:2:23: filters.likelihood does not fit self-replay: grounding needs passage; the \
        steps before it give answer, question; leave it out
        """)
  }

  @Test(arguments: ["none", "[ifd]"])
  func `a recipe without documents reads with filters that need none`(filters: String) throws {
    let recipe = try SynthesisRecipe(
      parsing: """
        pipeline: instructions
        examples: tasks.jsonl
        filters: {likelihood: \(filters)}
        """, file: "recipe.yaml", folder: "/here")
    #expect(recipe.options.examples == ["/here/tasks.jsonl"])
    #expect(recipe.options.documents.isEmpty)
  }

  @Test func `paraphrases are told where questions are made of passages, and only when asked for`()
    throws
  {
    let text = "pipeline: domain-qa\ndocuments: docs\n"
    func recipe(_ text: String) throws -> SynthesisRecipe {
      try SynthesisRecipe(parsing: text, file: "recipe.yaml", folder: "/here")
    }
    #expect(try recipe(text).options.paraphraseCost == nil)
    let told = try recipe("\(text)duplicates: {paraphrases: 0.05}\n")
    #expect(told.options.paraphraseCost == 0.05)
    #expect(try recipe(told.text).options.digestText == told.options.digestText)
    #expect(
      faults("pipeline: self-replay\nduplicates: {paraphrases: 0.05}\n") == """
        recipe.yaml:2:27: duplicates.paraphrases does not fit self-replay: paraphrases needs passage; \
        the steps before it give answer, question; leave it out
        """)
    // Whoever writes, the embeddings are those of a model of this machine.
    #expect(
      faults(
        """
        \(text)teacher: {url: "http://localhost:8080/v1", model: large}
        duplicates: {paraphrases: 0.05}
        """)?.contains("reader.model is not set; name a model of this machine") == true)
  }

  @Test func `an endpoint needs its model's name and a judge on this machine`() {
    let text = """
      pipeline: domain-qa
      documents: docs
      teacher:
        url: https://me:secret@example.com/v1
      """
    #expect(
      faults(text) == """
        recipe.yaml has 3 faults:
          recipe.yaml:4:3: teacher.model is not set; name the model as the endpoint does
          recipe.yaml:4:8: teacher.url holds a user's name or password; leave it out, and set \
        HONE_TEACHER_KEY in the environment
          recipe.yaml:4:8: reader.model is not set; name a model of this machine, which judges what \
        the endpoint writes
        """)
  }

  @Test func `an endpoint's name of a model stays as it is`() throws {
    let text = """
      pipeline: domain-qa
      documents: docs
      teacher: {url: "http://localhost:8080/v1", model: "owner/model:8b"}
      reader: {model: judge.gguf}
      """
    let recipe = try SynthesisRecipe(parsing: text, file: "recipe.yaml", folder: "/here")
    #expect(recipe.teacherName == "owner/model:8b")
    #expect(recipe.readerName == "/here/judge.gguf")
    #expect(recipe.options.endpoint?.address == "http://localhost:8080/v1")
    let again = try SynthesisRecipe(parsing: recipe.text, file: "recipe.yaml", folder: "/other")
    #expect(again.text == recipe.text)
    let local = try SynthesisRecipe(
      parsing: text, file: "recipe.yaml", folder: "/here", overrides: ["teacher.url=none"])
    #expect(local.options.endpoint == nil)
    #expect(local.teacherName == "/here/owner/model:8b")
  }

  @Test func `a schema is needed where records are made of one, and read`() throws {
    #expect(
      faults("pipeline: extraction\ndocuments: docs\n") == """
        recipe.yaml:1:1: schema is not set; name the JSON Schema of the records that extraction makes
        """)
    #expect(
      faults("pipeline: exam\ndocuments: docs\nschema: a.json\n") == """
        recipe.yaml:3:9: schema is nothing that exam reads; leave it out
        """)
    #expect(
      faults(
        """
        pipeline: extraction
        documents: docs
        schema: a.json
        filters: {likelihood: [ifd]}
        """)?.contains("filters.likelihood does not fit extraction: ifd needs answer, question")
        == true)
  }

  @Test func `a schema that cannot be read is told with its place in the recipe`() throws {
    let folder = NSTemporaryDirectory() + "hone-schema-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func faults(_ schema: String) throws -> String? {
      try Data(schema.utf8).write(to: URL(fileURLWithPath: "\(folder)/schema.json"))
      let error = #expect(throws: RecipeError.self) {
        try SynthesisRecipe(
          parsing: "pipeline: extraction\ndocuments: schema.json\nschema: schema.json\n",
          file: "recipe.yaml", folder: folder, checkingFiles: true)
      }
      return error?.description
    }
    #expect(
      try faults(#"{"type": "string", "format": "date"}"#) == """
        recipe.yaml:3:9: schema is no schema of records: \(folder)/schema.json: the schema's # has \
        "format", which is not supported; leave it out
        """)
    #expect(
      try faults("{")?.hasPrefix("recipe.yaml:3:9: schema is no schema of records: ") == true)
  }

  @Test(arguments: [
    "pipeline: extraction\ndocuments: docs\nschema: a.json\n",
    "pipeline: instructions\nexamples: tasks.jsonl\n", "pipeline: style\nexamples: tasks.jsonl\n",
    "pipeline: self-replay\n",
  ])
  func `where filters of likelihoods do not fit there are none unless a recipe names some`(
    text: String
  ) throws {
    let recipe = try SynthesisRecipe(parsing: text, file: "recipe.yaml", folder: "/here")
    #expect(recipe.options.likelihoodFilters.isEmpty)
    #expect(recipe.options.schema == (text.contains("schema") ? "/here/a.json" : nil))
    let again = try SynthesisRecipe(parsing: recipe.text, file: "recipe.yaml", folder: "/other")
    #expect(again.text == recipe.text)
  }

  @Test func `samplers that cannot draw are told with their places`() {
    let text = """
      pipeline: domain-qa
      documents: docs
      samplers:
        tonne: [plain]
        tone: []
        persona: [a pilot, a pilot]
        length: [1, 2]
        language: [" "]
      """
    #expect(
      faults(text) == """
        recipe.yaml has 5 faults:
          recipe.yaml:4:3: samplers.tonne is not a key of samplers; did you mean tone?
          recipe.yaml:5:9: samplers.tone is an empty list, expected at least one value
          recipe.yaml:6:12: samplers.persona has "a pilot" twice, expected different values
          recipe.yaml:7:11: samplers.length is [1, 2], expected a name or a list of names, or none
          recipe.yaml:8:13: samplers.language has " ", expected words on one line
        """)
    #expect(
      faults("pipeline: self-replay\nsamplers: {tone: plain}\n") == """
        recipe.yaml:2:18: samplers.tone is nothing that self-replay draws; leave it out
        """)
  }

  @Test func `samplers read back as they are written, and make another run`() throws {
    let text = "pipeline: style\nexamples: tasks.jsonl\n"
    let plain = try SynthesisRecipe(parsing: text, file: "recipe.yaml", folder: "/here")
    #expect(plain.options.samplers.isEmpty)
    let recipe = try SynthesisRecipe(
      parsing: text + "samplers: {tone: plain, persona: [a pilot, \"Ann: 54\"]}\n",
      file: "recipe.yaml", folder: "/here")
    #expect(
      recipe.options.samplers == [.tone: ["plain"], .persona: ["a pilot", "Ann: 54"]])
    #expect(recipe.options.digestText != plain.options.digestText)
    let again = try SynthesisRecipe(parsing: recipe.text, file: "recipe.yaml", folder: "/other")
    #expect(again.text == recipe.text)
    #expect(again.options.digestText == recipe.options.digestText)
  }

  @Test func `what is written reads back as the same`() throws {
    let text = """
      pipeline: exam
      documents: [a.md, /elsewhere/b]
      filters: {thresholds: {round_trip: 0.5}}
      output: /out
      """
    let recipe = try SynthesisRecipe(parsing: text, file: "recipe.yaml", folder: "/here")
    #expect(recipe.options.documents == ["/here/a.md", "/elsewhere/b"])
    #expect(recipe.options.thresholds == ["round_trip": 0.5])
    let again = try SynthesisRecipe(parsing: recipe.text, file: "recipe.yaml", folder: "/other")
    #expect(again.text == recipe.text)
    #expect(again.options.digestText == recipe.options.digestText)
  }
}
