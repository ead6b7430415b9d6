/// Sittings of one exam side by side: without an adapter, then with that of each training.
package struct ExamTable: Sendable {
  package let sheet: ExamSheet
  /// The sittings' names.
  package let columns: [String]
  package let sittings: [ExamSitting]
  /// Every two sittings, the later one less the earlier; those with the first come first.
  package let differences: [(heading: String, comparison: ExamComparison)]

  /// - Parameter sittings: two at least.
  package init(_ sheet: ExamSheet, columns: [String], sittings: [ExamSitting]) {
    self.sheet = sheet
    self.columns = columns
    self.sittings = sittings
    var differences: [(heading: String, comparison: ExamComparison)] = []
    for earlier in sittings.indices {
      for later in sittings.indices where later > earlier {
        let name = columns.count == 2 ? "difference" : "\(columns[later]) - \(columns[earlier])"
        let comparison = ExamComparison(
          sheet, before: sittings[earlier], after: sittings[later])
        differences.append((heading: "\(name) (95 %)", comparison: comparison))
      }
    }
    self.differences = differences
  }

  /// The last sitting against the first.
  package var whole: ExamComparison { differences[sittings.count - 2].comparison }

  /// Something measured, in words.
  package struct Row: Equatable, Sendable {
    package var name: String
    /// A value a sitting, and how much that is of the most that it could be.
    package var values: [String]
    package var shares: [Double]
    /// The interval of each difference.
    package var differences: [String]
  }

  package var rows: [Row] {
    whole.measures.indices.map { index in
      let measures = differences.map { $0.comparison.measures[index] }
      let first = measures[0]
      let values = [first.before] + measures.prefix(sittings.count - 1).map(\.after)
      // Bits have no whole to be a share of.
      let most = values.max() ?? 0
      return Row(
        name: first.name, values: values.map { first.shown($0) },
        shares: first.isCost ? values.map { most > 0 ? $0 / most : 0 } : values,
        differences: measures.map(\.differenceInWords))
    }
  }

  /// Questions with an answer a sitting: first those that only the last has right.
  package func samples(count: Int = 8) -> [(
    question: String, answers: [String], expects: [String]
  )] {
    let (before, after) = (sittings[0].answers, sittings[sittings.count - 1].answers)
    let indices = sheet.items.indices
    let (gained, rest) = (
      indices.filter { !before[$0].isRight && after[$0].isRight },
      indices.filter { before[$0].isRight || !after[$0].isRight }
    )
    // What was not learned is shown too.
    let shown = (gained.prefix(count / 2 + max(0, count / 2 - rest.count)) + rest).prefix(count)
    return shown.map { index in
      let item = sheet.items[index]
      return (item.question, sittings.map { $0.answers[index].text }, item.expects)
    }
  }
}
