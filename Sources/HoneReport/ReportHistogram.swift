import Foundation

/// How often values come, of several sets in one picture, as SVG; its colours come from the page.
package struct ReportHistogram {
  package struct Series {
    package var style: ReportChart.Style
    package var values: [Double]

    package init(_ style: ReportChart.Style, _ values: [Double]) {
      self.style = style
      self.values = values
    }
  }

  /// What a reader who cannot see it is told.
  var summary: String
  var series: [Series]
  /// A value that is marked; nil for none.
  var mark: Double?
  var width = 420.0
  var height = 150.0

  private static let binCount = 24

  package init(summary: String, series: [Series], mark: Double? = nil) {
    self.summary = summary
    self.series = series
    self.mark = mark
  }

  package var svg: String {
    let x = ReportScale(
      over: Self.shown(series.flatMap(\.values), mark), from: 8, to: width - 8, count: 5)
    let shares = series.map { Self.shares($0.values, x.values) }
    let y = ReportScale(over: shares.flatMap(\.self) + [0], from: height - 26, to: 8, count: 2)
    var text = """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="\(summary.asMarkup)">
      <line class="grid" x1="8" x2="\(Self.number(width - 8))" y1="\(Self.number(height - 26))" \
      y2="\(Self.number(height - 26))"/>

      """
    for tick in x.ticks {
      text += """
        <text class="tick" x="\(Self.number(x.place(tick)))" y="\(Self.number(height - 6))">\
        \(ReportText.digits(tick).asMarkup)</text>

        """
    }
    for (series, shares) in zip(series, shares) where !shares.isEmpty {
      text +=
        "<polyline class=\"\(series.style.rawValue)\" points=\"\(steps(shares, x, y))\"/>\n"
    }
    if let mark, mark.isFinite {
      let place = Self.number(x.place(mark))
      text += """
        <line class="mark" x1="\(place)" x2="\(place)" y1="4" y2="\(Self.number(height - 26))"/>

        """
    }
    return text + "</svg>\n"
  }

  private func steps(_ shares: [Double], _ x: ReportScale, _ y: ReportScale) -> String {
    let width = (x.values.upperBound - x.values.lowerBound) / Double(shares.count)
    return shares.enumerated().flatMap { index, share in
      [0, 1].map { end in
        let value = x.values.lowerBound + Double(index + end) * width
        return "\(Self.number(x.place(value))),\(Self.number(y.place(share)))"
      }
    }.joined(separator: " ")
  }

  /// What the axis reaches over: all but the outermost hundredths, and the mark.
  static func shown(_ values: [Double], _ mark: Double?) -> [Double] {
    let sorted = values.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return [0, 1] }
    let ends = [sorted[sorted.count / 100], sorted[sorted.count - 1 - sorted.count / 100]]
    return ends + [mark].compactMap(\.self).filter { abs($0) < 1e300 }
  }

  /// The share of values in each of equal parts of a range; those beyond it are in the outermost.
  static func shares(_ values: [Double], _ range: ClosedRange<Double>) -> [Double] {
    let finite = values.filter(\.isFinite)
    guard !finite.isEmpty else { return [] }
    var counts = [Int](repeating: 0, count: binCount)
    for value in finite {
      let place = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
      counts[Int(min(max(place * Double(binCount), 0), Double(binCount - 1)))] += 1
    }
    return counts.map { Double($0) / Double(finite.count) }
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
