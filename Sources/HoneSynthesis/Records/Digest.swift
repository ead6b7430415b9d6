import HoneFormats

/// Names for contents: the same parts give the same name on every machine and in every run.
package enum Digest {
  /// The SHA-256 of texts one after the other, each with its length before it, so that no two lists
  /// of texts look alike; 64 hexadecimal digits.
  package static func of(_ parts: [String]) -> String {
    var hash = SHA256()
    for part in parts {
      hash.update(Array("\(part.utf8.count):".utf8))
      hash.update(Array(part.utf8))
    }
    return hash.finish().hexadecimal
  }

  /// The SHA-256 of bytes.
  package static func of(_ bytes: [UInt8]) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish().hexadecimal
  }

  /// The first 64 bits of ``of(_:)-(String)``, as a number that is as good as drawn at random.
  package static func number(of parts: [String]) -> UInt64 {
    UInt64(of(parts).prefix(16), radix: 16) ?? 0
  }

  /// A short name, 16 digits: among a million contents two share one with a chance of 3 in 10⁸.
  package static func name(of parts: [String]) -> String { String(of(parts).prefix(16)) }
}
