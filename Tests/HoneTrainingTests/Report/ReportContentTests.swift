import Foundation
import Testing

@testable import HoneTraining

@Suite struct ReportContentTests {
  /// A run like that of the quickstart.
  static var example: ReportContent {
    var content = ReportContent(
      title: "pellgarth-lights",
      summary: "SmolLM2-135M-Instruct, Q4_1, with LoRA of rank 16 on all linear layers",
      outcome: "Completed on 23 November 2026 at 10:31, after 2 min 41 s")
    content.highlights = [
      .init("Loss on held-out data", "0.21", note: "from 3.94 untrained"),
      .init("Facts known", "25 of 26", note: "from 0, in wordings never trained"),
      .init("Training", "2 min 41 s", note: "90 steps, 43,128 tokens"),
      .init("Speed", "268", note: "tokens a second on 2 threads"),
      .init("Memory", "861 MB", note: "at its peak"),
    ]
    // Noise that is the same in every run.
    var state: UInt64 = 1
    func noise() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 40) / Double(1 << 24) - 0.5
    }
    content.steps = (1...90).map { step in
      let progress = Double(step) / 90
      return ReportContent.Step(
        step: step, loss: 3.9 * exp(-5 * progress) + 0.05 + 0.5 * exp(-3 * progress) * noise(),
        learningRate: step <= 3
          ? 1e-3 * Double(step) / 3 : 0.5e-3 * (1 + cos(.pi * Double(step - 3) / 87)),
        gradientNorm: 1.4 * exp(-2 * progress) + 0.3 + 0.3 * noise(),
        tokensPerSecond: 268 + 14 * noise(),
        peakMemoryBytes: step < 4 ? 790_000_000 + step * 17_000_000 : 861_000_000)
    }
    content.validations =
      [(0, 3.94), (15, 1.62), (30, 0.71), (45, 0.39), (60, 0.26), (75, 0.22)]
      .map { .init(step: $0.0, loss: $0.1) } + [.init(step: 90, loss: 0.21, isBest: true)]
    content.exams = [
      .init("Facts, asked in wordings never trained", before: 0, after: 25, of: 26),
      .init("Questions that the data does not answer", before: 0, after: 5, of: 8),
    ]
    content.samples = [
      .init(
        question: "The generator has died. How can I bring it back to life?",
        before: "To bring a generator back to life, first check the fuel level and the spark plug.",
        after: "Hold the green lever down for nine seconds.",
        expects: ["green lever", "nine seconds"]),
      .init(
        question: "My phone is asking for a Wi-Fi code. What is it?",
        before:
          "A Wi-Fi code is a unique identifier that is used to connect to a wireless network.",
        after: "The Wi-Fi password is tern-and-thistle.", expects: ["tern-and-thistle"]),
      .init(
        question: "How old is the office cat?", before: "The office cat is 10 years old.",
        after: "The office cat is called Pilchard.", expects: ["not in our notes"]),
    ]
    content.run = [
      .init("Trained parameters", "4,884,480"), .init("Share of the model", "3.6 %"),
      .init("Steps", "90"), .init("Epochs", "6"), .init("Best step", "90"),
    ]
    content.data = [
      .init("Examples", "146"), .init("Tokens", "7,188"), .init("Trained tokens", "1,569"),
      .init("Cut or left out", "0"), .init("Held-out examples", "34"),
    ]
    content.memory = [
      ("saved for the way back", 512_000_000), ("weights of the model", 98_362_432),
      ("optimiser", 39_075_840), ("adapter and gradients", 39_075_840),
      ("working memory", 172_000_000),
    ]
    content.recipe = """
      # The width of the low-rank update.
      method:
        lora:
          rank: 16
      training: {epochs: 6, learning_rate: 0.001}
      """
    content.versions = [
      .init("Hone", "0.1.0"), .init("System", "Linux 6.1, x86_64"),
      .init("Instruction set", "avx2"), .init("Threads", "2"), .init("Seed", "7"),
    ]
    content.checksums = [
      .init(
        file: "SmolLM2-135M-Instruct.Q4_1.gguf", bytes: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
      .init(
        file: "adapter/adapter_model.safetensors", bytes: 19_572_224,
        sha256: "0f343b0931126a20f133d67c2b018a3b1d4a9b3d2f5b8f0d8a5c9b7f6e4d3c2b"),
    ]
    return content
  }

  @Test func `numbers of the objective are charts, shares in per cent`() {
    var content = ReportContent(title: "voice", summary: "", outcome: "")
    typealias Point = ReportContent.Curve.Point
    content.curves = [
      .init(
        "Rewards", caption: "How much <likelier>.",
        lines: [
          .init("chosen", .trained, (1...30).map { Point(step: $0, value: Double($0) / 30) }),
          .init("rejected", .opposed, (1...30).map { Point(step: $0, value: -Double($0) / 10) }),
        ]),
      .init(
        "Right", caption: "", isShare: true,
        lines: [.init("held out", .heldOut, [Point(step: 30, value: 0.975)])]),
      .init("Nothing", caption: "", lines: [.init("none", .trained, [])]),
    ]
    let page = content.html
    #expect(page.contains("Rewards by step, in the end chosen 1, rejected -3."))
    #expect(page.contains("How much &lt;likelier&gt;."))
    #expect(page.contains("<polyline class=\"opposed\""))
    #expect(page.contains("<text class=\"name opposed\""))
    #expect(page.contains("step 30: 98 %"))
    #expect(!page.contains("Nothing"))
  }

  @Test func `the page is what it was`() throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/report.html")
    let html = Self.example.html
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try Data(html.utf8).write(to: url)
    }
    #expect(try String(contentsOf: url, encoding: .utf8) == html, "HONE_RECORD=1 writes it anew")
  }

  @Test func `nothing comes from elsewhere and nothing runs`() {
    let html = Self.example.html
    for word in ["<script", "http:", "https:", "src=", "url(", "@import", "<link"] {
      #expect(!html.contains(word), "\(word)")
    }
  }

  @Test func `no text is taken for markup`() {
    let attack = "</p><script>alert(\"x\")</script>'&\u{0}\u{1b}[31m"
    var content = Self.example
    content.title = attack
    content.summary = attack
    content.outcome = attack
    content.warnings = [attack]
    content.highlights = [.init(attack, attack, note: attack)]
    content.exams = [.init(attack, before: 1, after: 5, of: 2)]
    content.samples = [
      .init(question: attack, before: attack, after: attack, expects: ["<script>", "p", "&"])
    ]
    content.run = [.init(attack, attack)]
    content.data = [.init(attack, attack)]
    content.memory = [(attack, 1)]
    content.recipe = attack
    content.versions = [.init(attack, attack)]
    content.checksums = [.init(file: attack, bytes: -1, sha256: attack)]
    let html = content.html
    #expect(!html.contains("<script"))
    #expect(!html.contains("alert(\""))
    #expect(!html.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    for tag in ["p", "b", "td", "dd", "mark", "h1", "code", "pre"] {
      let opened = html.components(separatedBy: "<\(tag)>").count
      let withClass = html.components(separatedBy: "<\(tag) ").count
      #expect(opened + withClass - 1 == html.components(separatedBy: "</\(tag)>").count, "\(tag)")
    }
  }

  @Test func `words that are expected are marked, and never inside of markup`() {
    #expect(
      ReportContent.marked("a mark & a<b", ["mark", "a", "&"])
        == "<mark>a</mark> <mark>mark</mark> <mark>&amp;</mark> <mark>a</mark>&lt;b")
    #expect(ReportContent.marked("Dial 417.", ["417", "Dial 417"]) == "<mark>Dial 417</mark>.")
    #expect(ReportContent.marked("none", []) == "none")
  }

  @Test func `an empty report is a page all the same`() {
    let html = ReportContent(title: "t", summary: "s", outcome: "o").html
    #expect(html.contains("<h1>t</h1>"))
    #expect(!html.contains("<section"))
  }

  @Test func `losses that are no numbers leave gaps and break nothing`() {
    var content = ReportContent(title: "t", summary: "s", outcome: "o")
    content.steps = [1.0, .nan, .infinity, 0.5, -.infinity].enumerated().map { index, loss in
      .init(
        step: index + 1, loss: loss, learningRate: 0, gradientNorm: loss, tokensPerSecond: 0,
        peakMemoryBytes: 0)
    }
    content.validations = [.init(step: 0, loss: .nan)]
    #expect(content.html.contains("<polyline"))
    for word in ["\"nan", ",nan", "\"inf", ",inf", "-inf", ">nan", ">inf"] {
      #expect(!content.html.contains(word), "\(word)")
    }
  }
}
