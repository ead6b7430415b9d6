import Foundation
import HoneFormats

/// A file or folder of this target's fixtures.
func fixture(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures/\(name)").path
}

extension SafetensorsFile {
  /// A tensor's numbers.
  func numbers<Number>(_ name: String, as: Number.Type) -> [Number] {
    guard let tensor = tensor(named: name) else { return [] }
    return (0..<tensor.elementCount).map {
      tensor.bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.stride, as: Number.self)
    }
  }
}
