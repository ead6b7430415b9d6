import Testing

@testable import HoneFormats

@Suite struct UTF8CheckTests {
  private func isValid(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { UTF8Check.firstFault(in: $0, count: buffer.count) == nil } ?? true
    }
  }

  @Test func `every sequence of up to three bytes is judged as the standard library does`() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let pair = [first, second]
        // An expectation for each pair would take seconds.
        if isValid(pair) != (String(validating: pair, as: UTF8.self) != nil) {
          Issue.record("\(pair)")
        }
        guard first >= 0xC0 else { continue }
        for third: UInt8 in [0x41, 0x80, 0xBF, 0xC3] {
          for tail in [[], [0x80]] as [[UInt8]] {
            let bytes = [first, second, third] + tail
            if isValid(bytes) != (String(validating: bytes, as: UTF8.self) != nil) {
              Issue.record("\(bytes)")
            }
          }
        }
      }
    }
  }

  @Test func `the first fault is found wherever it stands`() {
    let text = Array("plain text and é, 漢字, 😀 and more plain text".utf8)
    for position in text.indices where text[position] & 0xC0 != 0x80 {
      var bytes = text
      bytes.insert(0xFF, at: position)
      let found = bytes.withUnsafeBufferPointer {
        UTF8Check.firstFault(in: $0.baseAddress!, count: $0.count)
      }
      #expect(found == position)
    }
  }
}
