import Foundation
import Synchronization

// Written once, before the handler that reads it is set.
nonisolated(unsafe) private var pipeEnd: Int32 = -1

/// What Ctrl-C does.
///
/// As a rule the first one asks the work to stop and the second one ends the program. While a
/// conversation waits for a line, the first one ends the program; while it answers, the first one
/// ends the answer only.
final class Interruption: Sendable {
  private let count = Mutex(0)

  /// Whether Ctrl-C was pressed while the body ran.
  var isRequested: Bool { count.withLock { $0 > 0 } }

  private enum Effect {
    case stopsWork
    case endsProgram
    case ends(Interruption)
  }

  private static let effect = Mutex(Effect.stopsWork)

  /// Makes Ctrl-C stop the work, which then has to notice that its task is cancelled.
  static func cancels<Success: Sendable>(_ work: Task<Success, Never>) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    pipeEnd = ends[1]
    let readingEnd = ends[0]
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while true {
        guard read(readingEnd, &byte, 1) == 1 else { continue }
        switch effect.withLock({ $0 }) {
        case .endsProgram: leave()
        case .ends(let interruption):
          if interruption.count.withLock({
            $0 += 1
            return $0
          }) > 1 {
            leave()
          }
        case .stopsWork:
          if work.isCancelled { leave() }
          work.cancel()
        }
      }
    }
    // A handler, not a mask or an ignored signal: programs that are started would inherit those.
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        var byte: UInt8 = 1
        _ = write(pipeEnd, &byte, 1)
      }
    }
  }

  /// Runs what waits for a line of the user.
  static func whileWaiting<Result>(_ body: () throws -> Result) rethrows -> Result {
    try having(.endsProgram, body)
  }

  /// Runs what Ctrl-C may end without ending the program.
  static func whileAnswering<Result>(
    _ body: (Interruption) throws -> Result
  ) rethrows -> Result {
    let interruption = Interruption()
    return try having(.ends(interruption)) { try body(interruption) }
  }

  private static func having<Result>(
    _ new: Effect, _ body: () throws -> Result
  ) rethrows -> Result {
    effect.withLock { $0 = new }
    defer { effect.withLock { $0 = .stopsWork } }
    return try body()
  }

  private static func leave() -> Never {
    standardError.write("\n")
    _exit(130)
  }
}

/// Standard error as a stream of text.
struct StandardError: TextOutputStream, Sendable {
  func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}

let standardError = StandardError()
