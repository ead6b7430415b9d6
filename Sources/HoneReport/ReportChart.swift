import Foundation

/// A line chart as SVG; its colours come from the page.
package struct ReportChart {
  package enum Style: String {
    /// Single steps, behind the line that matters.
    case faint
    case line
    /// A line of equal weight, in the other colour.
    case opposed
    /// Few points, joined and marked.
    case marked
  }

  package struct Line {
    package var name: String
    package var style: Style
    package var points: [(x: Double, y: Double)]

    package init(name: String, style: Style, points: [(x: Double, y: Double)]) {
      self.name = name
      self.style = style
      self.points = points
    }
  }

  /// What a reader who cannot see it is told.
  var summary: String
  var lines: [Line]
  var width: Double
  var height: Double
  var tickCount: Int
  /// How a value of the upright axis is written.
  var label: (Double) -> String
  /// Whether the upright axis begins at zero.
  var startsAtZero = true

  package init(
    summary: String, lines: [Line], width: Double = 860, height: Double = 320, tickCount: Int = 5,
    label: @escaping (Double) -> String
  ) {
    self.summary = summary
    self.lines = lines
    self.width = width
    self.height = height
    self.tickCount = tickCount
    self.label = label
  }

  /// No screen shows more.
  private static let mostPoints = 600

  package var svg: String {
    let names = lines.filter { !$0.name.isEmpty }
    let left = 52.0
    let right = width - (names.isEmpty ? 8 : 84)
    let drawn = lines.map { Line(name: $0.name, style: $0.style, points: Self.thinned($0.points)) }
    let xs = drawn.flatMap { $0.points.map(\.x) }
    let y = ReportScale(
      over: Self.shownValues(drawn) + (startsAtZero ? [0] : []), from: height - 26, to: 10,
      count: tickCount)
    let x = ReportScale(
      over: xs, from: left, to: right, count: Int(max(2, width / 80)), isTight: true)
    var text = """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="\(summary.asMarkup)">

      """
    for tick in y.ticks {
      let place = Self.number(y.place(tick))
      text += """
        <line class="grid" x1="\(Self.number(left))" x2="\(Self.number(right))" y1="\(place)" \
        y2="\(place)"/>\
        <text class="tick up" x="\(Self.number(left - 8))" y="\(place)">\
        \(label(tick).asMarkup)</text>

        """
    }
    for tick in x.ticks where tick == tick.rounded() {
      text += """
        <text class="tick" x="\(Self.number(x.place(tick)))" y="\(Self.number(height - 6))">\
        \(ReportText.count(Int(tick)))</text>

        """
    }
    for line in drawn where !line.points.isEmpty { text += path(of: line, x, y) }
    text += names.isEmpty ? "" : labels(of: drawn, x, y)
    return text + "</svg>\n"
  }

  private func path(of line: Line, _ x: ReportScale, _ y: ReportScale) -> String {
    let places = line.points.map { (Self.number(x.place($0.x)), Self.number(y.place($0.y))) }
    let joined = places.map { "\($0.0),\($0.1)" }.joined(separator: " ")
    var text = "<polyline class=\"\(line.style.rawValue)\" points=\"\(joined)\"/>\n"
    if line.style == .marked || places.count == 1 {
      for (point, place) in zip(line.points, places) {
        text += """
          <circle class="\(line.style.rawValue)" cx="\(place.0)" cy="\(place.1)" r="3.5">\
          <title>step \(ReportText.count(Int(point.x))): \(label(point.y).asMarkup)</title></circle>

          """
      }
    }
    return text
  }

  /// The lines' names at their right ends, moved apart where they would touch.
  private func labels(of drawn: [Line], _ x: ReportScale, _ y: ReportScale) -> String {
    var ends = drawn.filter { !$0.name.isEmpty && !$0.points.isEmpty }.map { line in
      (line: line, place: line.points.last.map { y.place($0.y) } ?? 0)
    }.sorted { $0.place < $1.place }
    for index in ends.indices.dropFirst() {
      ends[index].place = max(ends[index].place, ends[index - 1].place + 20)
    }
    let overflow = (ends.last?.place ?? 0) - (height - 26)
    if overflow > 0 { for index in ends.indices { ends[index].place -= overflow } }
    return ends.map { end in
      """
      <text class="name \(end.line.style.rawValue)" x="\(Self.number(width - 76))" \
      y="\(Self.number(end.place))">\(end.line.name.asMarkup)</text>

      """
    }.joined()
  }

  /// Keeps the lowest and the highest of each stretch, so that no peak is lost.
  static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let finite = points.filter { $0.x.isFinite && $0.y.isFinite }
    guard finite.count > mostPoints else { return finite }
    let stretch = (finite.count + mostPoints / 2 - 1) / (mostPoints / 2)
    return stride(from: 0, to: finite.count, by: stretch).flatMap { start in
      let part = finite[start..<min(start + stretch, finite.count)]
      let ends = [part.min { $0.y < $1.y }, part.max { $0.y < $1.y }].compactMap { $0 }
      return ends[0].x == ends[1].x ? [ends[0]] : ends.sorted { $0.x < $1.x }
    }
  }

  /// The values that the axis must reach; lone peaks of single steps may leave the chart.
  private static func shownValues(_ lines: [Line]) -> [Double] {
    lines.flatMap { line in
      let values = line.points.map(\.y)
      guard line.style == .faint, values.count >= 50 else { return values }
      return Array(values.sorted().dropLast(values.count / 50))
    }
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
