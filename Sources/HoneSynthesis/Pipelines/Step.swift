/// What a step of a pipeline reads and what it adds; the columns of all are checked before a run.
package struct Step: Equatable, Sendable {
  /// What a record may have.
  package enum Column: String, CaseIterable, Sendable {
    case passage, statement, seeds, question, answer, distractors, quote, instruction, input, output
    case turns, chosen, rejected, record, choices
  }

  package let name: String
  package let inputs: Set<Column>
  package let outputs: Set<Column>
  /// What it does, one sentence.
  package let summary: String

  package init(_ name: String, _ inputs: Set<Column>, _ outputs: Set<Column>, _ summary: String) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.summary = summary
  }

  /// What is wrong with steps in this order: each needs what those before it give.
  package static func faults(in steps: [Step]) -> [String] {
    var known: Set<Column> = []
    var faults: [String] = []
    for step in steps {
      let missing = step.inputs.subtracting(known).map(\.rawValue).sorted()
      if !missing.isEmpty {
        let has = known.map(\.rawValue).sorted().joined(separator: ", ")
        faults.append(
          "\(step.name) needs \(missing.joined(separator: ", ")); the steps before it give "
            + (has.isEmpty ? "nothing" : has))
      }
      known.formUnion(step.outputs)
    }
    return faults
  }
}

extension LikelihoodFilter {
  /// The filter as a step of a pipeline.
  package var step: Step {
    let readsPassage = !needs.isDisjoint(
      with: [.source, .passageAlone, .neighbours, .yesOrNo, .roundTrip])
    return Step(
      name, readsPassage ? [.passage, .question, .answer] : [.question, .answer], [], reason)
  }
}
