import Foundation
import HoneAdapters
import HoneFormats
import HoneKernels
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
      summary: "\(recipe.model), \(recipe.method.name), "
        + "\(train.statistics.examples) examples",
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
    if let loss = result.heldOutLoss {
      content.highlights.append(
        ReportContent.Highlight(
          "Held-out loss", loss.after.fixed(3), note: "from \(loss.before.fixed(3)) untrained"))
    }
    if let recall = result.recall {
      content.highlights.append(
        ReportContent.Highlight(
          "Right answers", "\(recall.after) of \(recall.count)",
          note: "from \(recall.before) untrained"))
      content.exams = [
        ReportContent.Exam(
          "Held-out questions", before: recall.before, after: recall.after, of: recall.count)
      ]
    }
    content.highlights += [
      ReportContent.Highlight("Steps", "\(result.end.step)"),
      ReportContent.Highlight("Time", result.end.seconds.asDuration),
      ReportContent.Highlight("Memory", "\(result.end.peakMemory >> 20) MB", note: "at its peak"),
    ]
    content.samples = result.answers.prefix(12).map {
      ReportContent.Sample(
        question: $0.question, before: $0.before, after: $0.after, expects: $0.expects)
    }
    content.data = statisticsEntries
    content.run = [
      ReportContent.Entry("trained parameters", "\(adapter.parameterCount)"),
      ReportContent.Entry("threads", "\(engine.threads.threadCount)"),
    ]
    content.warnings = warnings
    content.recipe = recipe.text
    content.versions = [
      ReportContent.Entry("instructions", String(cString: hk_isa_name(hk_isa_current()))),
      ReportContent.Entry("system", ProcessInfo.processInfo.operatingSystemVersionString),
    ]
    content.checksums = checksums
    return content
  }

  private var statisticsEntries: [ReportContent.Entry] {
    let statistics = train.statistics
    return [
      ReportContent.Entry("examples", "\(statistics.examples)"),
      ReportContent.Entry("tokens", "\(statistics.tokens)"),
      ReportContent.Entry("trained tokens", "\(statistics.trainedTokens)"),
      ReportContent.Entry(
        "lengths", "\(statistics.shortest) to \(statistics.longest), median \(statistics.median)"),
      ReportContent.Entry("rows", "\(statistics.rows), \(Int(statistics.efficiency * 100)) % full"),
      ReportContent.Entry("cut", "\(statistics.truncated)"),
      ReportContent.Entry("left out", "\(statistics.dropped)"),
      ReportContent.Entry("held out", "\(valid?.statistics.examples ?? 0)"),
    ]
  }

  /// What a user should know before or after a run.
  var warnings: [String] {
    var warnings: [String] = []
    let statistics = train.statistics
    let steps = options.stepCount(stepsPerEpoch: batches.stepsPerEpoch)
    if steps < 10 {
      warnings.append("Only \(steps) steps: the adapter will hardly learn; give more epochs.")
    }
    if statistics.truncated + statistics.dropped > 0 {
      warnings.append(
        "\(statistics.truncated) examples are cut and \(statistics.dropped) left out: they are "
          + "longer than \(recipe.data.integer("max_tokens")) tokens or have nothing to train on.")
    }
    if statistics.duplicates > 0 {
      warnings.append("\(statistics.duplicates) examples occur more than once.")
    }
    if let valid {
      let shared = train.sharedExamples(with: valid)
      if shared > 0 {
        warnings.append("\(shared) training examples are held-out ones too: that loss says little.")
      }
    }
    return warnings
  }

  private var checksums: [ReportContent.Checksum] {
    ["adapter_model.safetensors", "adapter_config.json"].compactMap { name in
      guard let data = FileManager.default.contents(atPath: "\(folder.adapterPath)/\(name)") else {
        return nil
      }
      var hash = SHA256()
      hash.update(Array(data))
      return ReportContent.Checksum(
        file: "adapter/\(name)", bytes: data.count, sha256: hash.finish().hexadecimal)
    }
  }

  /// `run.json`: the run in numbers.
  func summary(_ result: RunResult) -> JSONValue {
    var object = JSONObject([
      ("model", .string(recipe.model)), ("method", .string(recipe.method.name)),
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
    if let recall = result.recall {
      object["recall_before"] = .integer(recall.before)
      object["recall_after"] = .integer(recall.after)
      object["recall_count"] = .integer(recall.count)
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
