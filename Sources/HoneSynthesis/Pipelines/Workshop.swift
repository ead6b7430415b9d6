import HoneFormats

/// What pipelines make candidates with.
package struct Workshop {
  package let teacher: any Teacher
  /// The local model that measures and rereads.
  package let reader: LocalTeacher
  package let ledger: CallLedger
  package let options: SynthesisOptions
  /// The tasks that a user gave as examples.
  package var examples: [SeedTask] = []
  /// Finds the passages most like one.
  package let neighbours: (Chunk) -> [Chunk]

  /// A call at a slot, with the seed of its own that makes it repeatable.
  package func call(
    _ prompt: TeacherCall.Prompt, step: String, at slot: Slot, maximumTokens: Int? = nil,
    stops: [String] = ["\n"], isGreedy: Bool = false, schema: JSONValue? = nil
  ) -> TeacherCall {
    TeacherCall(
      prompt, maximumTokens: maximumTokens ?? options.maximumTokens, stops: stops,
      temperature: isGreedy ? 0 : options.temperature, topP: options.topP,
      seed: TeacherCall.seed(
        run: options.seed, step: step, place: "\(slot.place)#\(slot.chunk == nil ? slot.index : 0)",
        attempt: slot.attempt), schema: schema)
  }

  package func answers(to calls: [TeacherCall]) async throws -> [TeacherAnswer] {
    try await ledger.answers(of: teacher, to: calls)
  }

  /// Where a record at a slot comes from.
  package func provenance(
    of call: TeacherCall?, step: String, at slot: Slot, parents: [String] = []
  ) -> Provenance {
    Provenance(
      recipe: options.pipeline, step: step, parents: parents,
      source: slot.chunk.map { Provenance.Source($0, span: slot.statement?.range) },
      promptDigest: call?.promptDigest ?? "", teacher: call == nil ? nil : teacher.identity,
      seed: call?.seed ?? 0, attempt: slot.attempt)
  }
}
