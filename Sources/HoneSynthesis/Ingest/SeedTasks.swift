import HoneFormats

/// An example of a task with its answer, from a user's file.
package struct SeedTask: Equatable, Sendable {
  package var instruction: String
  /// What the instruction is applied to; empty where it says all itself.
  package var input: String
  package var output: String
  /// What the assistant was told beforehand; empty where nothing was.
  package var system: String

  package init(instruction: String, input: String = "", output: String, system: String = "") {
    self.instruction = instruction
    self.input = input
    self.output = output
    self.system = system
  }

  /// The instruction with its input.
  package var request: String { input.isEmpty ? instruction : "\(instruction)\n\n\(input)" }

  /// The digest of all that it says.
  package var digest: String { Digest.of([instruction, input, output, system]) }
}

/// Reads example tasks, one a line of JSON.
package enum SeedTasks {
  /// With fewer, what is new could not be told from what was shown.
  package static let fewest = 3

  private static let forms =
    "expected \"instruction\" and \"output\", \"prompt\" and \"completion\", or \"messages\""

  /// The tasks of files, in their order.
  ///
  /// A line has `instruction`, `output` and, if need be, `input`; or `prompt` and `completion`; or
  /// `messages`, of which the first of the user and the first answer after it count, and what the
  /// system says is kept apart.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a file that cannot be read, ``SynthesisError`` for a
  ///   line that is no task.
  package static func read(_ paths: [String]) throws -> [SeedTask] {
    var tasks: [SeedTask] = []
    for path in paths {
      var lines = try JSONLines(path: path)
      while let line = try lines.next() {
        tasks.append(try task(line.value, file: path, place: "line \(line.line)"))
      }
    }
    return tasks
  }

  private static func task(
    _ value: JSONValue, file: String, place: String
  ) throws -> SeedTask {
    guard value.object != nil else {
      throw SynthesisError(file, place: place, problem: "is no object", advice: forms)
    }
    let members = JSONMembers(value, file: file, place: place)
    func text(_ key: String) throws -> String {
      let text = try members.text(key).trimmed
      guard !text.isEmpty else { throw members.fault(key, "is empty") }
      return text
    }
    if members["messages"] != nil { return try conversation(members) }
    if members["instruction"] != nil {
      return SeedTask(
        instruction: try text("instruction"),
        input: try members["input"] == nil ? "" : members.text("input").trimmed,
        output: try text("output"))
    }
    if members["prompt"] != nil {
      return SeedTask(instruction: try text("prompt"), output: try text("completion"))
    }
    throw SynthesisError(file, place: place, problem: "has no task", advice: forms)
  }

  private static func conversation(_ members: JSONMembers) throws -> SeedTask {
    let turns = try members.list("messages").map { member in
      Turn(try member.name("role"), try member.text("content").trimmed)
    }
    guard let asked = turns.firstIndex(where: { $0.role == .user && !$0.content.isEmpty }),
      let answer = turns[asked...].first(where: { $0.role == .assistant && !$0.content.isEmpty })
    else {
      throw members.fault("messages", "has no question of the user with an answer after it")
    }
    return SeedTask(
      instruction: turns[asked].content, output: answer.content,
      system: turns.first { $0.role == .system }?.content ?? "")
  }
}
