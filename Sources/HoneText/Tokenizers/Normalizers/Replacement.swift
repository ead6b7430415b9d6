/// Writes a text wherever a pattern matches.
struct Replacement: Sendable {
  enum Pattern: Sendable {
    case text([UInt8])
    case pattern(TextPattern)
  }

  let pattern: Pattern
  let content: [UInt8]

  func applied(to text: [UInt8]) -> [UInt8] {
    switch pattern {
    case .text(let searched):
      return searched.isEmpty ? text : text.replacingAll(searched, with: content)
    case .pattern(let pattern):
      var result: [UInt8] = []
      text.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        var done = 0
        var searchStart = 0
        while let (start, end) = pattern.firstMatch(base, from: searchStart, end: buffer.count) {
          result += buffer[done..<start]
          result += content
          done = end
          searchStart = end
          if end == start {
            guard end < buffer.count else { break }
            searchStart = end + decodeUTF8(base, at: end, end: buffer.count).length
          }
          if searchStart >= buffer.count { break }
        }
        result += buffer[done...]
      }
      return result
    }
  }
}

/// Puts a text before any text but the empty one.
struct PrependNormalizer: Normalizer {
  let prefix: [UInt8]

  func normalize(_ text: inout [UInt8]) {
    if !text.isEmpty { text.insert(contentsOf: prefix, at: 0) }
  }
}

struct ReplaceNormalizer: Normalizer {
  let replacement: Replacement

  func normalize(_ text: inout [UInt8]) { text = replacement.applied(to: text) }
}
