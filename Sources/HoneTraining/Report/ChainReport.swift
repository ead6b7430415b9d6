import HoneReport

/// The report of a recipe with stages; ``html`` is the page.
package struct ChainReport: Sendable {
  package var title: String
  package var summary: String
  package var outcome: String
  /// The untrained model, then the stages.
  package var columns: [String]
  /// What stands over the scores, and under them.
  package var heading = "Stage by stage, on held-out data"
  package var note = ""
  package var scores: [Score] = []
  package var samples: [Sample] = []
  /// What is said about each stage.
  package var stages: [ReportContent] = []
  package var recipe = ""

  package init(title: String, summary: String, outcome: String, columns: [String]) {
    self.title = title
    self.summary = summary
    self.outcome = outcome
    self.columns = columns
  }

  /// Something measured, a value a column.
  package struct Score: Sendable {
    package var name: String
    package var values: [String]
    /// How much of all that is, from 0 to 1.
    package var shares: [Double]

    package init(_ name: String, _ values: [String], shares: [Double]) {
      self.name = name
      self.values = values
      self.shares = shares
    }
  }

  /// A question with an answer a column.
  package struct Sample: Sendable {
    package var question: String
    package var answers: [String]
    package var expects: [String]

    package init(question: String, answers: [String], expects: [String]) {
      self.question = question
      self.answers = answers
      self.expects = expects
    }
  }

  package var html: String {
    var whole = ReportContent(title: title, summary: summary, outcome: outcome)
    whole.recipe = recipe
    let parts =
      [whole.header, table, answers] + stages.map(Self.stage)
      + [whole.recipePart, stages.last?.provenance ?? ""]
    return ReportPage.html(title: title, parts)
  }

  private static func stage(_ content: ReportContent) -> String {
    let parts = [content.chart, content.curveCharts, content.smallCharts, content.columns]
    return """
      <section class="stage">
      \(content.stageHeader)
      \(parts.filter { !$0.isEmpty }.joined(separator: "\n"))
      </section>
      """
  }

  private var table: String {
    guard !scores.isEmpty else { return "" }
    let heads = columns.map { "<th scope=\"col\">\($0.asMarkup)</th>" }.joined()
    let rows = scores.map { score in
      let cells = score.values.enumerated().map { index, value in
        // What is no share of anything has no bar.
        index < score.shares.count
          ? ReportContent.score(value, share: score.shares[index], index == 0 ? "before" : "after")
          : "<td>\(value.asMarkup)</td>"
      }
      return "<tr><th scope=\"row\">\(score.name.asMarkup)</th>\(cells.joined())</tr>"
    }
    return """
      <section>
      <h2>\(heading.asMarkup)</h2>
      <table class="exam">
      <thead><tr><td></td>\(heads)</tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table>\(note.isEmpty ? "" : "\n<p class=\"outcome\">\(note.asMarkup)</p>")
      </section>
      """
  }

  private var answers: String {
    guard !samples.isEmpty else { return "" }
    let items = samples.map { sample in
      let parts = zip(columns, sample.answers).enumerated().map { index, pair in
        ReportContent.answer(
          pair.1, index == 0 ? "before" : "after", sample.expects, titled: pair.0)
      }
      return """
        <article>
        <p class="question" dir="auto">\(sample.question.asMarkup)</p>
        <div class="pair" style="grid-template-columns: repeat(\(sample.answers.count), 1fr)">
        \(parts.joined(separator: "\n"))
        </div>
        </article>
        """
    }
    return """
      <section>
      <h2>Answers side by side</h2>
      \(items.joined(separator: "\n"))
      </section>
      """
  }
}
