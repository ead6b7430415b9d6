/// What a tokenizer is made of, as a reader finds it in a file.
struct TokenizerParts: Sendable {
  var normalizer: (any Normalizer)?
  var preTokenizer: (any PreTokenizer)?
  var model: any TokenModel
  var postProcessor = PostProcessor()
  var decoder: (any Decoder)?
  var addedTokens: [AddedToken] = []
  var specialTokens = SpecialTokens()
  var chatTemplate: String?
  /// Ids that end a generation besides the end of the text and those known by name.
  var endOfGeneration: Set<Int32> = []
  /// Whether decoding takes the spaces before punctuation away, as transformers may be told to.
  var cleansUpSpaces = false
}
