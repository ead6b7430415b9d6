import Foundation
import HoneFormats
import HoneTraining

extension ChainRun {
  /// The report of all stages: what each made of the held-out data, then each one's curves.
  func report(_ result: Result) -> ChainReport {
    let contents = result.stages.map { stage in
      var content = stage.pipeline.report(stage.result)
      content.title = stage.name
      // They stand in the comparison, and once for all.
      (content.samples, content.exams, content.recipe) = ([], [], "")
      return content
    }
    let name = URL(fileURLWithPath: folder.path).lastPathComponent
    let recipe = chain.stages[0]
    let comparison = result.comparison
    var report = ChainReport(
      title: name,
      summary: "\(recipe.modelInWords), \(recipe.method.name), in stages: "
        + result.stages.map(\.name).joined(separator: ", then "),
      outcome: contents.last?.outcome ?? "", columns: comparison.columns)
    report.scores =
      comparison.scores.map { score in
        ChainReport.Score(
          score.name, score.right.map { "\($0) of \(score.count)" },
          shares: score.right.map { Double($0) / Double(score.count) })
      }
      + comparison.likelier.map { share in
        ChainReport.Score(
          "chosen answer the likelier (\(share.stage))",
          share.values.map { "\(Int((100 * $0).rounded())) %" }, shares: share.values)
      }
    // A few of each stage.
    report.samples = result.stages.flatMap { stage in
      comparison.answers.filter { $0.stage == stage.name }.prefix(6).map {
        ChainReport.Sample(question: $0.question, answers: $0.texts, expects: $0.expects)
      }
    }
    report.stages = contents
    report.recipe = chain.text
    return report
  }
}
