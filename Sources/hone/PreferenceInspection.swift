import Foundation
import HoneData
import HoneFormats
import HoneText

/// What `hone inspect` tells of preferences: pairs of answers, or answers with a label.
struct PreferenceInspection {
  let train: PreferenceData
  /// What is held out, by its name.
  let others: [(name: String, data: PreferenceData)]
  let maxTokens: Int

  init(_ path: String, maxTokens: Int, reading read: (String) throws -> PreferenceData) throws {
    let folder = try DataFolder(path)
    train = try read(folder?.train ?? path)
    others = try [("valid", folder?.valid), ("test", folder?.test)].compactMap { name, path in
      try path.map { (name, try read($0)) }
    }
    self.maxTokens = maxTokens
  }

  /// What makes any of the data unfit for training.
  var faults: [DataError] { ([train] + others.map(\.data)).compactMap(\.fault) }

  // MARK: For people

  var page: String {
    let found = train.statistics
    var facts = Table(("", .left), ("", .left))
    facts.add("path", train.path)
    facts.add("format", train.format.rawValue)
    facts.add("records", found.records.grouped)
    if train.isPaired {
      facts.add("pairs", found.items.grouped)
    } else {
      facts.add("answers", "\(found.items.grouped), \(found.desirable.grouped) of them desirable")
    }
    facts.add(
      "tokens",
      "\(found.tokens.grouped), of prompts \(found.promptTokens.grouped), "
        + (train.isPaired
          ? "chosen \(found.chosenTokens.grouped), rejected \(found.rejectedTokens.grouped)"
          : "desirable \(found.chosenTokens.grouped), undesirable \(found.rejectedTokens.grouped)"))
    facts.add("end tokens", found.endTokens.grouped)
    facts.add(
      "lengths",
      "\(found.shortest) to \(found.longest), median \(found.median), "
        + "95 % up to \(found.percentile95), at most \(maxTokens)")
    if let accuracy = found.lengthAccuracy {
      let ties = found.items - found.longerChosen - found.shorterChosen
      facts.add(
        "by length",
        "chosen longer \(found.longerChosen.grouped), shorter \(found.shorterChosen.grouped), "
          + "equal \(ties.grouped): tells \(String(format: "%.1f %%", 100 * accuracy))")
    }
    facts.add(
      "cut",
      train.isPaired
        ? "chosen \(found.cutChosen.grouped), rejected \(found.cutRejected.grouped), "
          + "prompts \(found.cutPrompts.grouped)"
        : "answers \((found.cutChosen + found.cutRejected).grouped), "
          + "prompts \(found.cutPrompts.grouped)")
    facts.add("left out", found.skipped.grouped)
    facts.add("duplicates", found.duplicates.grouped)
    for (name, other) in others {
      facts.add(
        name,
        "\(other.count.grouped) \(other.isPaired ? "pairs" : "answers"), "
          + "\(other.sharedPrompts(with: train).grouped) of their prompts also trained on")
    }
    return ([facts.text] + lints.map { "note: \($0)" }).joined(separator: "\n")
  }

  /// What a person should know, of all files.
  private var lints: [String] {
    train.lints
      + others.flatMap { name, data in
        let shared = data.sharedPrompts(with: train)
        return data.lints.map { "\(name): \($0)" }
          + (shared > 0
            ? [
              "\(name): \(shared.grouped) of the prompts are trained on too, so it tells little "
                + "about new ones"
            ] : [])
      }
  }

  /// The first pairs or answers, with what is learned from marked.
  func examples(_ count: Int, _ tokenizer: Tokenizer) throws -> String {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    func text(_ ids: [Int32]) -> String {
      TokenSequence(ids: ids, trained: ids.map { _ in false }).text(tokenizer)
    }
    func marked(_ answer: [Int32], isGood: Bool) -> String {
      isTerminal ? "\u{1B}[1;\(isGood ? 32 : 31)m\(text(answer))\u{1B}[0m" : "⟦\(text(answer))⟧"
    }
    return try (0..<min(count, train.count)).map { index in
      let place = train.place(of: index)
      if train.isPaired {
        let pair = try train.pair(index)
        return """

          \(place): \(pair.prompt.count) tokens of prompt, \(pair.chosen.count) chosen, \
          \(pair.rejected.count) rejected
          \(text(pair.prompt))
          chosen:   \(marked(pair.chosen, isGood: true))
          rejected: \(marked(pair.rejected, isGood: false))
          """
      }
      let example = try train.example(index)
      return """

        \(place): \(example.prompt.count) tokens of prompt, \(example.completion.count) of answer, \
        \(example.isDesirable ? "desirable" : "undesirable")
        \(text(example.prompt))\(marked(example.completion, isGood: example.isDesirable))
        """
    }.joined(separator: "\n")
  }

  // MARK: For programs

  var json: JSONValue {
    let found = train.statistics
    var object = JSONObject([
      ("path", .string(train.path)), ("format", .string(train.format.rawValue)),
      ("records", .integer(found.records)),
      (train.isPaired ? "pairs" : "answers", .integer(found.items)),
      ("desirable", train.isPaired ? .null : .integer(found.desirable)),
      ("tokens", .integer(found.tokens)), ("prompt_tokens", .integer(found.promptTokens)),
      ("chosen_tokens", .integer(found.chosenTokens)),
      ("rejected_tokens", .integer(found.rejectedTokens)),
      ("end_tokens", .integer(found.endTokens)), ("shortest", .integer(found.shortest)),
      ("median", .integer(found.median)), ("percentile_95", .integer(found.percentile95)),
      ("longest", .integer(found.longest)), ("max_tokens", .integer(maxTokens)),
      ("longer_chosen", .integer(found.longerChosen)),
      ("shorter_chosen", .integer(found.shorterChosen)),
      ("length_accuracy", found.lengthAccuracy.map { .number($0) } ?? .null),
      ("length_biased", .bool(found.isLengthBiased)),
      ("cut_chosen", .integer(found.cutChosen)), ("cut_rejected", .integer(found.cutRejected)),
      ("cut_prompts", .integer(found.cutPrompts)), ("lost_ends", .integer(found.lostEnds.count)),
      (
        "left_out",
        .object(
          JSONObject(
            PreferenceSkip.allCases.compactMap { skip in
              found.skips[skip].map {
                (skip.rawValue.replacing(" ", with: "_"), .integer($0.count))
              }
            }))
      ),
      ("shortened_prompts", .integer(found.shortenedPrompts)),
      ("duplicates", .integer(found.duplicates)),
      ("contradictions", .integer(found.contradictions)),
      ("notes", .array(lints.map { .string($0) })),
    ])
    for (name, other) in others {
      object[name] = JSONValue([
        other.isPaired ? "pairs" : "answers": .integer(other.count),
        "prompts_also_trained": .integer(other.sharedPrompts(with: train)),
      ])
    }
    object["fault"] = train.fault.map { .string("\($0)") } ?? .null
    return .object(object)
  }
}
