/// A token that is found in the text before anything else happens to it.
struct AddedToken: Sendable, Equatable {
  var id: Int32
  var content: [UInt8]
  /// Whether it stands for something other than text, so that decoding may leave it out.
  var isSpecial = false
  /// Whether it counts only where no word continues before or after it.
  var isSingleWord = false
  /// Whether it takes the spaces before it.
  var stripsLeft = false
  /// Whether it takes the spaces after it.
  var stripsRight = false
  /// Whether it is looked for in the normalised text rather than in the text as it is.
  var isNormalized = false
  /// What is looked for in the normalised text; nil for what the content becomes in it.
  var normalizedContent: [UInt8]?

  /// What it stands for in decoded text; the tokenizers library forgets the content as it was.
  var spelling: [UInt8] { normalizedContent ?? content }
}
