import ArgumentParser
import Foundation
import HoneRecipes
import HoneSynthesis

struct Tailor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Documents in, a model that knows them out, with an exam before and after.",
    discussion: """
      Makes an exam of the documents, then examples that teach the same facts in other words, trains \
      an adapter on them, and sits the exam without and with it. Everything is in one folder, each \
      part with its recipe and report; a run that is stopped goes on where it was when the same \
      command is given again. Nothing leaves this machine.

      A teacher that is larger than the model writes better questions: --teacher qwen2.5-coder-0.5b.
      """)

  @Argument(
    help: "Files and folders: text, Markdown, HTML, CSV, JSONL, PDF, DOCX.", completion: .file())
  var documents: [String]

  @OptionGroup var model: ModelReferenceOption

  @Option(help: "The model that writes questions. (default: the model itself)")
  var teacher: String?

  @Option(
    help: ArgumentHelp("The folder of everything.", valueName: "folder"), completion: .directory)
  var out = "tailored"

  @Option(help: ArgumentHelp("How many examples to train on.", valueName: "count"))
  var examples = 200

  @Option(help: ArgumentHelp("How many questions the exam has.", valueName: "count"))
  var questions = 100

  @Option(
    help: ArgumentHelp(
      "An exam of your own (.jsonl) in place of one that is made: question, answer, expects.",
      valueName: "file"), completion: .file(extensions: ["jsonl"]))
  var exam: String?

  @Flag(
    help: "Train on with DPO, on pairs of a better and a worse answer made of the same documents.")
  var dpo = false

  @Flag(
    help: "Replace what was made by other settings; calls that still hold are used again.")
  var restart = false

  @Option(help: "How many threads compute. (default: as many as there are cores)")
  var threads: Int?

  func validate() throws {
    for (name, value, bounds) in [
      ("--examples", examples, 1...1_000_000), ("--questions", questions, 1...100_000),
      ("--threads", threads ?? 1, 1...256),
    ] where !bounds.contains(value) {
      throw ValidationError(
        "\(name) is \(value), expected \(bounds.lowerBound) to \(bounds.upperBound).")
    }
  }

  func run() async throws {
    for path in documents + (exam.map { [$0] } ?? [])
    where !FileManager.default.fileExists(atPath: path) {
      throw UsageError(description: "there is no file or folder \(path)")
    }
    let local = try await model.locate()
    let options = TailorRun.Options(
      documents: documents, model: model.model, teacher: teacher, output: out,
      examples: examples, questions: questions, exam: exam, learnsPairs: dpo)
    let teacher =
      options.teacher == options.model
      ? local : try await ModelReferenceOption.locate(options.teacher)
    let run = TailorRun(
      options, model: local, teacher: teacher,
      threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
    let display = SynthesisDisplay(json: false)
    var training = RunDisplay(json: false)
    let steps = options.steps
    let result: TailorRun.Result
    do {
      result = try await run.run(
        restarts: restart, isInterrupted: { Task.isCancelled },
        listener: { event in
          switch event {
          case .step(let step, let isFinished):
            standardError.write(
              "\n\((steps.firstIndex(of: step) ?? 0) + 1) of \(steps.count): \(step.title)"
                + (isFinished ? ", done before\n" : "\n"))
          case .synthesis(let event): display.show(event)
          case .training(let event): training.show(event)
          }
        })
    } catch let error as CancellationError {
      standardError.write("the same command goes on where it was\n")
      throw error
    }
    print(result.summary(of: run))
  }
}

extension TailorRun.Result {
  /// The exam before and after, a few answers, and where everything is.
  func summary(of run: TailorRun) -> String {
    let headings = exam.columns + exam.differences.map(\.heading)
    var table = Table(columns: [("", .left)] + headings.map { ($0.uppercased(), .right) })
    for row in exam.rows { table.add([row.name] + row.values + row.differences) }
    let width = (exam.columns.map(\.count).max() ?? 0) + 2
    let samples = exam.samples(count: 4).map { sample in
      let answers = zip(exam.columns, sample.answers).map { name, answer in
        "\n  \(name.padding(toLength: width, withPad: " ", startingAt: 0))\(Quickstart.short(answer))"
      }
      return "\n\(Quickstart.short(sample.question))\(answers.joined())"
    }
    let unsure = exam.whole.measures.first.map { !$0.isSure } ?? false
    var warnings = ""
    if unsure {
      warnings +=
        "\n\nwarning: the exam does not show a difference; more or longer documents, more examples "
        + "or a larger teacher may"
    }
    if let lack {
      warnings +=
        "\n\nwarning: there was no DPO, and the adapter is that of the examples alone; \(lack)"
    }
    return """

      \(examples.grouped) examples, \(stages.count > 1 ? "\(pairs.grouped) pairs, " : "")\
      \(exam.sheet.items.count.grouped) questions of the exam

      \(table.text)
      \(samples.joined(separator: "\n"))\(warnings)

      report   \(run.reportPath)
      adapter  \(run.folder.adapterPath)
      try it   hone chat --model \(run.options.model) --adapter \(run.folder.adapterPath)
      """
  }
}
