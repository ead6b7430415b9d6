import Foundation
import HoneFormats
import HoneModels

extension LocalModel {
  /// The SHA-256 of the model's weights and of what its tokens mean, as 64 hexadecimal digits.
  ///
  /// Of a `.gguf` file it is the file's own; of a folder, that of its files' names and digests.
  ///
  /// - Throws: ``ModelError`` for a file that cannot be read.
  package func checksum() throws -> String {
    guard layout == .folder else { return try FileDigest.sha256(of: path) { _ in } }
    let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { name in
      name.hasSuffix(".safetensors") || name.hasSuffix(".json") || name.hasSuffix(".jinja")
        || name == "tokenizer.model"
    }
    var hash = SHA256()
    for name in names.sorted() {
      let digest = try FileDigest.sha256(of: "\(path)/\(name)") { _ in }
      hash.update(Array("\(name) \(digest)\n".utf8))
    }
    return hash.finish().hexadecimal
  }
}
