import Foundation
import HoneFormats
import HoneText
import Testing

@testable import HoneData

/// Files that lie beside the checkout and are not part of it.
enum Shared {
  static let folder: String? = {
    var root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    while !FileManager.default.fileExists(atPath: root.path + "/Package.swift"), root.path != "/" {
      root.deleteLastPathComponent()
    }
    let folder =
      ProcessInfo.processInfo.environment["HONE_SHARED"]
      ?? root.deletingLastPathComponent().path + "/shared"
    if FileManager.default.fileExists(atPath: folder + "/templates") { return folder }
    print("SKIPPED: masks of published templates, because \(folder) is absent (set HONE_SHARED)")
    return nil
  }()

  static let templates: [String] =
    folder.map { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/templates")) ?? [])
        .filter { $0.hasSuffix(".jinja") }.sorted()
    } ?? []
}

@Suite(.enabled(if: Shared.folder != nil)) struct RealTemplateTests {
  /// Conversations of words that occur once: what is said can be told from what is heard.
  private func conversation(_ seed: Int) -> (messages: [Example.Message], said: [String]) {
    var state = UInt64(seed) &+ 1
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var messages: [Example.Message] = []
    var said: [String] = []
    func add(_ role: String, _ content: String) {
      messages.append(
        Example.Message(
          value: .object(
            JSONObject([("role", .string(role)), ("content", .string(content))])),
          isTrained: role == "assistant"))
    }
    let pads = ["", "<b>", "\n", "<", "assistant ", "** ", "1. "]
    if random(2) == 0 { add("system", "Listen 0z.") }
    for turn in 0..<1 + random(4) {
      add("user", "\(pads[random(pads.count)])Heard \(turn)h here?")
      let answer = "\(pads[random(pads.count)])Said \(turn)s é漢.\(random(3) == 0 ? "\n\nMore" : "")"
      add("assistant", answer)
      said.append(answer.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    return (messages, said)
  }

  private func renderer(_ file: String, _ tokenizer: Tokenizer) throws -> Renderer {
    let folder = try #require(Shared.folder)
    let source = try String(contentsOfFile: "\(folder)/templates/\(file)", encoding: .utf8)
    var variables = specialTokens(tokenizer)
    variables["bos_token"] = .string("<|endoftext|>")
    // One template cannot do without these.
    variables["functions"] = .string("[]")
    variables["datetime"] = .string("today")
    return Renderer(
      tokenizer: tokenizer, template: try ChatTemplate(source, name: file), variables: variables)
  }

  /// The trained text of a sequence.
  private func trained(_ sequence: TokenSequence, _ tokenizer: Tokenizer) -> String {
    String(
      decoding: zip(sequence.ids, sequence.trained).filter(\.1)
        .flatMap { tokenizer.bytes(of: $0.0) }, as: UTF8.self)
  }

  @Test(arguments: Shared.templates)
  func `what the assistant says is trained, all of it once, and nothing that it hears`(
    _ file: String
  ) throws {
    let tokenizer = try tinyTokenizer()
    let renderer = try renderer(file, tokenizer)
    var rendered = 0
    for seed in 0..<24 {
      let (messages, said) = conversation(seed)
      let sequences: [TokenSequence]
      do {
        // Some templates are for tools alone.
        sequences =
          try (try? renderer.sequences(.conversation(messages: messages, tools: nil)))
          ?? renderer.sequences(.conversation(messages: messages, tools: [tool]))
      } catch is TextError {
        // The template refuses such conversations: no system message, for instance.
        continue
      }
      rendered += 1
      let texts = sequences.map { trained($0, tokenizer) }
      let all = texts.joined(separator: "\u{0}")
      for (turn, answer) in said.enumerated() {
        #expect(
          all.components(separatedBy: answer).count == 2,
          "\(file), seed \(seed), turn \(turn): \(texts)")
        #expect(!all.contains("\(turn)h"), "\(file), seed \(seed): \(texts)")
      }
      #expect(!all.contains("0z"), "\(file), seed \(seed): \(texts)")
      for sequence in sequences { #expect(sequence.trainedTokenCount > 0) }
    }
    #expect(rendered > 0, "\(file) renders no plain conversation")
  }

  private let tool = JSONValue.object(
    JSONObject([
      ("type", .string("function")),
      (
        "function",
        .object(
          JSONObject([
            ("name", .string("forecast")), ("description", .string("The weather.")),
            (
              "parameters",
              .object(
                JSONObject([
                  ("type", .string("object")),
                  ("properties", .object(JSONObject([("city", Self.place)]))),
                  ("required", .array([.string("city")])),
                ]))
            ),
          ]))
      ),
    ]))

  private static let place = JSONValue.object(
    JSONObject([("type", .string("string")), ("description", .string("A city."))]))

  @Test(arguments: Shared.templates)
  func `calls of tools are trained, and what tools say is not`(_ file: String) throws {
    let tokenizer = try tinyTokenizer()
    let messages = try JSONParser.parse(
      """
      [{"role": "user", "content": "Weather in Rome?"},
       {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefghi", "type": "function",
         "function": {"name": "forecast", "arguments": {"city": "Oslo7"}}}]},
       {"role": "tool", "tool_call_id": "abcdefghi", "name": "forecast", "content": "Heard 5h"},
       {"role": "assistant", "content": "Said 9s."}]
      """)
    let example = try ExampleFormat.messages.example(
      JSONObject([("messages", messages), ("tools", .array([tool]))]), mapping: [:])
    let sequences: [TokenSequence]
    do {
      sequences = try renderer(file, tokenizer).sequences(example)
    } catch is TextError {
      // A template without tools, or one that wants the arguments as text.
      return
    }
    let all = sequences.map { trained($0, tokenizer) }.joined()
    #expect(all.components(separatedBy: "Said 9s.").count == 2, "\(all)")
    #expect(!all.contains("5h") && !all.contains("Rome"), "\(all)")
    let texts = sequences.map { tokenizer.decode($0.ids) }
    if texts.contains(where: { $0.contains("Oslo7") }) {
      #expect(all.components(separatedBy: "Oslo7").count == 2, "\(all)")
    }
  }

  @Test(arguments: ["Qwen-Qwen3-0.6B.jinja", "Qwen-QwQ-32B.jinja"])
  func `thoughts that a template takes from earlier turns are learned where they are seen`(
    _ file: String
  ) throws {
    let tokenizer = try tinyTokenizer()
    let messages = try JSONParser.parse(
      """
      [{"role": "user", "content": "One?"},
       {"role": "assistant", "content": "<think>\\nfirst thought\\n</think>\\n\\nOne."},
       {"role": "user", "content": "Two?"},
       {"role": "assistant", "content": "<think>\\nsecond thought\\n</think>\\n\\nTwo."}]
      """)
    let example = try ExampleFormat.messages.example(
      JSONObject([("messages", messages)]), mapping: [:])
    let sequences = try renderer(file, tokenizer).sequences(example)
    #expect(sequences.count == 2)
    let texts = sequences.map { trained($0, tokenizer) }
    #expect(texts[0].contains("first thought") && texts[0].contains("One.<|im_end|>"))
    #expect(!texts[0].contains("Two"))
    #expect(texts[1].contains("second thought") && texts[1].contains("Two.<|im_end|>"))
    #expect(!texts[1].contains("One") && !texts[1].contains("first"))
  }

  /// Some of them change a text on its way to tokens, and so have no token ends to go by.
  @Test(arguments: ["llama-spm", "phi-3", "llama-bpe", "qwen2", "gpt-2", "deepseek-coder"])
  func `masks stand with any tokenizer`(_ name: String) throws {
    let folder = try #require(Shared.folder)
    let file = try GGUFFile(path: "\(folder)/vocab/ggml-vocab-\(name).gguf")
    guard let tokenizer = try? Tokenizer(gguf: file) else {
      print("SKIPPED: masks with the tokenizer of \(name), which Hone does not read")
      return
    }
    let template = """
      {% for m in messages %}<<{{ m['role'] }}>>
      {{ m['content'] }}{{ eos_token }}{% endfor %}\
      {% if add_generation_prompt %}<<assistant>>
      {% endif %}
      """
    let end = tokenizer.endOfText.flatMap { tokenizer.token(of: $0) } ?? ""
    let renderer = Renderer(
      tokenizer: tokenizer, template: try ChatTemplate(template),
      variables: JSONObject([("eos_token", .string(end))]))
    for seed in 0..<24 {
      let (messages, said) = conversation(seed)
      let sequences = try renderer.sequences(.conversation(messages: messages, tools: nil))
      #expect(sequences.count == 1)
      for sequence in sequences {
        let text = trained(sequence, tokenizer)
        #expect(text.components(separatedBy: "Said ").count == said.count + 1, "\(text)")
        #expect(text.components(separatedBy: end).count == said.count + 1, "\(text)")
        #expect(!text.contains("<<") && !text.contains("Heard"), "\(text)")
      }
    }
  }
}
