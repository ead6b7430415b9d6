import HoneFormats
import HoneText
import Testing

@testable import HoneData

@Suite struct RendererTests {
  private func rendered(
    _ messages: String, template: String? = plainTemplate, trainOn: TrainOn = .assistant
  ) throws -> [String] {
    let renderer = try renderer(template, trainOn: trainOn)
    let record = try JSONParser.parse("{\"messages\": \(messages)}").object ?? JSONObject()
    return try renderer.sequences(ExampleFormat.messages.example(record, mapping: [:])).map {
      marked($0, renderer.tokenizer)
    }
  }

  private var end: String {
    get throws { try tinyTokenizer().specialTokens.endOfText ?? "" }
  }

  private let two = """
    [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"},
     {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "And?"},
     {"role": "assistant", "content": "Bye"}]
    """

  @Test func `the assistant's turns are trained with their end tokens`() throws {
    let e = try end
    #expect(
      try rendered(two) == [
        "[system]Be kind.\(e)\n[user]Hi\(e)\n[assistant]⟦Hello\(e)⟧\n"
          + "[user]And?\(e)\n[assistant]⟦Bye\(e)⟧\n"
      ])
  }

  @Test func `the last turn alone, or all`() throws {
    let e = try end
    #expect(
      try rendered(two, trainOn: .lastTurn) == [
        "[system]Be kind.\(e)\n[user]Hi\(e)\n[assistant]Hello\(e)\n"
          + "[user]And?\(e)\n[assistant]⟦Bye\(e)⟧\n"
      ])
    let all = try rendered(two, trainOn: .everything)
    #expect(all.count == 1 && all[0].hasPrefix("⟦[system]") && all[0].hasSuffix("⟧"))
  }

  @Test func `a message may be left out, or a user's trained`() throws {
    let e = try end
    let messages = """
      [{"role": "user", "content": "Hi", "train": true},
       {"role": "assistant", "content": "Hello", "train": false}]
      """
    let found = try rendered(messages)
    #expect(found == ["[user]⟦Hi\(e)⟧\n[assistant]Hello\(e)\n"])
  }

  /// As templates of thinking models do: earlier turns lose their thoughts.
  private let forgetful = """
    {% for message in messages %}[{{ message['role'] }}]{% if loop.last or not 't:' in \
    message['content'] %}{{ message['content'] }}{% else %}{{ message['content'].split('t:')[0] }}\
    {% endif %}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}
    """

  @Test func `turns that a template rewrites become sequences of their own`() throws {
    let e = try end
    let messages = """
      [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes t: hm"},
       {"role": "user", "content": "So"}, {"role": "assistant", "content": "No t: ah"}]
      """
    #expect(
      try rendered(messages, template: forgetful) == [
        "[user]Hi\(e)[assistant]⟦Yes t: hm\(e)⟧",
        "[user]Hi\(e)[assistant]Yes \(e)[user]So\(e)[assistant]⟦No t: ah\(e)⟧",
      ])
  }

  @Test func `a generation prompt that opens a thought does not hide the answer`() throws {
    let e = try end
    let template = plainTemplate.replacing("[assistant]{%", with: "[assistant]<think>{%")
    #expect(
      try rendered(
        """
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
        """, template: template) == ["[user]Hi\(e)\n[assistant]⟦Hello\(e)⟧\n"])
  }

  @Test func `a completion is trained with an end token, a text whole`() throws {
    let renderer = try renderer()
    let e = try end
    let completion = try renderer.sequences(.completion(prompt: "2 + 2 =", completion: " 4"))
    #expect(completion.count == 1)
    #expect(marked(completion[0], renderer.tokenizer).hasSuffix("⟦ 4\(e)⟧"))
    let text = try renderer.sequences(.text("All of it"))
    #expect(marked(text[0], renderer.tokenizer).hasSuffix("All of it\(e)⟧"))
    #expect(text[0].trained.allSatisfy { $0 })
  }

  @Test func `a base model has no conversations`() {
    #expect {
      try rendered(two, template: nil)
    } throws: {
      ($0 as? ExampleFormat.Fault)?.sentence.contains("base model") == true
    }
  }
}
