import HoneFormats
import HoneGeneration
import HoneKernels
import HoneModels
import HoneTensors
import HoneText

/// A model on this machine as teacher, as scorer and as embedder.
///
/// Calls with the same beginning are answered together: its keys and values are computed once and
/// kept for what comes next, so what is asked of one passage costs one reading of it.
package final class LocalTeacher: Teacher, Scorer, Embedder {
  /// How many bytes of beginnings' keys and values are kept. A passage of 400 tokens has about 10 MB in a model
  /// of 135 M parameters, and is read again for each passage that it is a neighbour of.
  private static let keptBytes = 384 << 20

  package let identity: Provenance.Teacher
  package let model: LanguageModel
  private let generator: Generator
  /// What of the machine changes bits.
  private let numbers: String
  private let isInterrupted: () -> Bool
  /// What the chat template writes around a user's message, by what the system is told.
  private var frames: [String?: UserTurnFrame] = [:]
  /// What calls with a schema are held to, by its text; made when it is first asked for.
  private var constraints: [String: TokenConstraint] = [:]
  private lazy var vocabulary = VocabularyTrie(model.tokenizer)

  /// - Parameters:
  ///   - name: what records call it.
  ///   - checksum: of its weights.
  ///   - isInterrupted: asked between tokens; true ends the work.
  package init(
    _ model: LanguageModel, name: String, checksum: String, engine: Engine,
    isInterrupted: @escaping () -> Bool = { false }
  ) {
    self.model = model
    identity = Provenance.Teacher(name: name, checksum: checksum)
    generator = Generator(model, engine: engine, prefixMemory: Self.keptBytes)
    let isa = String(cString: hk_isa_name(hk_isa_current()))
    numbers = "\(engine.compute.rawValue) \(isa)"
    self.isInterrupted = isInterrupted
  }

  package var contextLength: Int? { model.spec.contextLength }
  package var isReproducible: Bool { true }

  package func tokenCount(of text: String) -> Int {
    model.tokenizer.encode(text, addingSpecialTokens: false).count
  }

  /// The first special token that a text spells out; nil where it has none.
  package func specialToken(in text: String) -> String? {
    model.tokenizer.encode(text, addingSpecialTokens: false).first(where: model.tokenizer.isSpecial)
      .flatMap(model.tokenizer.token)
  }

  // MARK: Answering

  private func frame(_ system: String?) throws -> UserTurnFrame {
    if let frame = frames[system] { return frame }
    let frame = try UserTurnFrame(model.chatFormat, system: system)
    frames[system] = frame
    return frame
  }

  /// What ends an answer besides the model's end tokens and the call's own stops.
  private func ends(_ call: TeacherCall) throws -> (tokens: Set<Int32>, texts: [String]) {
    guard case .userTurn(let system) = call.prompt else { return ([], []) }
    return try frame(system).ends(model.tokenizer)
  }

  /// The tokens of what a call reads: of the shared beginning, and of the rest.
  private func tokens(of prompt: TeacherCall.Prompt) throws -> (beginning: [Int32], rest: [Int32]) {
    switch prompt {
    case .completion(let beginning, let rest):
      return (
        model.tokenizer.encode(beginning), model.tokenizer.encode(rest, addingSpecialTokens: false)
      )
    case .chat(let turns):
      let messages = turns.map { turn in
        JSONValue.object(
          JSONObject([
            ("role", .string(turn.role.rawValue)), ("content", .string(turn.content)),
          ]))
      }
      // The template writes special tokens itself.
      let text = try model.chatFormat.render(
        Conversation(messages: messages, addsGenerationPrompt: true))
      return ([], model.tokenizer.encode(text, addingSpecialTokens: false))
    case .userTurn(let system):
      // All share it, and nothing of their own follows.
      let before = try frame(system).before
      return (model.tokenizer.encode(before, addingSpecialTokens: false), [])
    }
  }

  package func key(of call: TeacherCall) throws -> CallKey {
    let tokens = try tokens(of: call.prompt)
    var parts: [(name: String, value: [UInt8])] = [
      ("call", Array("answer".utf8)), ("model", Array(identity.checksum.utf8)),
      ("numbers", Array(numbers.utf8)), ("beginning", Self.bytes(tokens.beginning)),
      ("rest", Self.bytes(tokens.rest)), ("tokens", Array(String(call.maximumTokens).utf8)),
      ("stops", Array(JSONValue.array(call.stops.map { .string($0) }).text().utf8)),
      ("temperature", Array(String(call.temperature).utf8)),
      // A greedy answer has neither.
      ("top_p", Array((call.temperature == 0 ? "" : String(call.topP)).utf8)),
      ("seed", Array((call.temperature == 0 ? "" : String(call.seed)).utf8)),
    ]
    if case .userTurn = call.prompt {
      let ends = try ends(call)
      parts.append(("end tokens", Self.bytes(ends.tokens.sorted())))
      parts.append(("end texts", Array(ends.texts.joined(separator: "\n").utf8)))
    }
    if let schema = call.schema { parts.append(("schema", schema.bytes())) }
    return CallKey(parts)
  }

  private static func bytes(_ tokens: [Int32]) -> [UInt8] {
    tokens.flatMap { id in (0..<4).map { UInt8(truncatingIfNeeded: id >> (8 * Int32($0))) } }
  }

  package func answer(
    _ calls: [TeacherCall], answered: ([(index: Int, answer: TeacherAnswer)]) throws -> Void
  ) async throws {
    let tokens = try calls.map { try self.tokens(of: $0.prompt) }
    for group in Self.groups(tokens.map(\.beginning)) {
      let beginning = tokens[group[0]].beginning
      let prompts = try group.map { index in
        let call = calls[index]
        let ends = try ends(call)
        var prompt = Generator.Prompt(
          tokens[index].rest,
          sampling: SamplingOptions(
            temperature: Float(call.temperature), topP: Float(call.topP), seed: call.seed),
          stop: StopRules(
            maximumTokens: call.maximumTokens, tokens: ends.tokens,
            strings: call.stops + ends.texts))
        prompt.constraint = try call.schema.map(constraint)
        return prompt
      }
      let completions = try generator.generate(prompts, after: beginning) { _ in !isInterrupted() }
      if isInterrupted() { throw CancellationError() }
      try answered(
        zip(group, completions).map { index, completion in
          (
            index,
            TeacherAnswer(
              text: completion.text, isFinished: completion.reason == .stop,
              promptTokens: beginning.count + tokens[index].rest.count,
              answerTokens: completion.tokens.count)
          )
        })
    }
  }

  /// What holds an answer to a schema, compiled once for all calls.
  private func constraint(of schema: JSONValue) throws -> TokenConstraint {
    let text = schema.text()
    if let known = constraints[text] { return known }
    let new = try TokenConstraint(JSONSchema(schema).grammar(), trie: vocabulary)
    constraints[text] = new
    return new
  }

  /// Positions of equal beginnings together, in the order in which each first appears.
  private static func groups(_ beginnings: [[Int32]]) -> [[Int]] {
    var places: [[Int32]: Int] = [:]
    var groups: [[Int]] = []
    for (index, beginning) in beginnings.enumerated() {
      if let place = places[beginning] {
        groups[place].append(index)
      } else {
        places[beginning] = groups.count
        groups.append([index])
      }
    }
    return groups
  }

  // MARK: Scoring

  package func key(of call: ScoreCall) throws -> CallKey {
    let parts = call.parts.map { part in
      (
        part.isScored ? "scored" : "given",
        Self.bytes(model.tokenizer.encode(part.text, addingSpecialTokens: false))
      )
    }
    return CallKey(
      [
        ("call", Array("score".utf8)), ("model", Array(identity.checksum.utf8)),
        ("numbers", Array(numbers.utf8)),
        ("beginning", Self.bytes(model.tokenizer.encode(call.beginning))),
      ] + parts)
  }

  package func score(
    _ calls: [ScoreCall], scored: ([(index: Int, scores: [TokenScoreList])]) throws -> Void
  ) throws {
    let beginnings = calls.map { model.tokenizer.encode($0.beginning) }
    for group in Self.groups(beginnings) {
      if isInterrupted() { throw CancellationError() }
      let parts = group.map { index in
        calls[index].parts.map { part in
          (
            tokens: model.tokenizer.encode(part.text, addingSpecialTokens: false),
            isScored: part.isScored
          )
        }
      }
      let continuations = parts.map { parts in
        let given = parts.prefix { !$0.isScored }
        return Generator.Continuation(
          context: given.flatMap(\.tokens), target: parts[given.count...].flatMap(\.tokens))
      }
      let scores = try generator.score(continuations, after: beginnings[group[0]])
      try scored(
        group.indices.map { position in
          var lists: [TokenScoreList] = []
          var place = 0
          for part in parts[position].drop(while: { !$0.isScored }) {
            let end = place + part.tokens.count
            if part.isScored { lists.append(TokenScoreList(Array(scores[position][place..<end]))) }
            place = end
          }
          return (group[position], lists)
        })
    }
  }

  // MARK: Embedding

  /// The tokens of an embedded text, and of what is read before it.
  private func embedded(_ text: String) -> (beginning: [Int32], text: [Int32]) {
    (
      model.tokenizer.encode("\n"), model.tokenizer.encode(text, addingSpecialTokens: false)
    )
  }

  package func key(embedding text: String) -> CallKey {
    let tokens = embedded(text)
    return CallKey([
      ("call", Array("embedding".utf8)), ("model", Array(identity.checksum.utf8)),
      ("numbers", Array(numbers.utf8)), ("beginning", Self.bytes(tokens.beginning)),
      ("text", Self.bytes(tokens.text)),
    ])
  }

  package func embedding(of text: String) throws -> [Float] {
    if isInterrupted() { throw CancellationError() }
    let tokens = embedded(text)
    return try generator.embedding(of: tokens.text, after: tokens.beginning)
  }
}
