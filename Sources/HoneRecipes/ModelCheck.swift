import Foundation
import HoneAdapters
import HoneFormats
import HoneGeneration
import HoneModels
import HoneTensors
import HoneText
import HoneTraining

/// Checks a model end to end: whether it tokenises, renders conversations, loads, generates, and can
/// be trained.
///
/// Tokenizer and template are checked even where the network cannot be loaded, so that all that is
/// missing is told at once.
package struct ModelCheck {
  let local: LocalModel
  let engine: Engine
  let quantization: StorageFormat?

  package init(_ local: LocalModel, engine: Engine, quantization: StorageFormat? = nil) {
    self.local = local
    self.engine = engine
    self.quantization = quantization
  }

  /// The findings, in the order of the checks.
  package func run() -> [Finding] {
    var findings: [Finding] = []
    var tokenizer: Tokenizer?
    do {
      let found = try Tokenizer(local)
      tokenizer = found
      findings.append(Self.roundTrip(found))
    } catch {
      findings.append(Finding(subject: "tokenizer", state: .bad, detail: "\(error)"))
    }
    findings += template()
    guard tokenizer != nil else {
      return findings + [
        Finding(
          subject: "network", state: .odd, detail: "not checked, since it needs the tokenizer")
      ]
    }
    let start = ContinuousClock.now
    let model: LanguageModel
    do { model = try LanguageModel(local, engine: engine, quantization: quantization) } catch {
      return findings + [Finding(subject: "network", state: .bad, detail: "\(error)")]
    }
    let spec = model.spec
    findings.append(
      Finding(
        subject: "network",
        detail: """
          \(model.architecture), \(spec.layerCount) layers, context of \(spec.contextLength) \
          tokens, loaded in \(Self.seconds(since: start))
          """))
    findings.append(generation(model))
    findings.append(training(model))
    return findings
  }

  private static func seconds(since start: ContinuousClock.Instant) -> String {
    let elapsed = (ContinuousClock.now - start).components
    return String(format: "%.2f s", Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
  }

  // MARK: Text

  /// Texts that a tokenizer should give back as they were.
  static let samples: [(name: String, text: String)] = [
    ("English", "The quick brown fox doesn't jump 1,234 times."),
    ("German", "Größenwahn übt früh, süße Äpfel."),
    ("French", "L’été dernier, à Nîmes, c’était déjà ça."),
    ("Russian", "Съешь же ещё этих мягких булок."),
    ("Greek", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία."),
    ("Arabic", "نص حكيم له سر قاطع وذو شأن عظيم"),
    ("Hindi", "ऋषियों को सताने वाले दुष्ट राक्षस"),
    ("Chinese", "天地玄黄，宇宙洪荒。"),
    ("Japanese", "いろはにほへと ちりぬるを"),
    ("Korean", "키스의 고유조건은 입술끼리"),
    ("emoji", "👩‍👩‍👧‍👦 🇪🇺 👍🏽 ☕️"),
    ("code", "def f(x):\n\tif x > 0:\n        return {\"a\": [x, -1]}  # ok\n"),
    ("white space", "a  b\n\n\nc\t d   "),
  ]

  /// Whether texts come back from their tokens.
  static func roundTrip(_ tokenizer: Tokenizer) -> Finding {
    var changed: [String] = []
    var count = 0
    for (name, text) in samples {
      let ids = tokenizer.encode(text, addingSpecialTokens: false)
      count += ids.count
      let back = tokenizer.decode(ids, skippingSpecialTokens: false)
      // Some tokenizers put a space before all text, and take it away or not.
      if back != text && back != " " + text { changed.append(name) }
    }
    let size = "\(tokenizer.vocabularyCount) tokens, \(count) for \(samples.count) texts"
    guard !changed.isEmpty else {
      return Finding(subject: "tokenizer", detail: "\(size), which all come back as they were")
    }
    return Finding(
      subject: "tokenizer", state: .odd,
      detail: """
        \(size); not as they were: \(changed.joined(separator: ", ")); it has no tokens for \
        them, or normalises text
        """)
  }

  // MARK: Templates

  /// A conversation, whether a model that talks must be able to hold it, and what it is called.
  private static let conversations: [(name: String, isNeeded: Bool, roles: [String])] = [
    ("a question", true, ["user"]),
    ("several turns", true, ["user", "assistant", "user"]),
    ("a system message", false, ["system", "user"]),
  ]

  private static func conversation(_ roles: [String]) -> Conversation {
    let texts = ["system": "Be brief.", "user": "What is 2 + 2?", "assistant": "It is 4."]
    return Conversation(
      messages: roles.map { role in
        .object(
          JSONObject([("role", .string(role)), ("content", .string(texts[role] ?? ""))]))
      }, addsGenerationPrompt: true)
  }

  private func template() -> [Finding] {
    let format: ChatFormat
    do { format = try ChatFormat(local) } catch {
      return [Finding(subject: "template", state: .bad, detail: "\(error)")]
    }
    guard !format.sources.isEmpty else {
      return [
        Finding(
          subject: "template", state: .odd,
          detail: "none: a base model; conversations cannot be rendered, plain text can be used")
      ]
    }
    var rendered: [String] = []
    var findings: [Finding] = []
    for (name, isNeeded, roles) in Self.conversations {
      do {
        let text = try format.render(Self.conversation(roles))
        let isWhole = roles.allSatisfy { text.contains($0 == "assistant" ? "It is 4." : "2 + 2") }
        if isWhole {
          rendered.append(name)
        } else {
          findings.append(
            Finding(
              subject: "template", state: isNeeded ? .bad : .odd,
              detail: "\(name): the text does not hold what was said"))
        }
      } catch {
        findings.append(
          Finding(
            subject: "template", state: isNeeded ? .bad : .odd,
            detail: "\(name) cannot be rendered: \(error)"))
      }
    }
    guard !rendered.isEmpty else { return findings }
    let names = format.sources.keys.sorted().joined(separator: ", ")
    return [
      Finding(
        subject: "template", detail: "\(names): renders \(rendered.joined(separator: ", "))")
    ] + findings
  }

  // MARK: The network

  private func generation(_ model: LanguageModel) -> Finding {
    let start = ContinuousClock.now
    do {
      let question = try? model.chatFormat.render(Self.conversation(["user"]))
      var prompt =
        question.map { model.tokenizer.encode($0, addingSpecialTokens: false) }
        ?? model.tokenizer.encode("The capital of France is")
      let wanted = 8
      prompt = Array(prompt.suffix(max(1, model.spec.contextLength - wanted)))
      let completion = try Generator(model, engine: engine).generate(
        [prompt], stop: StopRules(maximumTokens: wanted))[0]
      let text = JSONValue.string(completion.text).text(.compact)
      return Finding(
        subject: "generation",
        detail: """
          \(completion.tokens.count) tokens after \(prompt.count) in \
          \(Self.seconds(since: start)): \(text)
          """)
    } catch {
      return Finding(subject: "generation", state: .bad, detail: "\(error)")
    }
  }

  private static let lesson = """
    A model that is trained on this sentence twice should find it likelier than before, or \
    something is wrong with it.
    """

  /// Two steps of LoRA on one text.
  private func training(_ model: LanguageModel) -> Finding {
    func fault(_ detail: String) -> Finding {
      Finding(subject: "training", state: .bad, detail: detail)
    }
    do {
      let start = ContinuousClock.now
      let ids = Array(model.tokenizer.encode(Self.lesson).prefix(model.spec.contextLength))
      guard ids.count > 1 else { return fault("the tokenizer makes \(ids.count) token of a text") }
      let values = try LoRA.method.values(JSONObject([("rank", .integer(4))]))
      let adapter = try LoRA.method.make(values, model, engine, 0)
      let optimizer = try Optimizers.named("adamw").make(adapter.parameters, 0, engine)
      var losses: [Float] = []
      for step in 1...3 {
        let tape = Tape()
        let pass = Pass(engine, tape: tape, recomputingBlocks: true)
        let hidden = model.decoder.hiddenStates(TokenBatch([ids]), adapter: adapter, in: pass)
        let loss = model.decoder.crossEntropy(
          hidden, rows: (0..<ids.count - 1).map { Int32($0) }, targets: Array(ids.dropFirst()),
          weight: 1 / Float(ids.count - 1), adapter: adapter, in: pass)
        losses.append(loss.total.values[0])
        guard losses.allSatisfy(\.isFinite) else {
          return fault("the loss of step \(step) is not a number")
        }
        // The third time only the loss is wanted.
        guard step < 3 else { break }
        let gradients = tape.gradients(
          of: loss.total, seed: engine.tensor([1], [1]), in: engine)
        optimizer.update(
          gradients, scale: 1, rate: LoRA.method.learningRate, step: step, in: engine)
      }
      let course = losses.map { String(format: "%.4f", $0) }.joined(separator: ", ")
      guard losses[2] < losses[0] else {
        return fault("the loss does not fall in two steps of LoRA: \(course)")
      }
      return Finding(
        subject: "training",
        detail: """
          loss \(course) in two steps of LoRA on \(ids.count) tokens, \
          \(Self.seconds(since: start))
          """)
    } catch {
      return fault("\(error)")
    }
  }
}
