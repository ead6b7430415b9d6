/// The checks of a candidate's text alone, by their names.
package enum HardFilters {
  /// All of them, in the order in which they judge.
  package static let all: [any Filter] = [
    Length(), SelfContained(), GivesAway(), NumbersInSource(), NamesInSource(), Repetition(),
    NoPersonalData(),
  ]

  package static var names: [String] { all.map(\.name) }

  /// Those of a recipe's list: `all`, `none` or names.
  ///
  /// - Parameter personalData: what becomes of it in documents; where it is kept, records may have
  ///   it too.
  static func chosen(_ names: [String], personalData: String) -> [any Filter] {
    all.filter { filter in
      (names == ["all"] || names.contains(filter.name))
        && !(filter is NoPersonalData && personalData == "keep")
    }
  }
}
