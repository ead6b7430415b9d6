import Testing

@testable import HoneReport

@Suite struct ReportTextTests {
  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (98_362_432, "98,362,432"), (-1234, "−1,234"),
  ]) func `counts have commas`(value: Int, text: String) {
    #expect(ReportText.count(value) == text)
  }

  @Test(arguments: [
    (0.0, "0"), (3.94, "3.94"), (0.2, "0.2"), (0.0123456, "0.0123"), (1e-3, "0.001"),
    (2e-4, "2e-4"), (268.4, "268"), (12.345, "12.3"), (1_234_567, "1.23e6"), (.nan, "not a number"),
  ]) func `numbers have three digits that count`(value: Double, text: String) {
    #expect(ReportText.digits(value) == text)
  }

  @Test(arguments: [
    (0.0, "0"), (999, "999 bytes"), (1000, "1 kB"), (999_999, "1 MB"),
    (98_362_432, "98.4 MB"), (1_410_000_000, "1.41 GB"),
  ]) func `bytes have a unit`(value: Double, text: String) {
    #expect(ReportText.bytes(value) == text)
  }
}
