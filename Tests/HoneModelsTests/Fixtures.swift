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

/// A folder for one test, deleted with the object.
final class TemporaryFolder {
  let path = NSTemporaryDirectory() + "hone-models-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ bytes: [UInt8], to name: String) throws {
    let url = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }
}
