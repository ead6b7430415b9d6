import Foundation
import HoneFormats
import HoneReport
import HoneTraining

extension TailorRun {
  /// Leaves the adapter, the answers and the report of all in the run's folder.
  func write(_ result: Result) throws {
    try folder.copyAdapter(from: result.stages[result.stages.count - 1].pipeline.folder)
    let exam = result.exam
    let lines = exam.sheet.items.enumerated().map { index, item -> JSONValue in
      let answers = zip(exam.columns, exam.sittings).map { name, sitting -> (String, JSONValue) in
        let answer = sitting.answers[index]
        return (
          name,
          .object(
            JSONObject([
              ("text", .string(answer.text)), ("right", .bool(answer.isRight)),
              ("chooses_right", answer.choosesRight.map { .bool($0) } ?? .null),
              ("bits", .number(answer.bits)), ("bytes", .integer(answer.bytes)),
            ]))
        )
      }
      return .object(
        JSONObject(
          [
            ("question", .string(item.question)), ("answer", .string(item.answer)),
            ("expects", .array(item.expects.map { .string($0) })),
            ("document", .string(item.document)),
          ] + answers))
    }
    try AtomicFile.write(lines.flatMap { $0.bytes(.spaced) + [0x0A] }, to: answersPath)
    try AtomicFile.write(Array(report(result).html.utf8), to: reportPath)
  }

  /// The page of all: the exam before and after, then the trainings' curves.
  func report(_ result: Result) -> ChainReport {
    let trainings = result.stages.map { stage in
      var training = stage.pipeline.report(stage.result)
      (training.samples, training.exams, training.recipe) = ([], [], "")
      return training
    }
    let exam = result.exam
    let documents = options.documents.map { URL(fileURLWithPath: $0).lastPathComponent }
    var report = ChainReport(
      title: URL(fileURLWithPath: folder.path).lastPathComponent,
      summary: "\(options.model), tailored to \(documents.joined(separator: ", "))"
        + (options.teacher == options.model ? "" : " by \(options.teacher)"),
      outcome: trainings.last?.outcome ?? "",
      columns: exam.columns + exam.differences.map(\.heading))
    report.heading = "The exam, \(exam.sheet.items.count) questions"
    report.note =
      "The interval comes from drawing each \(exam.whole.clusterName) anew as a whole "
      + "(\(exam.whole.clusterCount) of them). The exam asks for the facts of the documents in "
      + "other words than the \(result.examples) examples of training; data/report.html shows how those were "
      + "made" + (options.exam == nil ? ", and exam/report.html how the exam was." : ".")
    if result.stages.count > 1 {
      report.note +=
        " Then DPO learned from \(result.pairs) pairs of answers, which pairs/report.html shows."
    }
    if let lack = result.lack { report.note += " There was no DPO: \(lack)" }
    report.scores = exam.rows.map { row in
      ChainReport.Score(row.name, row.values + row.differences, shares: row.shares)
    }
    report.samples = exam.samples().map {
      ChainReport.Sample(question: $0.question, answers: $0.answers, expects: $0.expects)
    }
    report.stages = trainings
    report.recipe = result.stages.map(\.pipeline.recipe.text).joined(separator: "\n")
    return report
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
