import HoneFormats

/// The SHA-256 of everything that changes a call's answer.
package struct CallKey: Hashable, Sendable {
  package let bytes: [UInt8]

  /// Digests named parts; each is written with its length, so that no two lists share a digest by
  /// running into each other.
  package init(_ parts: [(name: String, value: [UInt8])]) {
    var digest = SHA256()
    for (name, value) in parts {
      digest.update(Array("\(name.utf8.count):\(name)=\(value.count):".utf8))
      digest.update(value)
    }
    bytes = digest.finish().bytes
  }
}
