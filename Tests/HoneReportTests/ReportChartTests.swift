import Testing

@testable import HoneReport

@Suite struct ReportChartTests {
  @Test func `a long series keeps its peaks`() {
    var points = (1...100_000).map { (x: Double($0), y: 1 / Double($0)) }
    points[54_321 - 1].y = 9
    let thinned = ReportChart.thinned(points)
    #expect(thinned.count <= 620)
    #expect(thinned.contains { $0.x == 54_321 && $0.y == 9 })
    #expect(zip(thinned, thinned.dropFirst()).allSatisfy { $0.x < $1.x })
  }

  @Test func `a chart of nothing, of one point and of equal points can be drawn`() {
    for points in [[], [(x: 1.0, y: 2.0)], [(x: 1.0, y: 0.0), (x: 2.0, y: 0.0)]] {
      let svg = ReportChart(
        summary: "x", lines: [.init(name: "a", style: .line, points: points)]
      ) { ReportText.digits($0) }.svg
      #expect(svg.hasSuffix("</svg>\n"))
      #expect(!svg.contains("nan") && !svg.contains("inf"))
    }
  }

  @Test func `names at the end of lines do not touch`() {
    let line = { (name: String, y: Double) in
      ReportChart.Line(name: name, style: .line, points: [(x: 0, y: 1), (x: 1, y: y)])
    }
    let svg = ReportChart(summary: "x", lines: [line("a", 0), line("b", 0), line("c", 0.01)]) {
      ReportText.digits($0)
    }.svg
    let places = svg.split(separator: "\n").filter { $0.contains("class=\"name") }.compactMap {
      $0.split(separator: "\"").compactMap { Double(String($0)) }.last
    }.sorted()
    #expect(places.count == 3)
    #expect(zip(places, places.dropFirst()).allSatisfy { $1 - $0 >= 15.9 })
    #expect(places.allSatisfy { (0...320).contains($0) })
  }
}

@Suite struct ReportScaleTests {
  @Test(arguments: [
    (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.0, 3.94, [0, 1, 2, 3, 4]),
    (0.0, 0.001, [0, 0.0002, 0.0004, 0.0006, 0.0008, 0.001]), (-3.0, 7.0, [-4, -2, 0, 2, 4, 6, 8]),
  ]) func `marks are round numbers that reach beyond the values`(
    low: Double, high: Double, ticks: [Double]
  ) {
    let scale = ReportScale(over: [low, high], from: 100, to: 0)
    #expect(scale.ticks.count == ticks.count)
    for (tick, expected) in zip(scale.ticks, ticks) { #expect(abs(tick - expected) < 1e-9) }
    #expect(scale.values.contains(low) && scale.values.contains(high))
  }

  @Test func `places go from one end to the other and never beyond`() {
    let scale = ReportScale(over: [0, 10], from: 100, to: 0)
    #expect(scale.place(0) == 100)
    #expect(scale.place(5) == 50)
    #expect(scale.place(99) == 0)
  }
}
