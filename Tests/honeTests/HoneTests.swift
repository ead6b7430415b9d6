import Foundation
import Testing

@Suite struct HoneTests {
  @Test func `without arguments the commands are listed`() throws {
    let outcome = try Program.run([])
    #expect(outcome.code == 0)
    #expect(outcome.error == "")
    try Snapshot.expect(outcome.output, "help")
  }

  @Test(arguments: [
    "quickstart", "train", "plan", "recipes", "methods", "generate", "chat", "score", "merge",
    "pull",
    "models",
    "inspect", "tokenize", "render", "bench", "doctor",
  ])
  func `each command explains itself`(
    command: String
  ) throws {
    let outcome = try Program.run([command, "--help"])
    #expect(outcome.code == 0)
    #expect(outcome.error == "")
    try Snapshot.expect(outcome.output, "help-\(command)")
  }

  @Test(arguments: [
    ("unknown-command", ["frobnicate"]),
    ("unknown-option", ["models", "--jsn"]),
    ("missing-argument", ["pull"]),
    ("malformed-reference", ["pull", "hf:owner/name/x@main"]),
  ]) func `bad usage is told on standard error, with exit code 2`(
    name: String, arguments: [String]
  ) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.code == 2)
    #expect(outcome.output == "")
    #expect(outcome.error.hasPrefix("error: "))
    try Snapshot.expect(outcome.error, "usage-\(name)")
  }

  @Test func `a failure is told on standard error, with exit code 1`() throws {
    let outcome = try Program.run(["pull", "no-such-model.gguf"])
    #expect(outcome.code == 1)
    #expect(outcome.output == "")
    try Snapshot.expect(outcome.error, "failure")
  }

  @Test func `the version is printed`() throws {
    #expect(
      try Program.run(["--version"]) == Program.Outcome(code: 0, output: "0.1.0\n", error: ""))
  }
}
