import Foundation
import HoneFormats
import HoneText
import Testing

@testable import HoneModels

@Suite struct ChatFormatTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func format(_ files: [String: String]) throws -> ChatFormat {
    for (name, text) in files { try folder.write(Array(text.utf8), to: name) }
    return try ChatFormat(LocalModel(path: folder.path, layout: .folder))
  }

  @Test func `a file of its own goes before the tokenizer's settings`() throws {
    let format = try format([
      "chat_template.jinja": "own", "chat_template.json": #"{"chat_template": "json"}"#,
      "tokenizer_config.json": #"{"chat_template": "settings"}"#,
      "additional_chat_templates/tool_use.jinja": "tools",
    ])
    #expect(format.sources == ["default": "own", "tool_use": "tools"])
  }

  @Test func `older folders keep the template in JSON`() throws {
    #expect(
      try format(["chat_template.json": #"{"chat_template": "json"}"#]).sources
        == ["default": "json"])
  }

  @Test func `the tokenizer's settings may hold one template or several by name`() throws {
    #expect(
      try format(["tokenizer_config.json": #"{"chat_template": "one"}"#]).sources
        == ["default": "one"])
    let several = try format([
      "tokenizer_config.json": """
      {"chat_template": [{"name": "default", "template": "a"},
        {"name": "tool_use", "template": "b{{ bos_token }}"}], "bos_token": {"content": "<s>"}}
      """
    ])
    #expect(several.sources == ["default": "a", "tool_use": "b{{ bos_token }}"])
    let tool = try JSONParser.parse(#"{"type": "function"}"#)
    #expect(try several.render(Conversation(messages: [])) == "a")
    #expect(try several.render(Conversation(messages: [], tools: [tool])) == "b<s>")
  }

  @Test func `special tokens are texts or objects, and the conversation's own go first`() throws {
    let format = try format([
      "chat_template.jinja": "{{ bos_token }}{{ eos_token }}",
      "special_tokens_map.json": #"{"bos_token": {"content": "<a>"}, "eos_token": "<b>"}"#,
      "tokenizer_config.json": #"{"eos_token": "<c>", "pad_token": null, "model_max_length": 7}"#,
    ])
    #expect(format.tokens.keys.sorted() == ["bos_token", "eos_token"])
    #expect(try format.render(Conversation(messages: [])) == "<a><c>")
    let own = JSONObject([("bos_token", .string("<o>"))])
    #expect(try format.render(Conversation(messages: [], variables: own)) == "<o><c>")
  }

  @Test func `a model without a template says what to do`() throws {
    let format = try format(["config.json": "{}"])
    #expect(format.sources.isEmpty)
    #expect {
      try format.render(Conversation(messages: []))
    } throws: {
      "\($0)" == """
        \(folder.path): the model has no chat template; it is a base model: give it plain text, or \
        a template of your own
        """
    }
  }
}
