import Foundation
import HoneFormats
import Testing

@testable import HoneData

@Suite struct PreferenceDataTests {
  private func data(
    _ text: String, named name: String = "data.jsonl", faulty: Bool = false,
    _ change: (inout PreferenceOptions) -> Void = { _ in }
  ) throws -> (set: PreferenceData, file: DataFile) {
    let file = try DataFile(text, named: name)
    var options = PreferenceOptions()
    change(&options)
    let renderer = try renderer()
    let set =
      try faulty
      ? PreferenceData(
        inspecting: RecordSources.open(file.path), renderer: renderer, options: options)
      : PreferenceData(file.path, renderer: renderer, options: options)
    return (set, file)
  }

  private func text(_ ids: [Int32]) throws -> String {
    try tinyTokenizer().decode(ids, skippingSpecialTokens: false)
  }

  private func pair(_ prompt: String, _ chosen: String, _ rejected: String) -> String {
    #"{"prompt": "\#(prompt)", "chosen": "\#(chosen)", "rejected": "\#(rejected)"}"#
  }

  private func single(_ prompt: String, _ completion: String, _ label: Bool) -> String {
    #"{"prompt": "\#(prompt)", "completion": "\#(completion)", "label": \#(label)}"#
  }

  @Test(arguments: [
    ("data.jsonl", #"{"prompt": "p", "chosen": "c", "rejected": "r"}"#),
    ("data.json", #"[{"chosen": "pc", "rejected": "pr"}]"#),
    ("data.csv", "prompt,chosen,rejected\r\np,c,r\r\n"),
  ])
  func `pairs come from any file`(_ name: String, _ rows: String) throws {
    let (set, file) = try data(rows, named: name)
    let pair = try withExtendedLifetime(file) { try set.pair(0) }
    #expect(try text(pair.prompt) == "p")
    #expect(try text(pair.chosen) == "c<|im_end|>")
    #expect(try text(pair.rejected) == "r<|im_end|>")
    #expect(set.count == 1 && set.isPaired && set.statistics.endTokens == 2)
  }

  @Test func `a person reads the last message of a prompt, the model all of it`() throws {
    let (set, file) = try data(
      #"{"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}], "#
        + #""chosen": [{"role": "assistant", "content": "c"}], "#
        + #""rejected": [{"role": "assistant", "content": "r"}]}"#)
    let question = try withExtendedLifetime(file) { try set.question(0) }
    #expect(question.text == "q")
    #expect(question.answer.contains("c") && !question.answer.contains("<|im_end|>"))
    #expect(try question.ids == set.pair(0).prompt)
  }

  @Test func `a folder's train file is read`() throws {
    let file = try DataFile(pair("p", "c", "r"), named: "train.jsonl")
    let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().path
    let set = try withExtendedLifetime(file) {
      try PreferenceData(folder, renderer: renderer(), options: PreferenceOptions())
    }
    #expect(set.count == 1)
  }

  @Test func `single answers keep their label`() throws {
    let (set, file) = try data(single("p", "c", true) + "\n" + single("p", "r", false))
    let found = try withExtendedLifetime(file) { try (0..<set.count).map(set.example) }
    #expect(found.map(\.isDesirable) == [true, false] && found.map(\.index) == [0, 1])
    #expect(try text(found[1].completion) == "r<|im_end|>")
    #expect(set.statistics.desirable == 1 && !set.isPaired)
    #expect {
      try set.expectPairs(for: "dpo")
    } throws: {
      "\($0)".contains("has single answers with a label, and dpo learns from pairs")
    }
  }

  @Test func `pairs become single answers, the chosen ones first`() throws {
    let (set, file) = try data([pair("p", "c", "r"), pair("q", "d", "s")].joined(separator: "\n")) {
      $0.unpairs = true
    }
    let found = try withExtendedLifetime(file) { try (0..<set.count).map(set.example) }
    #expect(
      try found.map { try text($0.prompt + $0.completion.dropLast()) } == ["pc", "qd", "pr", "qs"])
    #expect(found.map(\.isDesirable) == [true, true, false, false])
    #expect(found.map(\.index) == [0, 1, 2, 3])
  }

  @Test func `what cannot be learned from is left out, counted, and named`() throws {
    let rows = [
      pair("p", "c", "r"), pair("p", "same", "same"), pair("p", "", "r"), pair("p", "c", " "),
      pair("", "c", "r"), #"{"prompt": null, "chosen": "a", "rejected": "b"}"#, pair("q", "d", "s"),
    ]
    let (set, file) = try data(rows.joined(separator: "\n")) { $0.truncationLimit = 1 }
    #expect(set.count == 2)
    #expect(set.statistics.skips[.equalSides]?.records == [1])
    #expect(set.statistics.skips[.emptySide]?.records == [2, 3])
    #expect(set.statistics.skips[.noPrompt]?.records == [4, 5])
    #expect(
      set.lints == [
        "1 left out: equal sides (line 2)", "2 left out: an empty side (line 3, line 4)",
        "2 left out: no prompt (line 5, line 6)",
      ])
    // Numbers have no gaps, places are the file's.
    #expect(set.place(of: 1) == "line 7")
    #expect(try withExtendedLifetime(file) { try text(set.pair(1).prompt) } == "q")
  }

  @Test func `too much that cannot be learned from is an error with the lines`() {
    #expect {
      try data([pair("p", "c", "r"), pair("p", "same", "same")].joined(separator: "\n"))
    } throws: {
      "\($0)".contains("1 of 2 pairs cannot be learned from")
        && "\($0)".contains("1 left out: equal sides (line 2)")
    }
  }

  // MARK: Length

  private let long = "abcdefghijklmnopqrstuvwxyz0123456789"

  @Test func `the end is cut on either side, and lost end tokens are told`() throws {
    let (set, file) = try data(
      [pair("pp", long, "r"), pair("q", "c", long)].joined(separator: "\n")
    ) {
      $0.maxTokens = 10
      $0.truncationLimit = 1
    }
    let pairs = try withExtendedLifetime(file) { try (0..<set.count).map(set.pair) }
    #expect(pairs.map { max($0.chosen.count, $0.rejected.count) + $0.prompt.count } == [10, 10])
    #expect(try text(pairs[0].rejected) == "r<|im_end|>")
    #expect(try !text(pairs[0].chosen).contains("<|im_end|>"))
    #expect(set.statistics.cutChosen == 1 && set.statistics.cutRejected == 1)
    #expect(set.statistics.lostEnds.records == [0, 1] && set.statistics.endTokens == 2)
    #expect(set.lints.contains("2 lost their end token when cut (line 1, line 2)"))
  }

  @Test func `a prompt that fills all leaves no room, and sides can become equal`() throws {
    let rows = [pair(long, "c", "r"), pair("p", long + "x", long + "y"), pair("p", "c", "r")]
    let (set, _) = try data(rows.joined(separator: "\n")) {
      $0.maxTokens = 12
      $0.truncationLimit = 1
    }
    #expect(set.count == 1)
    #expect(set.statistics.skips[.noRoom]?.records == [0])
    #expect(set.statistics.skips[.equalOnceCut]?.records == [1])
  }

  @Test func `cutting the start leaves one prompt to both sides, and whole answers`() throws {
    let (set, file) = try data(pair(long, "c", "four")) {
      $0.maxTokens = 12
      $0.truncation = .start
      $0.truncationLimit = 1
    }
    let pair = try withExtendedLifetime(file) { try set.pair(0) }
    #expect(pair.prompt.count + pair.rejected.count == 12)
    #expect(try long.hasSuffix(text(pair.prompt)))
    #expect(try text(pair.chosen) == "c<|im_end|>" && text(pair.rejected) == "four<|im_end|>")
    #expect(set.statistics.cutPrompts == 1 && set.statistics.cut == 1)
  }

  @Test func `an answer as long as all leaves no prompt, and is left out`() throws {
    let rows = [pair("p", long, "r"), pair("p", "c", "r")].joined(separator: "\n")
    for truncation in [Truncation.start, .drop] {
      let (set, _) = try data(rows) {
        $0.maxTokens = 12
        $0.truncation = truncation
        $0.truncationLimit = 1
      }
      #expect(set.count == 1 && set.statistics.skips[.tooLong]?.records == [0])
    }
  }

  @Test func `too much that is too long is an error`() {
    #expect {
      try data(pair("p", long, "r")) { $0.maxTokens = 12 }
    } throws: {
      "\($0)".contains("1 of 1 pairs are longer than 12 tokens")
        && "\($0)".contains("raise data.max_tokens")
    }
    #expect {
      try data(pair("p", long, "r")) { $0.truncation = .split }
    } throws: {
      "\($0)".contains("preferences cannot be split")
    }
  }

  @Test func `nothing left is an error whatever is accepted`() {
    #expect {
      try data(pair(long, "c", "r")) {
        $0.maxTokens = 12
        $0.truncationLimit = 1
      }
    } throws: {
      "\($0)".contains("nothing to learn from is left")
        && "\($0)".contains("1 left out: no room for an answer (line 1)")
    }
  }

  @Test func `no end token anywhere is an error`() {
    #expect {
      try data(pair("p", long + "x", String(long.reversed()) + "y")) {
        $0.maxTokens = 12
        $0.truncationLimit = 1
      }
    } throws: {
      "\($0)".contains("no answer has an end token")
    }
  }

  // MARK: Faults

  @Test(arguments: [
    ("", "is empty"), (#"{"prompt": "p"}"#, "line 1: has \"prompt\", which is no format of"),
    (#"{"prompt": "p", "chosen": "c", "rejected": "r"}"# + "\n{", "line 2"),
    (
      #"{"prompt": "p", "chosen": "c", "rejected": "r"}"# + "\n" + #"{"prompt": "p", "chosen": 1}"#,
      "line 2: \"chosen\" is neither text nor messages"
    ),
    (
      #"{"prompt": "<|im_start|><|im_start|>p", "chosen": "c", "rejected": "r"}"#,
      "line 1: the text begins with two beginning-of-text tokens"
    ),
  ])
  func `faults say where and what`(_ rows: String, _ expected: String) {
    #expect {
      try data(rows)
    } throws: {
      "\($0)".contains(expected)
    }
  }

  @Test func `conversations need a chat template`() throws {
    let file = try DataFile(
      #"{"prompt": [{"role": "user", "content": "p"}], "chosen": [{"role": "assistant", "content": "c"}], "rejected": [{"role": "assistant", "content": "r"}]}"#
    )
    #expect {
      try PreferenceData(file.path, renderer: renderer(nil), options: PreferenceOptions())
    } throws: {
      "\($0)".contains("line 1: is a conversation, but the model has no chat template")
    }
  }

  @Test func `a file that changes is noticed`() throws {
    let (set, file) = try data(pair("p", "c", "r"))
    try Data(pair("p", "c", "c").utf8).write(to: URL(fileURLWithPath: file.path))
    #expect {
      try set.pair(0)
    } throws: {
      "\($0)".contains("line 1: has changed since the data was read")
    }
  }

  // MARK: Lints

  @Test func `repeated and contrary pairs are counted`() throws {
    let rows = [
      pair("p", "c", "r"), pair("p", "c", "r"), pair("p", "r", "c"), pair("q", "c", "r"),
    ]
    let (set, _) = try data(rows.joined(separator: "\n"))
    #expect(set.statistics.duplicates == 1)
    #expect(set.lints.contains("1 pairs are repeated"))
    #expect(set.lints.contains { $0.hasSuffix("pairs stand the other way round too") })
    let singles = [single("p", "c", true), single("p", "c", false), single("q", "c", true)]
    let (answers, _) = try data(singles.joined(separator: "\n"))
    #expect(answers.statistics.contradictions == 1)
    #expect(answers.lints == ["1 answers have both labels"])
  }

  @Test func `labels that are all the same are told`() throws {
    let (set, _) = try data(single("p", "c", true) + "\n" + single("q", "c", true))
    #expect(set.lints == ["all labels are true: there is nothing to tell apart"])
  }

  @Test func `length that explains the preference is told, and chance is not`() throws {
    func rows(_ longer: Int, _ shorter: Int) -> String {
      ((0..<longer).map { pair("p\($0)", "good and long", "bad") }
        + (0..<shorter).map { pair("q\($0)", "good", "bad and long") }).joined(separator: "\n")
    }
    let (biased, _) = try data(rows(30, 5))
    #expect(biased.statistics.isLengthBiased)
    #expect(
      biased.lints == [
        "the longer answer is the chosen one in 86 % of the pairs: length alone explains that much "
          + "of the preference"
      ])
    let (fair, _) = try data(rows(20, 18))
    #expect(!fair.statistics.isLengthBiased && fair.lints.isEmpty)
    // Four of five, but five pairs say nothing.
    let (few, _) = try data(rows(4, 1))
    #expect(few.statistics.lengthAccuracy == 0.8 && !few.statistics.isLengthBiased)
  }

  @Test func `prompts that are trained and held out are counted once each`() throws {
    let (train, _) = try data(
      [pair("p", "c", "r"), pair("q", "c", "r"), pair("s", "c", "r")].joined(separator: "\n"))
    let (valid, _) = try data(
      [pair("p", "x", "y"), pair("p", "v", "w"), pair("z", "c", "r")].joined(separator: "\n"))
    #expect(valid.sharedPrompts(with: train) == 1)
    let (none, _) = try data(pair("a", "c", "r"))
    #expect(none.sharedPrompts(with: train) == 0)
  }

  @Test func `the fingerprint follows tokens, order and cutting`() throws {
    let one = pair("p", "c", "r")
    let two = pair("q", long, "s")
    let same = try data(one + "\n" + two).set.fingerprint
    #expect(try data(one + "\n" + two).set.fingerprint == same)
    #expect(try data(two + "\n" + one).set.fingerprint != same)
    #expect(try data(one + "\n" + pair("q", long, "t")).set.fingerprint != same)
    let cut = try data(one + "\n" + two) {
      $0.maxTokens = 12
      $0.truncationLimit = 1
    }
    #expect(cut.set.fingerprint != same)
    let unpaired = try data(one + "\n" + two) { $0.unpairs = true }
    #expect(unpaired.set.fingerprint != same)
  }

  @Test func `a ranked list's pairs are numbered one by one`() throws {
    let (set, file) = try data(#"{"prompt": "p", "completions": ["a", "b", "c"]}"#)
    let pairs = try withExtendedLifetime(file) { try (0..<set.count).map(set.pair) }
    #expect(pairs.map(\.index) == [0, 1, 2])
    #expect(
      try pairs.map { try text($0.chosen.dropLast() + $0.rejected.dropLast()) } == [
        "ab", "ac", "bc",
      ])
  }

  @Test func `prompts that end otherwise with an answer are told`() throws {
    let template = plainTemplate.replacing("[assistant]{%", with: "[assistant]<think>{%")
    let file = try DataFile(
      #"{"prompt": [{"role": "user", "content": "p"}], "chosen": [{"role": "assistant", "content": "c"}], "rejected": [{"role": "assistant", "content": "r"}]}"#
    )
    let set = try withExtendedLifetime(file) {
      try PreferenceData(file.path, renderer: renderer(template), options: PreferenceOptions())
    }
    #expect(set.statistics.shortenedPrompts == 1)
    #expect(set.lints.contains { $0.contains("end otherwise where an answer follows") })
  }
}
