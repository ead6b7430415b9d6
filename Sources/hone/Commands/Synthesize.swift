import ArgumentParser
import Foundation
import HoneFormats
import HoneModels
import HoneRecipes
import HoneSynthesis

struct Synthesize: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes training data of documents or after examples, as a recipe says.",
    discussion: """
      Writes accepted.jsonl and rejected.jsonl, with where each record comes from and what was \
      thought of it, into the recipe's output folder, and report.html, which shows both. Everything that a model was asked is kept \
      there: a run that ends early goes on where it was when it is started again, to the same bytes.

      `hone recipes show domain-qa` has a recipe to start from. Nothing leaves this machine, unless the \
      recipe's teacher.url names an endpoint elsewhere and --allow-remote is given. The endpoint's key is \
      read from the environment's \(RemoteTeacher.keyVariable).
      """)

  @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String

  @OptionGroup var options: RunOptions

  @Flag(help: "Show the prompts, three samples and the time that a run will take.")
  var dryRun = false

  @Flag(help: "Replace a run of other settings; calls that still hold are used again.")
  var restart = false

  @Flag(help: "Let documents go to the recipe's endpoint.")
  var allowRemote = false

  @Flag(help: "Print the run's events as JSON lines.")
  var json = false

  func run() async throws {
    let recipe = try UsageError.catching {
      try SynthesisRecipe.read(self.recipe, overrides: options.overrides)
    }
    let environment = ProcessInfo.processInfo.environment
    if let endpoint = recipe.options.endpoint, !allowRemote {
      try Self.expectLocal(endpoint, environment: environment)
    }
    let job = try await Self.job(
      recipe, threads: options.threadCount, environment: environment)
    if dryRun {
      let display = SynthesisDisplay(json: false)
      return try await Self.show(job.run.preview { display.show($0) })
    }
    let result = try await Self.run(job, restarts: restart, json: json)
    guard !json else { return }
    print(result.summary(of: job.run))
  }

  /// Makes sure that nothing leaves this machine.
  private static func expectLocal(_ endpoint: Endpoint, environment: [String: String]) throws {
    guard endpoint.isLocal else {
      throw UsageError(
        description: """
          teacher.url: passages of the documents, with questions about them, would be sent to \
          \(endpoint.host); give --allow-remote to let them go there
          """)
    }
    if let variable = endpoint.proxyVariable(in: environment) {
      throw UsageError(
        description: """
          teacher.url: \(variable) is set, so that passages of the documents would go to that proxy; \
          add \(endpoint.host) to no_proxy, or give --allow-remote
          """)
    }
  }

  static func job(
    _ recipe: SynthesisRecipe, threads: Int, environment: [String: String]
  ) async throws -> SynthesisJob {
    let reader = try await ModelReferenceOption.locate(recipe.readerName)
    var teacher: LocalModel?
    if recipe.options.endpoint == nil {
      teacher =
        recipe.teacherName == recipe.readerName
        ? reader : try await ModelReferenceOption.locate(recipe.teacherName)
    }
    return try SynthesisJob(
      recipe, models: .init(teacher: teacher, reader: reader), threads: threads,
      key: environment[RemoteTeacher.keyVariable],
      pseudonymKey: environment[PersonalData.keyVariable], isInterrupted: { Task.isCancelled })
  }

  /// Runs; an interruption ends in whole files and exit code 130.
  static func run(_ job: SynthesisJob, restarts: Bool, json: Bool) async throws
    -> SynthesisRun.Result
  {
    let display = SynthesisDisplay(json: json)
    let result = try await job.run(
      restarts: restarts, isInterrupted: { Task.isCancelled }, listener: { display.show($0) })
    display.progress.finish()
    if result.isInterrupted {
      standardError.write(
        "\(result.funnel.accepted) accepted until here are in \(job.run.folder.accepted); the same "
          + "command goes on\n")
      throw CancellationError()
    }
    try job.run.check(result)
    return result
  }

  private static func show(_ preview: SynthesisRun.Preview) {
    print("What the teacher reads:\n\n\(preview.prompt)\n")
    for (index, sample) in preview.samples.enumerated() {
      print("sample \(index + 1)")
      print("  asked     \(sample.content.request)")
      print("  answered  \(Quickstart.short(sample.content.response))")
      if let rejection = sample.rejection {
        print("  rejected  \(rejection.filter): \(rejection.reason)")
      }
    }
    print("\n\(preview.forecast)")
  }
}

/// Shows a run of synthesis while it goes.
struct SynthesisDisplay {
  let progress: ProgressReporter
  let json: Bool

  init(json: Bool) {
    self.json = json
    progress = ProgressReporter(json ? .silent : isatty(STDERR_FILENO) == 1 ? .bar : .lines)
  }

  func show(_ event: SynthesisEvent) {
    if json {
      print(event.json.line)
      // Who reads the events wants each when it happens.
      fflush(nil)
      return
    }
    switch event {
    case .ingested(let passages, let heldOut, let notes):
      for line in notes { note(line) }
      if passages + heldOut > 0 {
        note("\(passages) passages" + (heldOut > 0 ? ", and \(heldOut) held out" : ""))
      }
    case .sending(let host, let passages, let tokens, let calls, let callTokens):
      note(
        "\(passages.grouped) \(passages == 1 ? "passage" : "passages") of about \(tokens.asCount) tokens "
          + "go to \(host), each as often as something is made of it: up to about "
          + "\(calls.grouped) calls with \(callTokens.asCount) tokens")
    case .calibrating(let controls): note("finding each filter's line on \(controls) controls")
    case .calibrated(let calibration): note(calibration.table)
    case .progress(let now):
      progress.update(
        "candidates",
        note:
          "\(now.accepted) of \(now.wanted) accepted, yield \(Int((now.yield * 100).rounded())) %"
          + (now.secondsLeft.map { ", \($0.asDuration) left" } ?? ""),
        completed: now.candidates, total: nil, unit: .items("candidates"))
    case .ended: progress.finish()
    }
  }

  private func note(_ text: String) {
    progress.finish()
    standardError.write(text + "\n")
  }
}

extension Calibration {
  /// How well each filter tells true from false here, and where its line is.
  var table: String {
    var table = Table(
      ("FILTER", .left), ("AUC", .right), ("LINE", .right), ("TRUE PASS", .right),
      ("FALSE PASS", .right))
    for finding in findings {
      guard let threshold = finding.threshold else {
        table.add(finding.filter, finding.auc.fixed(2), "off: it cannot tell here", "", "")
        continue
      }
      if let weight = weight(of: finding) {
        table.add(
          finding.filter, finding.auc.fixed(2), "in together, weight \(weight.fixed(2))", "", "")
        continue
      }
      table.add(
        finding.filter, finding.auc.fixed(2), threshold.fixed(2),
        "\(Int((100 * finding.trueAccepted).rounded())) %",
        "\(Int((100 * finding.falseAccepted).rounded())) %")
    }
    return table.text
  }
}

extension SynthesisRun.Result {
  /// What was made, where the rest was lost, and what it took.
  func summary(of run: SynthesisRun) -> String {
    var table = Table(("", .left), ("", .right))
    table.add("candidates", funnel.candidates.grouped)
    for loss in funnel.losses { table.add("- \(loss.filter)", loss.count.grouped) }
    table.add("accepted", funnel.accepted.grouped)
    let made = calls.answers.made + calls.scores.made
    let known = calls.answers.known + calls.scores.known
    return """
      \(table.text)

      \(seconds.asDuration); \(made.grouped) calls made, \(known.grouped) known before, \
      \(calls.answers.answerTokens.grouped) tokens written
      data     \(run.folder.accepted)
      report   \(run.folder.report)
      """
  }
}
