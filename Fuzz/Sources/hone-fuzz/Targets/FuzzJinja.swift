import HoneFormats
import HoneText

extension FuzzTarget {
  /// Parses a chat template and renders a conversation with it, twice with one result. The
  /// conversation is a fixed one, or the JSON behind the input's first NUL.
  static let jinja = FuzzTarget(name: "jinja") { bytes in
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    var conversation = fixed
    if parts.count > 1 {
      guard let json = try? JSONParser.parse(String(decoding: parts[1], as: UTF8.self)) else {
        return
      }
      do {
        conversation = try Conversation(json: json, file: "f.json")
      } catch {
        precondition(error is TextError, "\(error)")
        return
      }
      conversation.now = fixed.now
    }
    let source = String(decoding: parts[0], as: UTF8.self)
    let first = outcome(source, conversation)
    precondition(first == outcome(source, conversation), "two renderings differ")
  }

  /// The rendering, or the error that is due.
  private static func outcome(_ source: String, _ conversation: Conversation) -> String {
    do {
      let rendering = try ChatTemplate(source).rendering(of: conversation)
      return "\(rendering.assistantRanges) \(rendering.text)"
    } catch {
      precondition(error is TextError, "\(error)")
      return "\(error)"
    }
  }

  /// The variables that the seeds name.
  private static let fixed: Conversation = {
    let text = #"""
      {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello <there>", "thinking": "a greeting", "tool_calls": [
          {"id": "c1", "function": {"name": "add", "arguments": {"a": 1, "b": [2.5, null]}}}]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "3.5"}]}],
       "tools": [{"type": "function", "function": {"name": "add", "description": "Adds.",
         "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}],
       "documents": [{"title": "One", "text": "Text é."}], "add_generation_prompt": true,
       "bos_token": "<s>", "eos_token": "</s>", "now": "2024-07-06T09:05:03",
       "n": 3, "zero": 0, "neg": -7, "big": 9007199254740993, "x": 2.5, "yes": true, "no": false,
       "nothing": null, "s": "Hello World", "empty": "", "spaced": "  a b\t c \n",
       "lines": "one\ntwo\r\nthree\n\nfive", "uni": "Größe ΑΣ ﬁ 東京 😀 é",
       "quote": "it's \"q\" \\ \n\t\u0000\u007f\u00ad", "html": "<b>&'\"</b>", "xs": [3, 1, 2],
       "words": ["pear", "Apple", "fig", "apple"],
       "mixed": [1, "a", null, 2.5, true, [1], {"k": "v"}], "d": {"b": 1, "a": 2, "C": 3},
       "nested": {"a": {"b": {"c": [10, {"d": "deep"}]}}, "items": "shadow", "get": "g"},
       "users": [{"name": "Bo", "age": 30, "active": true}, {"name": "al", "age": 25},
         {"name": "Cy", "age": 30}],
       "tree": [{"v": 1, "c": [{"v": 2, "c": []}]}, {"v": 5, "c": []}],
       "empty_list": [], "empty_dict": {}}
      """#
    do {
      return try Conversation(json: JSONParser.parse(text), file: "fixed")
    } catch {
      preconditionFailure("\(error)")
    }
  }()
}
