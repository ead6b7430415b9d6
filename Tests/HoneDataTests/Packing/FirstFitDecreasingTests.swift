import Testing

@testable import HoneData

@Suite struct FirstFitDecreasingTests {
  @Test func `the longest come first, each into the first row with room`() {
    #expect(
      FirstFitDecreasing.rows([3, 8, 2, 7, 5, 5], capacity: 10) == [[1, 2], [3, 0], [4, 5]])
    #expect(FirstFitDecreasing.rows([], capacity: 10) == [])
    #expect(FirstFitDecreasing.rows([10], capacity: 10) == [[0]])
  }

  @Test func `no row overflows, and each sequence is in one row`() {
    var state: UInt64 = 7
    for count in [1, 2, 3, 17, 1000, 4096] {
      let lengths = (0..<count).map { _ -> Int32 in
        state = state &* 6_364_136_223_846_793_005 &+ 1
        return Int32(state >> 33) % 64 + 1
      }
      let rows = FirstFitDecreasing.rows(lengths, capacity: 64)
      #expect(rows.joined().sorted() == Array(0..<Int32(count)))
      for row in rows { #expect(row.reduce(0) { $0 + lengths[Int($1)] } <= 64) }
      let fewest = (lengths.reduce(0, +) + 63) / 64
      #expect(Double(rows.count) <= Double(fewest) * 11 / 9 + 1)
    }
  }
}
