import Foundation
import HoneReport

extension ReportContent {
  /// The report as one page that needs nothing else: no scripts, no fonts or pictures from elsewhere.
  public var html: String {
    let parts = [
      header, chart, curveCharts, smallCharts, exam, answers, columns, memoryPart, recipePart,
      provenance,
    ]
    return ReportPage.html(title: title, parts)
  }

  // MARK: Head

  var header: String {
    """
    <header>
    <p class="outcome">\(outcome.asMarkup)</p>
    <h1>\(title.asMarkup)</h1>
    <p class="summary">\(summary.asMarkup)</p>
    </header>
    """ + notices
  }

  /// The same on the page of several stages.
  var stageHeader: String {
    """
    <header>
    <h1>\(title.asMarkup)</h1>
    <p class="summary">\(summary.asMarkup)</p>
    </header>
    """ + notices
  }

  private var notices: String {
    let numbers = highlights.map { highlight in
      let note = highlight.note.isEmpty ? "" : "<small>\(highlight.note.asMarkup)</small>"
      return """
        <div><dt>\(highlight.name.asMarkup)</dt><dd>\(highlight.value.asMarkup)\(note)</dd></div>
        """
    }
    let warned = warnings.map { "<li>\($0.asMarkup)</li>" }.joined(separator: "\n")
    return (warned.isEmpty ? "" : "\n<ul class=\"warnings\">\n\(warned)\n</ul>")
      + (numbers.isEmpty
        ? "" : "\n<dl class=\"highlights\">\n\(numbers.joined(separator: "\n"))\n</dl>")
  }

  // MARK: Charts

  var chart: String {
    let losses = steps.map { (x: Double($0.step), y: $0.loss) }
    let held = validations.map { (x: Double($0.step), y: $0.loss) }
    guard !losses.isEmpty || !held.isEmpty else { return "" }
    var lines = [ReportChart.Line(name: "", style: .faint, points: losses)]
    lines.append(.init(name: "trained", style: .line, points: Self.smoothed(losses)))
    lines.append(.init(name: "held out", style: .marked, points: held))
    let last = steps.last.map { " Last step: \(ReportText.digits($0.loss))." } ?? ""
    let best =
      validations.filter(\.loss.isFinite).min { $0.loss < $1.loss }
      .map { " Best on held-out data: \(ReportText.digits($0.loss)) at step \($0.step)." } ?? ""
    let svg = ReportChart(summary: "Loss by step.\(last)\(best)", lines: lines) {
      ReportText.digits($0, 3)
    }.svg
    let caption =
      held.isEmpty
      ? "The loss of each step, and what it comes to when single steps are smoothed."
      : "The loss of each step, smoothed, and the loss on data that is never trained on."
    return """
      <section class="loss">
      <h2>Loss</h2>
      <figure>
      \(svg)<figcaption>\(caption) Across: steps.</figcaption>
      </figure>
      </section>
      """
  }

  var curveCharts: String {
    let figures = curves.filter { $0.lines.contains { !$0.points.isEmpty } }.map { curve in
      let label: (Double) -> String = {
        curve.isShare ? "\(Int((100 * $0).rounded())) %" : ReportText.digits($0, 3)
      }
      let lines = curve.lines.map { line in
        let points = line.points.map { (x: Double($0.step), y: $0.value) }
        return switch line.kind {
        case .trained:
          ReportChart.Line(name: line.name, style: .line, points: Self.smoothed(points))
        case .opposed:
          ReportChart.Line(name: line.name, style: .opposed, points: Self.smoothed(points))
        case .heldOut: ReportChart.Line(name: line.name, style: .marked, points: points)
        }
      }
      let ends = curve.lines.compactMap { line in
        line.points.last.map { "\(line.name) \(label($0.value))" }
      }
      let svg = ReportChart(
        summary: "\(curve.name) by step, in the end \(ends.joined(separator: ", ")).",
        lines: lines, width: 420, height: 200, tickCount: 4, label: label
      ).svg
      return """
        <figure>
        <h3>\(curve.name.asMarkup)</h3>
        \(svg)<figcaption>\(curve.caption.asMarkup)</figcaption>
        </figure>
        """
    }
    guard !figures.isEmpty else { return "" }
    return "<section class=\"small curves\">\n\(figures.joined(separator: "\n"))\n</section>"
  }

  var smallCharts: String {
    guard steps.count > 1 else { return "" }
    let charts: [(name: String, value: (Step) -> Double, label: (Double) -> String)] = [
      ("Learning rate", \.learningRate, { ReportText.digits($0, 2) }),
      ("Gradient norm", \.gradientNorm, { ReportText.digits($0, 3) }),
      ("Tokens a second", \.tokensPerSecond, { ReportText.digits($0, 3) }),
      ("Peak memory", { Double($0.peakMemoryBytes) }, ReportText.bytes),
    ]
    let figures = charts.map { chart in
      let points = steps.map { (x: Double($0.step), y: chart.value($0)) }
      let highest = points.map(\.y).filter(\.isFinite).max() ?? 0
      let svg = ReportChart(
        summary: "\(chart.name) by step, at most \(chart.label(highest)).",
        lines: [.init(name: "", style: .line, points: points)], width: 420, height: 150,
        tickCount: 3, label: chart.label
      ).svg
      return "<figure>\n<h3>\(chart.name)</h3>\n\(svg)</figure>"
    }
    return "<section class=\"small\">\n\(figures.joined(separator: "\n"))\n</section>"
  }

  /// A mean over each step and its neighbours, the nearer ones weighing more: a fortieth of the run
  /// to either side.
  static func smoothed(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let finite = points.filter(\.y.isFinite)
    // No more neighbours than a chart of so many points can show, so that long runs stay quick.
    let reach = min(max(1, finite.count / 40), 500)
    let stride = max(1, finite.count / 2_000)
    return finite.indices.filter { $0 % stride == 0 || $0 == finite.count - 1 }.map { index in
      var sum = 0.0
      var weight = 0.0
      for near in max(0, index - reach)...min(finite.count - 1, index + reach) {
        let share = Double(reach + 1 - abs(near - index))
        sum += share * finite[near].y
        weight += share
      }
      return (finite[index].x, sum / weight)
    }
  }

  // MARK: Results

  private var exam: String {
    guard !exams.isEmpty else { return "" }
    let rows = exams.map { exam in
      """
      <tr><th scope="row">\(exam.name.asMarkup)</th>\(Self.score(exam.before, of: exam.count, "before"))\
      \(Self.score(exam.after, of: exam.count, "after"))</tr>
      """
    }
    return """
      <section>
      <h2>What it knows</h2>
      <table class="exam">
      <thead><tr><td></td><th scope="col">before</th><th scope="col">after</th></tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table>
      </section>
      """
  }

  private static func score(_ right: Int, of count: Int, _ kind: String) -> String {
    score(
      "\(ReportText.count(right)) of \(ReportText.count(count))",
      share: count > 0 ? Double(right) / Double(count) : 0, kind)
  }

  static func score(_ value: String, share: Double, _ kind: String) -> String {
    """
    <td>\(ReportPage.bar(share, kind))\
    <span class="score">\(value.asMarkup)</span></td>
    """
  }

  private var answers: String {
    guard !samples.isEmpty else { return "" }
    let items = samples.map { sample in
      """
      <article>
      <p class="question" dir="auto">\(sample.question.asMarkup)</p>
      <div class="pair">
      \(Self.answer(sample.before, "before", sample.expects))
      \(Self.answer(sample.after, "after", sample.expects))
      </div>
      </article>
      """
    }
    return """
      <section>
      <h2>Answers before and after</h2>
      \(items.joined(separator: "\n"))
      </section>
      """
  }

  static func answer(
    _ text: String, _ kind: String, _ expects: [String], titled title: String? = nil
  ) -> String {
    var mark = ""
    if !expects.isEmpty {
      let isRight = expects.allSatisfy(text.contains)
      mark = " <span class=\"\(isRight ? "right" : "wrong")\">\(isRight ? "right" : "wrong")</span>"
    }
    let words = text.isEmpty ? "<em>nothing</em>" : marked(text, expects)
    return """
      <div class="\(kind)"><h3>\((title ?? kind).asMarkup)\(mark)</h3><p dir="auto">\(words)</p></div>
      """
  }

  /// The text as markup, with the words that a right answer contains marked.
  static func marked(_ text: String, _ words: [String]) -> String {
    var result = ""
    var rest = text[...]
    while true {
      let found = words.filter { !$0.isEmpty }.compactMap { rest.range(of: $0) }
        .min { ($0.lowerBound, $1.upperBound) < ($1.lowerBound, $0.upperBound) }
      guard let found else { return result + String(rest).asMarkup }
      result += String(rest[..<found.lowerBound]).asMarkup
      result += "<mark>\(String(rest[found]).asMarkup)</mark>"
      rest = rest[found.upperBound...]
    }
  }

  // MARK: Figures

  var columns: String {
    let parts = [("Run", run), ("Data", data)].filter { !$0.1.isEmpty }.map { name, entries in
      "<section>\n<h2>\(name)</h2>\n\(Self.list(entries))\n</section>"
    }
    return parts.isEmpty ? "" : "<div class=\"columns\">\n\(parts.joined(separator: "\n"))\n</div>"
  }

  private static func list(_ entries: [Entry]) -> String {
    ReportPage.list(entries.map { ($0.name, $0.value) })
  }

  private var memoryPart: String {
    guard let largest = memory.map(\.bytes).max(), largest > 0 else { return "" }
    let rows = memory.map { part in
      """
      <tr><th scope="row">\(part.name.asMarkup)</th>\
      <td>\(ReportPage.bar(Double(part.bytes) / Double(largest), "after"))</td>\
      <td class="number">\(ReportText.bytes(Double(part.bytes)))</td></tr>
      """
    }
    let total = memory.map(\.bytes).reduce(0, +)
    return """
      <section>
      <h2>Memory at its peak</h2>
      <table class="memory">
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      <tfoot><tr><th scope="row">together</th><td></td>\
      <td class="number">\(ReportText.bytes(Double(total)))</td></tr></tfoot>
      </table>
      </section>
      """
  }

  // MARK: What it was made of

  var recipePart: String {
    guard !recipe.isEmpty else { return "" }
    let lines = recipe.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let start = line.firstIndex { $0 != " " } ?? line.endIndex
      let text = String(line).asMarkup
      return start < line.endIndex && line[start] == "#" ? "<i>\(text)</i>" : text
    }
    return """
      <section>
      <h2>Recipe</h2>
      <pre>\(lines.joined(separator: "\n"))</pre>
      </section>
      """
  }

  var provenance: String {
    guard !versions.isEmpty || !checksums.isEmpty else { return "" }
    let files = checksums.map { file in
      """
      <tr><th scope="row">\(file.file.asMarkup)</th>\
      <td class="number">\(ReportText.count(file.bytes))</td><td><code>\(file.sha256.asMarkup)</code></td></tr>
      """
    }
    let table =
      files.isEmpty
      ? ""
      : """

      <table class="files">
      <thead><tr><th scope="col">file</th><th scope="col" class="number">bytes</th>\
      <th scope="col">SHA-256</th></tr></thead>
      <tbody>
      \(files.joined(separator: "\n"))
      </tbody>
      </table>
      """
    return """
      <section class="provenance">
      <h2>Made with</h2>
      \(versions.isEmpty ? "" : Self.list(versions))\(table)
      </section>
      """
  }
}
