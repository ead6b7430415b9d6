/// A regular expression's syntax tree.
indirect enum PatternNode: Equatable {
  case empty
  /// One character of a set.
  case set(CodePointSet)
  case sequence([PatternNode])
  case alternatives([PatternNode])
  case repeated(PatternNode, least: Int, most: Int?, kind: RepeatKind)
  /// Matches as its content's first match does, and never gives part of it back.
  case atomic(PatternNode)
  case lookahead(PatternNode, isNegative: Bool)
  case lookbehind(PatternNode, isNegative: Bool)
  case lineStart
  case lineEnd
  case textStart
  case textEnd
  /// The end of the text, or before the newline that ends it.
  case textEndOrLastNewline
  case wordBoundary(isNegative: Bool)
}

enum RepeatKind: Equatable { case greedy, lazy, possessive }
