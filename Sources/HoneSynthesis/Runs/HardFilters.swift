/// The checks of a candidate's text alone, by their names.
package enum HardFilters {
  /// All of them, in the order in which they judge.
  package static let all = filters(ToxicWords())

  private static func filters(_ words: ToxicWords) -> [any Filter] {
    [
      Length(), SameLanguage(), SelfContained(), GivesAway(), NumbersInSource(), NamesInSource(),
      Repetition(), Toxicity(words), NoPersonalData(),
    ]
  }

  package static var names: [String] { all.map(\.name) }

  /// Those of a recipe's list: `all`, `none` or names.
  ///
  /// - Parameters:
  ///   - personalData: what becomes of it in documents; where it is kept, records may have it too.
  ///   - toxicWords: files of words beside the built-in ones.
  /// - Throws: ``SynthesisError`` for such a file that cannot be read.
  static func chosen(
    _ names: [String], personalData: String, toxicWords: [String] = []
  ) throws -> [any Filter] {
    try filters(ToxicWords(paths: toxicWords)).filter { filter in
      (names == ["all"] || names.contains(filter.name))
        && !(filter is NoPersonalData && personalData == "keep")
    }
  }
}
