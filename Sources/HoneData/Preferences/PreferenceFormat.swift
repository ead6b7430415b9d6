import HoneFormats

/// How records of preferences are written.
package enum PreferenceFormat: String, RecordFormat {
  /// `chosen` and `rejected`, behind a `prompt` or with it at the beginning of both; optionally
  /// `tools`. All are texts, or lists of messages. TRL's form.
  case preference
  /// `prompt`, `completion` and `label`, which says whether the completion is a good one;
  /// optionally `tools`. TRL's form for KTO.
  case unpaired = "unpaired_preference"
  /// `input` with `messages`, and optionally `tools`; `preferred_output` and
  /// `non_preferred_output`. OpenAI's form.
  case openAI = "openai_preference"
  /// `prompt` and `completions` from the best to the worst, or in any order with `scores`, higher
  /// for better; optionally `tools`. Each completion makes a pair with each that is worse.
  case ranked = "ranked_preference"

  package var columns: (required: [String], optional: [String]) {
    switch self {
    case .preference: (["chosen", "rejected"], ["prompt", "tools"])
    case .unpaired: (["prompt", "completion", "label"], ["tools"])
    case .openAI: (["input", "preferred_output", "non_preferred_output"], [])
    case .ranked: (["prompt", "completions"], ["scores", "tools"])
    }
  }

  package static func expectation(of record: JSONObject) -> String {
    "no format of preferences that Hone knows: chosen and rejected, with or without a prompt; "
      + "prompt, completion and label; input, preferred_output and non_preferred_output; or prompt "
      + "and completions. Map other names with columns, as in {chosen: better, rejected: worse}"
  }

  /// The format of a record that is plainly a preference; nil for one that may as well be an example
  /// with a column more.
  package static func told(by record: JSONObject) -> PreferenceFormat? {
    guard let format = detected(in: record, mapping: [:]) else { return nil }
    let reader = RecordReader(record: record, mapping: [:], format: format.rawValue)
    switch format {
    case .unpaired: return (try? reader.label()) == nil ? nil : format
    case .ranked: return record["labels"] == nil ? format : nil
    case .preference, .openAI: return format
    }
  }

  /// Whether its rows are pairs, not single answers with a label.
  package var isPaired: Bool { self != .unpaired }

  /// What a record says: one comparison, or several where it ranks a list.
  ///
  /// - Parameter mapping: the record's own names for the format's columns.
  /// - Returns: comparisons with an empty prompt where `chosen` and `rejected` share none.
  /// - Throws: ``ExampleFault``.
  package func comparisons(
    _ record: JSONObject, mapping: [String: String]
  ) throws -> [Comparison] {
    let reader = RecordReader(record: record, mapping: mapping, format: rawValue)
    switch self {
    case .preference:
      let chosen = try reader.passage("chosen")
      let rejected = try reader.passage("rejected")
      try reader.expectAlike(("chosen", chosen), ("rejected", rejected))
      let tools = try reader.tools()
      if reader["prompt"] != nil {
        let prompt = try reader.passage("prompt")
        // Some sets have the question as text beside two whole conversations that begin with it.
        if !Self.isRepeated(prompt, in: chosen) {
          try reader.expectAlike(("prompt", prompt), ("chosen", chosen))
          return [
            Comparison(
              prompt: prompt, verdict: .pair(chosen: chosen, rejected: rejected), tools: tools)
          ]
        }
      }
      let parts = Passage.parted(chosen, rejected)
      return [
        Comparison(
          prompt: parts.prompt, verdict: .pair(chosen: parts.chosen, rejected: parts.rejected),
          tools: tools)
      ]
    case .unpaired:
      let prompt = try reader.passage("prompt")
      let completion = try reader.passage("completion")
      try reader.expectAlike(("prompt", prompt), ("completion", completion))
      return [
        Comparison(
          prompt: prompt, verdict: .single(completion, isDesirable: try reader.label()),
          tools: try reader.tools())
      ]
    case .openAI:
      let input = try reader.input()
      let prompt = try Passage.messages(input.messages("messages").map(\.value))
      let chosen = try reader.passage("preferred_output")
      let rejected = try reader.passage("non_preferred_output")
      try reader.expectAlike(("input", prompt), ("preferred_output", chosen))
      try reader.expectAlike(("input", prompt), ("non_preferred_output", rejected))
      return [
        Comparison(
          prompt: prompt, verdict: .pair(chosen: chosen, rejected: rejected),
          tools: try input.tools())
      ]
    case .ranked: return try ranked(reader)
    }
  }

  /// Whether a prompt is text beside a conversation that has it too.
  private static func isRepeated(_ prompt: Passage, in chosen: Passage) -> Bool {
    guard case .text = prompt, case .messages(let messages) = chosen else { return false }
    return messages.count > 1 && messages[0]["role"]?.string != "assistant"
  }

  private func ranked(_ reader: RecordReader) throws -> [Comparison] {
    let prompt = try reader.passage("prompt")
    let tools = try reader.tools()
    guard reader["labels"] == nil else {
      throw ExampleFault("has \"labels\" for the steps of one answer, which are no preferences")
    }
    let completions = try reader.completions()
    for completion in completions {
      try reader.expectAlike(("prompt", prompt), ("completions", completion))
    }
    // Without scores, a place in the list is one.
    let scores =
      try reader.scores(for: completions) ?? completions.indices.map { -Double($0) }
    var found: [Comparison] = []
    for better in completions.indices.sorted(by: { (scores[$0], $1) > (scores[$1], $0) }) {
      for worse in completions.indices where scores[worse] < scores[better] {
        found.append(
          Comparison(
            prompt: prompt,
            verdict: .pair(chosen: completions[better], rejected: completions[worse]),
            tools: tools))
      }
    }
    guard !found.isEmpty else { throw ExampleFault("ranks no answer above another") }
    return found
  }
}

extension RecordReader {
  /// Text, or a list of messages, which may be its JSON text, as tables keep them.
  fileprivate func passage(_ column: String) throws -> Passage {
    guard let value = self[column] else { throw missing(column) }
    return try passage(value, column)
  }

  private func passage(_ value: JSONValue, _ column: String) throws -> Passage {
    if let text = value.string {
      guard text.first == "[", let list = (try? JSONParser.parse(text))?.array, !list.isEmpty,
        list.allSatisfy({ $0["role"]?.string != nil })
      else { return .text(text) }
      return .messages(try messages(list, name(column)).map(\.value))
    }
    // A lone message is a list of one.
    let list = value.array ?? (value["role"] != nil ? [value] : nil)
    guard let list else { throw ExampleFault("\(name(column)) is neither text nor messages") }
    return .messages(try messages(list, name(column)).map(\.value))
  }

  fileprivate func expectAlike(
    _ one: (column: String, passage: Passage), _ other: (column: String, passage: Passage)
  ) throws {
    switch (one.passage, other.passage) {
    case (.text, .text), (.messages, .messages): return
    case (.text, .messages):
      throw ExampleFault("\(name(one.column)) is text, but \(name(other.column)) is messages")
    case (.messages, .text):
      throw ExampleFault("\(name(one.column)) is messages, but \(name(other.column)) is text")
    }
  }

  /// Whether a completion is good: a truth value, or 1 or 0, or such a word, as tables have them.
  fileprivate func label() throws -> Bool {
    guard let value = self["label"] else { throw missing("label") }
    if let label = value.bool { return label }
    if let number = value.integer, (0...1).contains(number) { return number == 1 }
    switch value.string?.lowercased() {
    case "true", "1": return true
    case "false", "0": return false
    default: throw ExampleFault("\(name("label")) is neither true nor false")
    }
  }

  /// What OpenAI's form has under `input`, which tables keep as its JSON text.
  fileprivate func input() throws -> RecordReader {
    guard let value = self["input"] else { throw missing("input") }
    let object = value.object ?? value.string.flatMap { (try? JSONParser.parse($0))?.object }
    guard let object else {
      throw ExampleFault("\(name("input")) is not an object with \"messages\"")
    }
    return RecordReader(record: object, mapping: [:], format: format)
  }

  fileprivate func completions() throws -> [Passage] {
    guard let value = self["completions"] else { throw missing("completions") }
    let list = value.array ?? value.string.flatMap { (try? JSONParser.parse($0))?.array }
    guard let list, list.count >= 2 else {
      throw ExampleFault("\(name("completions")) is not a list of two or more answers")
    }
    return try list.map { try passage($0, "completions") }
  }

  fileprivate func scores(for completions: [Passage]) throws -> [Double]? {
    guard let value = self["scores"] else { return nil }
    let list = value.array ?? value.string.flatMap { (try? JSONParser.parse($0))?.array }
    let scores = list?.compactMap(\.double) ?? []
    guard scores.count == completions.count, scores.count == list?.count else {
      throw ExampleFault(
        "\(name("scores")) is not a list of \(completions.count) numbers, one for each completion")
    }
    return scores
  }
}
