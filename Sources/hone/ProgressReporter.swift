import Foundation
import HoneFormats
import HoneModels
import HoneStore
import Synchronization

/// Shows how far a long step has come.
///
/// On a terminal a bar with rate, time left and memory; elsewhere a line every few seconds; for
/// programs a JSON line on standard output.
final class ProgressReporter: Sendable {
  enum Style: Sendable { case bar, lines, events, silent }

  /// What is counted.
  enum Unit: Sendable {
    case bytes
    case items(String)

    func text(_ count: Double) -> String {
      switch self {
      case .bytes: Int(count).asBytes
      case .items(let name):
        count < 100 && count != count.rounded()
          ? String(format: "%.1f %@", count, name) : "\(Int(count)) \(name)"
      }
    }
  }

  private struct State {
    var label = ""
    /// Moments of the last few seconds, for the rate: (seconds, count).
    var samples: [(time: Double, count: Int)] = []
    var lastShown = 0.0
    var isLineOpen = false
  }

  private let style: Style
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(_ style: Style) { self.style = style }

  /// The usual style: events for `--json`, a bar on a terminal, lines elsewhere.
  convenience init(json: Bool) {
    self.init(json ? .events : isatty(STDERR_FILENO) == 1 ? .bar : .lines)
  }

  /// - Parameter note: what else is worth knowing now: a loss.
  func update(
    _ label: String, note: String = "", completed: Int, total: Int?, unit: Unit
  ) {
    let now = start.duration(to: .now) / .seconds(1)
    state.withLock { state in
      if state.label != label {
        state.label = label
        state.samples = []
      }
      if let last = state.samples.last, now - last.time < 0.05, completed != total { return }
      state.samples.append((now, completed))
      while state.samples.count > 2, now - state.samples[0].time > 6 {
        state.samples.removeFirst()
      }
      // What is over in the blink of an eye need not be seen.
      let interval = style == .bar ? 0.1 : style == .events ? 1.0 : 4.0
      guard style != .silent, now > 0.3, now - state.lastShown >= interval else { return }
      state.lastShown = now
      let step = Step(
        label: label, note: note, completed: completed, total: total, unit: unit,
        rate: Self.rate(state.samples))
      switch style {
      case .bar:
        standardError.write("\r\u{1B}[K" + step.bar(width: Self.terminalWidth))
        state.isLineOpen = true
      case .lines: standardError.write(step.line + "\n")
      case .events:
        print(step.event)
        fflush(nil)
      case .silent: break
      }
    }
  }

  /// Takes the bar away; the next output starts on a clean line.
  func finish() {
    state.withLock { state in
      if state.isLineOpen { standardError.write("\r\u{1B}[K") }
      state.isLineOpen = false
    }
  }

  private static func rate(_ samples: [(time: Double, count: Int)]) -> Double? {
    guard let first = samples.first, let last = samples.last, last.time - first.time > 0.2,
      last.count > first.count
    else { return nil }
    return Double(last.count - first.count) / (last.time - first.time)
  }

  private static var terminalWidth: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}

/// One moment of a long step, in words.
private struct Step {
  var label: String
  var note: String
  var completed: Int
  var total: Int?
  var unit: ProgressReporter.Unit
  /// A second.
  var rate: Double?

  private var fraction: Double? {
    total.flatMap { $0 > 0 ? min(1, Double(completed) / Double($0)) : nil }
  }

  private var remaining: Double? {
    guard let rate, let total, total > completed else { return nil }
    return Double(total - completed) / rate
  }

  private var counts: String {
    guard let total else { return unit.text(Double(completed)) }
    return "\(unit.text(Double(completed))) of \(unit.text(Double(total)))"
  }

  /// The parts after the bar, the most important first.
  private var parts: [String] {
    var parts: [String] = note.isEmpty ? [] : [note]
    if let fraction { parts.append("\(Int(fraction * 100)) %") }
    parts.append(counts)
    if let rate { parts.append("\(unit.text(rate))/s") }
    if let remaining { parts.append("\(duration(remaining)) left") }
    parts.append("memory \(Machine.residentBytes.asBytes)")
    return parts
  }

  var line: String { ([label] + parts).joined(separator: "  ") }

  func bar(width: Int) -> String {
    var parts = parts
    while parts.count > 1, ([label] + parts).joined(separator: "  ").count >= width {
      parts.removeLast()
    }
    let text = parts.joined(separator: "  ")
    let room = min(30, width - label.count - text.count - 7)
    guard let fraction, room >= 8 else {
      return String("\(label)  \(text)".prefix(max(1, width - 1)))
    }
    let filled = Int(fraction * Double(room))
    let head = filled < room ? ">" : ""
    let bar =
      String(repeating: "=", count: filled) + head
      + String(repeating: " ", count: room - filled - head.count)
    return "\(label)  [\(bar)]  \(text)"
  }

  var event: String {
    var object = JSONObject([
      ("event", .string("progress")), ("step", .string(label)), ("completed", .integer(completed)),
    ])
    if let total { object["total"] = .integer(total) }
    if let rate { object["rate"] = .number(rate.rounded()) }
    object["memory_bytes"] = .integer(Machine.residentBytes)
    return JSONValue.object(object).line
  }

  private func duration(_ seconds: Double) -> String {
    let seconds = Int(seconds.rounded(.up))
    if seconds < 60 { return "\(seconds) s" }
    if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
    return "\(seconds / 3600) h \(seconds / 60 % 60) min"
  }
}

extension ProgressReporter {
  /// Hears how the fetching of a model goes.
  var transferListener: TransferListener {
    { progress in
      self.update(
        progress.step == .waiting
          ? "waiting for another fetch of \(progress.subject)"
          : "\(progress.step) \(progress.subject)",
        completed: progress.completedBytes, total: progress.totalBytes, unit: .bytes)
    }
  }
}
