/// Turns pieces of text into ids.
protocol TokenModel: Sendable {
  var vocabulary: Vocabulary { get }
  /// Appends the ids of the pieces.
  func encode(_ pieces: PieceList, into space: EncodingSpace)
}
