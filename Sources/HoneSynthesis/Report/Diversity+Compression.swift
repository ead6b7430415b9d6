extension Diversity {
  /// How many times smaller texts become together: their bytes, a line each, over those of deflate.
  /// The more they repeat one another, the higher.
  ///
  /// Shaib et al., "Standardizing the measurement of text diversity", 2024.
  ///
  /// - Returns: nil for fewer than two texts, and where the program `gzip` is not there.
  package static func compressionRatio(of texts: [String]) async -> Double? {
    let bytes = Array(texts.joined(separator: "\n").utf8)
    guard texts.count > 1, let packed = await OutsideTool.gzip.output(["-9", "-c"], of: bytes),
      packed.count > frame
    else { return nil }
    return Double(bytes.count) / Double(packed.count - frame)
  }

  /// What gzip writes around deflate's bytes when it has no file's name to keep: RFC 1952.
  private static let frame = 18
}
