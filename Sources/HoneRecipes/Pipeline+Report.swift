import Foundation
import HoneAdapters
import HoneFormats
import HoneKernels
import HoneReport
import HoneTensors
import HoneTraining

extension Pipeline {
  /// The report of a run, from its events.
  func report(_ result: RunResult) -> ReportContent {
    let name = URL(fileURLWithPath: folder.path).lastPathComponent
    let date = Date.now.formatted(
      .iso8601.year().month().day().time(includingFractionalSeconds: false))
    var content = ReportContent(
      title: name,
      summary: "\(recipe.modelInWords), \(recipe.method.name), "
        + (recipe.objective.name == "sft" ? "" : "\(recipe.objective.name), ")
        + "\(train.size)",
      outcome: "\(result.end.reason.rawValue.replacingOccurrences(of: "_", with: " ")) on \(date)")
    func events(_ kind: String) -> [JSONObject] {
      result.events.filter { $0["event"]?.string == kind }
    }
    content.steps = events("step").map { event in
      ReportContent.Step(
        step: event["step"]?.integer ?? 0, loss: event["loss"]?.double ?? .nan,
        learningRate: event["learning_rate"]?.double ?? 0,
        gradientNorm: event["grad_norm"]?.double ?? 0,
        tokensPerSecond: event["tokens_per_second"]?.double ?? 0,
        peakMemoryBytes: event["peak_memory_bytes"]?.integer ?? 0)
    }
    content.validations = events("validation").map { event in
      ReportContent.Validation(
        step: event["step"]?.integer ?? 0, loss: event["loss"]?.double ?? .nan,
        isBest: event["step"]?.integer == result.end.bestStep)
    }
    content.curves = result.preferenceCurves
    if let loss = result.heldOutLoss {
      content.highlights.append(
        ReportContent.Highlight(
          "Held-out loss", loss.after.fixed(3), note: "from \(loss.before.fixed(3)) untrained"))
    }
    if let right = result.preferencesRight {
      content.highlights.append(
        ReportContent.Highlight(
          "Preferences right", "\(Int((100 * right.after).rounded())) %",
          note: right.before.map { "from \(Int((100 * $0).rounded())) % at first" } ?? ""))
    }
    for score in result.scores {
      content.highlights.append(
        ReportContent.Highlight(
          score.name.prefix(1).uppercased() + score.name.dropFirst(),
          "\(score.after) of \(score.count)", note: "from \(score.before) untrained"))
    }
    content.exams = result.scores.map {
      ReportContent.Exam($0.name, before: $0.before, after: $0.after, of: $0.count)
    }
    content.highlights += [
      ReportContent.Highlight(
        "Steps", "\(result.end.step)",
        note: result.end.bestStep.map { "the best after \($0)" } ?? ""),
      ReportContent.Highlight(
        "Time", result.end.seconds.asDuration, note: "\(engine.threads.threadCount) threads"),
      ReportContent.Highlight("Memory", result.end.peakMemory.asBytes, note: "at its peak"),
    ]
    content.samples = result.answers.prefix(12).map {
      ReportContent.Sample(
        question: $0.question, before: $0.before, after: $0.after, expects: $0.expects)
    }
    content.data = train.entries(heldOut: valid?.exampleCount ?? 0)
    content.run = [
      ReportContent.Entry("trained parameters", ReportText.count(adapter.parameterCount)),
      ReportContent.Entry("threads", "\(engine.threads.threadCount)"),
    ]
    content.warnings = result.warnings
    content.recipe = recipe.text
    content.versions = [
      ReportContent.Entry("hone", Version.current),
      ReportContent.Entry("instructions", String(cString: hk_isa_name(hk_isa_current()))),
      ReportContent.Entry("system", ProcessInfo.processInfo.operatingSystemVersionString),
    ]
    content.checksums = checksums
    return content
  }

  /// What a user should know before or after a run.
  var warnings: [String] {
    var warnings: [String] = []
    let steps = options.stepCount(stepsPerEpoch: stepsPerEpoch)
    if steps < 10 {
      warnings.append("Only \(steps) steps: the adapter will hardly learn; give more epochs.")
    }
    warnings += train.warnings(
      heldOut: valid, maxTokens: recipe.data.integer("max_tokens"))
    return warnings
  }

  private var checksums: [ReportContent.Checksum] {
    let adapter = ["adapter_model.safetensors", "adapter_config.json"].map {
      (name: "adapter/\($0)", path: "\(folder.adapterPath)/\($0)")
    }
    let name = URL(fileURLWithPath: local.path).lastPathComponent
    return ([(name: name, path: local.path)] + adapter).compactMap { name, path in
      // A folder is no file; a large model would take longer to read than some runs to train.
      guard let file = try? MappedFile(path: path), file.bytes.count <= 1 << 30 else { return nil }
      return withExtendedLifetime(file) {
        var hash = SHA256()
        hash.update(file.bytes)
        return ReportContent.Checksum(
          file: name, bytes: file.bytes.count, sha256: hash.finish().hexadecimal)
      }
    }
  }

  /// `run.json`: the run in numbers.
  func summary(_ result: RunResult) -> JSONValue {
    var object = JSONObject([
      ("hone", .string(Version.current)), ("model", .string(recipe.model)),
      ("weights", .string(recipe.weights.rawValue)), ("method", .string(recipe.method.name)),
      ("reason", .string(result.end.reason.rawValue)), ("steps", .integer(result.end.step)),
      ("best_step", result.end.bestStep.map { .integer($0) } ?? .null),
      ("seconds", .number(result.end.seconds)),
      ("peak_memory_bytes", .integer(result.end.peakMemory)),
      ("trained_parameters", .integer(adapter.parameterCount)),
      ("threads", .integer(engine.threads.threadCount)),
      ("instructions", .string(String(cString: hk_isa_name(hk_isa_current())))),
    ])
    if let loss = result.heldOutLoss {
      object["held_out_loss_before"] = .number(loss.before)
      object["held_out_loss_after"] = .number(loss.after)
    }
    if recipe.objective.name != "sft" { object["objective"] = .string(recipe.objective.name) }
    if let right = result.preferencesRight { object["preferences_right"] = .number(right.after) }
    if !result.scores.isEmpty {
      object["scores"] = .array(
        result.scores.map {
          .object(
            JSONObject([
              ("name", .string($0.name)), ("before", .integer($0.before)),
              ("after", .integer($0.after)), ("count", .integer($0.count)),
            ]))
        })
    }
    return .object(object)
  }
}

extension Double {
  package func fixed(_ digits: Int) -> String { String(format: "%.\(digits)f", self) }

  /// Seconds in words.
  package var asDuration: String {
    let seconds = Int(rounded(.up))
    if seconds < 60 { return "\(seconds) s" }
    if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
    return "\(seconds / 3600) h \(seconds / 60 % 60) min"
  }
}
