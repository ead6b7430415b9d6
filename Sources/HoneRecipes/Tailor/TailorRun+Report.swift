import Foundation
import HoneFormats
import HoneReport
import HoneTraining

extension TailorRun {
  /// Leaves the adapter, the answers and the report of all in the run's folder.
  func write(_ result: Result) throws {
    try folder.copyAdapter(from: result.pipeline.folder)
    let lines = result.sheet.items.indices.map { index -> JSONValue in
      let item = result.sheet.items[index]
      let answers = [
        ("before", result.before.answers[index]), ("after", result.after.answers[index]),
      ]
      return .object(
        JSONObject(
          [
            ("question", .string(item.question)), ("answer", .string(item.answer)),
            ("expects", .array(item.expects.map { .string($0) })),
            ("document", .string(item.document)),
          ]
            + answers.map { name, answer in
              (
                name,
                .object(
                  JSONObject([
                    ("text", .string(answer.text)), ("right", .bool(answer.isRight)),
                    ("chooses_right", answer.choosesRight.map { .bool($0) } ?? .null),
                    ("bits", .number(answer.bits)), ("bytes", .integer(answer.bytes)),
                  ]))
              )
            }))
    }
    try AtomicFile.write(lines.flatMap { $0.bytes(.spaced) + [0x0A] }, to: answersPath)
    try AtomicFile.write(Array(report(result).html.utf8), to: reportPath)
  }

  /// The page of all: the exam before and after, then the training's curves.
  func report(_ result: Result) -> ChainReport {
    var training = result.pipeline.report(result.training)
    training.title = "training"
    (training.samples, training.exams, training.recipe) = ([], [], "")
    let documents = options.documents.map { URL(fileURLWithPath: $0).lastPathComponent }
    var report = ChainReport(
      title: URL(fileURLWithPath: folder.path).lastPathComponent,
      summary: "\(options.model), tailored to \(documents.joined(separator: ", "))"
        + (options.teacher == options.model ? "" : " by \(options.teacher)"),
      outcome: training.outcome, columns: ["before", "after", "difference (95 %)"])
    report.heading = "The exam, \(result.sheet.items.count) questions"
    report.note =
      "The interval comes from drawing each \(result.comparison.clusterName) anew as a whole "
      + "(\(result.comparison.clusterCount) of them). The exam asks for the facts of the documents in "
      + "other words than the \(result.examples) examples of training; data/report.html shows how those were "
      + "made" + (options.exam == nil ? ", and exam/report.html how the exam was." : ".")
    report.scores = result.comparison.measures.map { measure in
      // Bits have no whole to be a share of.
      let most = max(measure.before, measure.after)
      let shares =
        measure.isCost
        ? [measure.before, measure.after].map { most > 0 ? $0 / most : 0 }
        : [measure.before, measure.after]
      return ChainReport.Score(
        measure.name,
        [measure.shown(measure.before), measure.shown(measure.after), measure.differenceInWords],
        shares: shares)
    }
    report.samples = samples(of: result).map {
      ChainReport.Sample(question: $0.question, answers: $0.answers, expects: $0.expects)
    }
    report.stages = [training]
    report.recipe = result.pipeline.recipe.text
    return report
  }

  /// Questions with both answers: those where they differ first.
  package func samples(of result: Result, count: Int = 8) -> [(
    question: String, answers: [String], expects: [String]
  )] {
    let indices = result.sheet.items.indices
    let (gained, rest) = (
      indices.filter { !result.before.answers[$0].isRight && result.after.answers[$0].isRight },
      indices.filter { result.before.answers[$0].isRight || !result.after.answers[$0].isRight }
    )
    // What was not learned is shown too.
    let shown = (gained.prefix(count / 2 + max(0, count / 2 - rest.count)) + rest).prefix(count)
    return shown.map { index in
      let item = result.sheet.items[index]
      return (
        item.question, [result.before.answers[index].text, result.after.answers[index].text],
        item.expects
      )
    }
  }
}

extension RunFolder {
  /// Copies another run's adapter here, whole.
  func copyAdapter(from other: RunFolder) throws {
    try writeFolder(adapterPath) { partial in
      for name in try FileManager.default.contentsOfDirectory(atPath: other.adapterPath) {
        try FileManager.default.copyItem(
          atPath: "\(other.adapterPath)/\(name)", toPath: "\(partial)/\(name)")
      }
    }
  }
}
