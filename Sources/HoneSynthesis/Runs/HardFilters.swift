/// The checks of a candidate's text alone, by their names.
package enum HardFilters {
  /// All of them, in the order in which they judge.
  package static var all: [any Filter] { [] }

  package static var names: [String] { all.map(\.name) }

  /// Those of a recipe's list: `all`, `none` or names.
  static func chosen(_ names: [String]) -> [any Filter] {
    names == ["all"] ? all : all.filter { names.contains($0.name) }
  }
}
