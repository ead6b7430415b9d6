import Testing

@testable import HoneReport

@Suite struct ReportHistogramTests {
  @Test func `shares of equal parts add up, and what lies beyond is in the outermost`() {
    let shares = ReportHistogram.shares([-5, 0, 0.5, 11.9, 12, 24, 99, .nan], 0...24)
    #expect(shares.count == 24)
    #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
    #expect(abs(shares[0] - 3.0 / 7) < 1e-12)
    #expect(abs(shares[11] - 1.0 / 7) < 1e-12)
    #expect(abs(shares[12] - 1.0 / 7) < 1e-12)
    #expect(abs(shares[23] - 2.0 / 7) < 1e-12)
    #expect(ReportHistogram.shares([], 0...1).isEmpty)
  }

  @Test func `a lone outlier does not stretch the axis`() {
    let values = (0..<200).map(Double.init) + [1e9]
    #expect(ReportHistogram.shown(values, 50).max() ?? 0 < 1000)
    #expect(ReportHistogram.shown([], nil) == [0, 1])
  }

  @Test func `one value, none and endless ones still make a picture`() {
    for values in [[], [3], [3, 3, 3], [.infinity, -.infinity]] as [[Double]] {
      let svg = ReportHistogram(
        summary: "a < b", series: [.init(.line, values), .init(.opposed, [])],
        mark: -.greatestFiniteMagnitude
      ).svg
      #expect(svg.contains("a &lt; b"))
      #expect(!svg.contains("nan") && !svg.contains("inf\""))
    }
  }
}
