import Foundation
import HoneReport

extension SynthesisReport {
  /// The report as one page that needs nothing else.
  package var html: String {
    ReportPage.html(
      title: options.pipeline,
      [header, losses, map, drawn, filters, accepted, rejected, columns])
  }

  private var header: String {
    let share =
      funnel.candidates > 0 ? Double(funnel.accepted) / Double(funnel.candidates) : 0
    var numbers = [
      (
        "accepted", ReportText.count(funnel.accepted),
        "of \(ReportText.count(options.accepted)) wanted"
      ),
      ("yield", Self.percent(share), "of \(ReportText.count(funnel.candidates)) candidates"),
    ]
    if !documents.isEmpty {
      numbers.append(
        (
          "passages covered", ReportText.count(coverage.covered),
          "of \(ReportText.count(coverage.all))"
        ))
    }
    if let diversity {
      numbers.append(
        (
          "worth", ReportText.digits(diversity.vendiScore),
          "different requests of \(ReportText.count(diversity.count)) (Vendi score)"
        ))
    }
    let items = numbers.map { name, value, note in
      """
      <div><dt>\(name.asMarkup)</dt><dd>\(value.asMarkup)<small>\(note.asMarkup)</small></dd></div>
      """
    }
    let unable = calibration?.findings.filter { !$0.isOn }.map(\.filter) ?? []
    let warning =
      unable.isEmpty
      ? ""
      : """

      <ul class="warnings">
      <li>\(unable.joined(separator: ", ").asMarkup) cannot tell true from false on these \
      documents and judged nothing.</li>
      </ul>
      """
    let read = documents.isEmpty ? examplePaths : options.documents
    let outcome =
      !documents.isEmpty
      ? "data made of documents"
      : read.isEmpty ? "data made of what a model says" : "data made after examples"
    let files = read.isEmpty ? "" : "\(read.joined(separator: ", ")), "
    return """
      <header>
      <p class="outcome">\(outcome)</p>
      <h1>\(options.pipeline.asMarkup)</h1>
      <p class="summary">\(files.asMarkup)by \(teacher.asMarkup)</p>
      </header>\(warning)
      <dl class="highlights">
      \(items.joined(separator: "\n"))
      </dl>
      """
  }

  // MARK: Where candidates went

  private var losses: String {
    guard funnel.candidates > 0 else { return "" }
    let parts =
      [("candidates", funnel.candidates, "before")]
      + funnel.losses.map { ("rejected by \($0.filter)", $0.count, "before") }
      + [("accepted", funnel.accepted, "after")]
    let rows = parts.map { name, count, kind in
      """
      <tr><th scope="row">\(name.asMarkup)</th><td>\(ReportPage.bar(Double(count) / Double(funnel.candidates), kind))</td>\
      <td class="number">\(ReportText.count(count))</td></tr>
      """
    }
    return """
      <section>
      <h2>From candidates to data</h2>
      <table class="memory">
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table>
      </section>
      """
  }

  /// A square for each passage, the darker the more was accepted of it.
  private var map: String {
    let most = documents.flatMap(\.passages).map(\.accepted).max() ?? 0
    guard most > 0 else { return "" }
    let parts = documents.map { name, passages in
      let cells = passages.map { passage in
        let about = passage.headings.isEmpty ? "" : "\(passage.headings): "
        let title = "\(about)\(passage.accepted) accepted, \(passage.rejected) rejected"
        let share = String(format: "%.2f", Double(passage.accepted) / Double(most))
        let isUnused = passage.isHeldOut && passage.accepted + passage.rejected == 0
        return isUnused
          ? "<i class=\"held\" title=\"\("\(about)held out".asMarkup)\"></i>"
          : "<i style=\"--share:\(share)\" title=\"\(title.asMarkup)\"></i>"
      }
      return "<h3>\(name.asMarkup)</h3>\n<div class=\"cells\">\(cells.joined())</div>"
    }
    return """
      <section>
      <h2>Where it comes from</h2>
      \(parts.joined(separator: "\n"))
      <p class="outcome">A square is a passage, in the document's order; the fullest has \
      \(ReportText.count(most)). Dashed: held out.</p>
      </section>
      """
  }

  // MARK: What samplers drew

  private var drawn: String {
    guard !funnel.coverage.isEmpty else { return "" }
    let rows = funnel.coverage.map { part in
      let name = "\(part.sampler.rawValue): \(part.value)"
      let share = Double(part.accepted) / Double(max(1, part.drawn))
      return """
        <tr><th scope="row">\(name.asMarkup)</th><td>\(ReportPage.bar(share, "after"))</td>\
        <td class="number">\(ReportText.count(part.accepted)) of \(ReportText.count(part.drawn))</td></tr>
        """
    }
    return """
      <section>
      <h2>What was drawn</h2>
      <p class="outcome">How many of the candidates that drew a value were accepted.</p>
      <table class="memory">
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table>
      </section>
      """
  }

  // MARK: What the filters measured

  private var filters: String {
    let figures = (calibration?.findings ?? []).map { finding in
      let line = finding.isJoined ? nil : finding.threshold
      let state =
        finding.isJoined
        ? "judges with others"
        : finding.threshold.map { threshold in
          let passes = finding.trueAccepted
          return "line \(ReportText.digits(threshold)): \(Self.percent(passes)) of the true and "
            + "\(Self.percent(finding.falseAccepted)) of the false controls pass"
        } ?? "off: it cannot tell here"
      let svg = ReportHistogram(
        summary: "Values of \(finding.filter), AUC \(ReportText.digits(finding.auc)).",
        series: [
          .init(.faint, scores[finding.filter] ?? []), .init(.opposed, finding.falseValues),
          .init(.line, finding.trueValues),
        ], mark: line
      ).svg
      return """
        <figure>
        <h3>\(finding.filter.asMarkup), AUC \(ReportText.digits(finding.auc, 2))</h3>
        \(svg)<figcaption>\(state.asMarkup)</figcaption>
        </figure>
        """
    }
    guard !figures.isEmpty else { return "" }
    return """
      <section>
      <h2>What the filters measured</h2>
      <p class="outcome key">How often each value came: of <span class="line">true controls</span>, \
      of <span class="opposed">false ones</span> and, pale, of the candidates.</p>
      <div class="small">
      \(figures.joined(separator: "\n"))
      </div>
      </section>
      """
  }

  // MARK: Examples

  private var accepted: String {
    guard !examples.isEmpty else { return "" }
    let items = examples.map { Self.article($0.request, $0.response, $0.source, kind: "after") }
    return """
      <section>
      <h2>Some of what was accepted</h2>
      \(items.joined(separator: "\n"))
      </section>
      """
  }

  private var rejected: String {
    let parts = funnel.losses.map { loss in
      let items = loss.examples.map {
        Self.article($0.request, $0.response, $0.reason, kind: "before")
      }
      return """
        <h3>\(loss.filter.asMarkup) rejected \(ReportText.count(loss.count))</h3>
        \(items.joined(separator: "\n"))
        """
    }
    guard !parts.isEmpty else { return "" }
    return """
      <section>
      <h2>Why the rest was not</h2>
      \(parts.joined(separator: "\n"))
      </section>
      """
  }

  private static func article(
    _ request: String, _ response: String, _ note: String, kind: String
  ) -> String {
    """
    <article>
    <p class="question" dir="auto">\(request.asMarkup)</p>
    <p class="\(kind)" dir="auto">\(response.asMarkup)</p>
    <p class="outcome">\(note.asMarkup)</p>
    </article>
    """
  }

  // MARK: Figures

  private var columns: String {
    func rejected(by filter: String) -> String {
      ReportText.count(funnel.losses.first { $0.filter == filter }?.count ?? 0)
    }
    var differences: [(name: String, value: String)] = [
      ("duplicates", rejected(by: "duplicate")),
      ("asked in an exam as well", rejected(by: "contamination")),
    ]
    if options.paraphraseCost != nil {
      differences.append(("the same in other words", rejected(by: Paraphrases.name)))
    }
    if let diversity {
      for (name, share) in zip(["one word", "two words", "three words"], diversity.distinct) {
        differences.append(("distinct runs of \(name)", Self.percent(share)))
      }
      differences += [
        ("likeness of two requests", ReportText.digits(diversity.selfSimilarity, 2)),
        ("Vendi score, order 2", ReportText.digits(diversity.vendiScore)),
      ]
    }
    if let compressionRatio {
      differences.append(
        ("compression ratio of all requests", ReportText.digits(compressionRatio)))
    }
    let columns = [("Run", facts), ("Differences", differences)].map { name, entries in
      return """
        <section>
        <h2>\(name)</h2>
        \(ReportPage.list(entries))
        </section>
        """
    }
    return "<div class=\"columns\">\n\(columns.joined(separator: "\n"))\n</div>"
  }

  static func percent(_ share: Double) -> String { "\(ReportText.digits(100 * share, 2)) %" }
}
