import HoneReport

extension SynthesisReport {
  /// The dataset's card in Markdown, with the head that the hub reads.
  package var card: String {
    let rejections =
      funnel.losses.map { "| rejected by `\($0.filter)` | \($0.count) |\n" }.joined()
    let lines = (calibration?.findings ?? []).filter { $0.isOn && !$0.isJoined }.map { finding in
      "| `\(finding.filter)` | \(ReportText.digits(finding.auc, 2)) "
        + "| \(Self.percent(finding.trueAccepted)) | \(Self.percent(finding.falseAccepted)) |\n"
    }.joined()
    let paraphrases =
      calibration?[Paraphrases.name]?.isOn == true
      ? " For `\(Paraphrases.name)` they are different requests, and the same requests reworded."
      : ""
    let judged =
      lines.isEmpty
      ? ""
      : """


      Lines were drawn on controls made of the same documents: true pairs, and pairs with a swapped, \
      changed or foreign answer.\(paraphrases)

      | filter | AUC | true controls that pass | false controls that pass |
      |---|---|---|---|
      \(lines)
      """
    let values = funnel.coverage.map { part in
      "| `\(part.sampler.rawValue)` | \(part.value.replacing("|", with: "\\|")) | \(part.drawn) "
        + "| \(part.accepted) |\n"
    }.joined()
    let drawn =
      values.isEmpty
      ? "" : "\n| sampler | value | drawn | accepted |\n|---|---|---|---|\n\(values)"
    let isOfDocuments = !documents.isEmpty
    let origin =
      isOfDocuments
      ? "of \(ReportText.count(documents.count)) "
        + "\(documents.count == 1 ? "document" : "documents"). What is not the documents' own was "
        + "written by \(teacher)."
      : "\(examplePaths.isEmpty ? "of nothing" : "after example tasks"). Requests and answers were "
        + "written by \(teacher)."
    let covered =
      isOfDocuments
      ? "| passages with an accepted record | \(coverage.covered) of \(coverage.all) |\n" : ""
    let likeness =
      compressionRatio.map {
        "| compression ratio of the requests | \(ReportText.digits($0, 2)) |\n"
      } ?? ""
    let material =
      isOfDocuments ? "documents, " : examplePaths.isEmpty ? "" : "examples, "
    let source = isOfDocuments ? "which bytes of which document it comes from, " : ""
    let terms =
      isOfDocuments || !examplePaths.isEmpty
      ? "The \(isOfDocuments ? "documents'" : "examples'") terms hold for what is made of them, and the "
        + "teacher's"
      : "The teacher's"
    let again =
      isReproducible
      ? "`recipe.yaml` with the same \(material)models and seed gives the same bytes."
      : "Replay only: the teacher may answer otherwise when it is asked again, so the same bytes come "
        + "from `recipe.yaml` with the same \(material)and the answers in `calls.sqlite`."
    return """
      ---
      configs:
      - config_name: default
        data_files: accepted.jsonl
      tags:
      - synthetic
      ---

      # \(options.pipeline)

      \(ReportText.count(funnel.accepted)) \(funnel.accepted == 1 ? "record" : "records") that \
      `hone synthesize` made \(origin)

      | | |
      |---|---|
      | candidates | \(funnel.candidates) |
      \(rejections)| accepted | \(funnel.accepted) |
      \(covered)\(likeness)\(judged)\(drawn)
      ## How to make it again

      \(again) Each line's `_meta` \
      says \(source)who wrote it, with which seed, and what every \
      filter measured. `rejected.jsonl` holds the rest, each with the reason.

      ## What to know before using it

      \(terms) licence may say what its \
      output can be used for. Filters let some false records pass: look at `report.html` and at a few \
      records before training.

      """
  }
}
