import Foundation
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneRecipes

@Suite struct ModelCheckTests {
  private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().path

  private func check(_ path: String) -> [Finding] {
    let layout: LocalModel.Layout = path.hasSuffix(".gguf") ? .gguf : .folder
    return ModelCheck(
      LocalModel(path: path, layout: layout), engine: Engine(threads: 2, compute: .f32)
    ).run()
  }

  /// A copy of a tiny model with some of its files changed.
  private func changed(
    _ files: [String: String?], _ body: (String) throws -> Void
  ) throws {
    let folder = NSTemporaryDirectory() + "hone-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let source = "\(Self.tests)/HoneModelsTests/Fixtures/tiny-llama-tied"
    for file in try FileManager.default.contentsOfDirectory(atPath: source)
    where files[file] == nil {
      try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: "\(folder)/\(file)")
    }
    for case (let file, let text?) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(file)"))
    }
    try body(folder)
  }

  /// Without a chat template that is told, and is no fault: Gemma's tiny model is a base model.
  @Test(arguments: ["tiny-llama-tied", "tiny-llama-gguf/tied-q4_1.gguf", "families/gemma3"])
  func `a whole model has no fault`(name: String) {
    let findings = check("\(Self.tests)/HoneModelsTests/Fixtures/\(name)")
    let odd = name == "families/gemma3" ? ["template"] : []
    #expect(findings.filter { $0.state != .good }.map(\.subject) == odd, "\(findings)")
    #expect(!findings.contains { $0.state == .bad })
    #expect(
      findings.map(\.subject) == ["tokenizer", "template", "network", "generation", "training"])
    #expect(findings[4].detail.contains("in two steps of LoRA"))
  }

  @Test func `a template's own error is shown with its line, and the rest is checked still`() throws
  {
    let template = "{{ bos_token }}\n{{ raise_exception('Only poems!') }}"
    try changed(["chat_template.jinja": template]) { folder in
      let findings = check(folder)
      let faults = findings.filter { $0.state == .bad }
      #expect(faults.count == 2 && faults.allSatisfy { $0.subject == "template" })
      #expect(faults[0].detail.contains("Only poems!") && faults[0].detail.contains("line 2"))
      #expect(findings.contains { $0.subject == "training" && $0.state == .good })
    }
  }

  @Test func `a template without system messages is noted only`() throws {
    let template = """
      {% if messages[0].role == 'system' %}{{ raise_exception('No system.') }}{% endif %}\
      {% for message in messages %}{{ message.content }}{% endfor %}
      """
    try changed(["chat_template.jinja": template]) { folder in
      let findings = check(folder)
      #expect(!findings.contains { $0.state == .bad })
      #expect(
        findings.contains { $0.state == .odd && $0.detail.hasPrefix("a system message cannot") })
    }
  }

  @Test func `a template that leaves out what was said is a fault`() throws {
    try changed(["chat_template.jinja": "{{ messages[0].content }}"]) { folder in
      let faults = check(folder).filter { $0.state == .bad }
      #expect(
        faults.map(\.detail) == ["several turns: the text does not hold what was said"])
    }
  }

  @Test func `a network that cannot be loaded leaves the text to be checked`() throws {
    try changed(["config.json": #"{"model_type": "strange"}"#]) { folder in
      let findings = check(folder)
      #expect(findings.map(\.subject) == ["tokenizer", "template", "network"])
      #expect(findings.map(\.state) == [.good, .good, .bad])
      #expect(findings[2].detail.contains("the architecture 'strange' is not one that Hone runs"))
      #expect(!findings[2].detail.contains("\n"))
    }
  }

  @Test func `a tokenizer that cannot be read is told, and the network waits for it`() throws {
    try changed(["tokenizer.json": #"{"model": {"type": "Morse"}}"#]) { folder in
      let findings = check(folder)
      #expect(findings.first?.state == .bad && findings.first?.subject == "tokenizer")
      #expect(findings.last?.subject == "network" && findings.last?.state == .odd)
    }
  }

  @Test func `texts that a tokenizer changes are named`() throws {
    let path = "\(Self.tests)/HoneModelsTests/Fixtures/tiny-llama-tied/tokenizer.json"
    let json = try JSONParser.parse(String(contentsOfFile: path, encoding: .utf8), file: path)
    var object = try #require(json.object)
    object["normalizer"] = .object(JSONObject([("type", .string("Lowercase"))]))
    try changed(["tokenizer.json": JSONValue.object(object).text(.compact)]) { folder in
      let finding = try #require(check(folder).first)
      #expect(finding.state == .odd)
      #expect(finding.detail.contains("not as they were: English, German, French, Russian, Greek;"))
    }
  }
}
