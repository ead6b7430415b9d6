import Foundation

// Written once, before the handler that reads it is set.
nonisolated(unsafe) private var pipeEnd: Int32 = -1

/// What Ctrl-C does: the first one asks the work to stop, the second one ends the program.
enum Interruption {
  static func cancels<Success: Sendable>(_ work: Task<Success, Never>) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    pipeEnd = ends[1]
    let readingEnd = ends[0]
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while read(readingEnd, &byte, 1) < 0 && errno == EINTR {}
      work.cancel()
      while read(readingEnd, &byte, 1) < 0 && errno == EINTR {}
      _exit(130)
    }
    // A handler, not a mask or an ignored signal: programs that are started would inherit those.
    signal(SIGINT) { _ in
      var byte: UInt8 = 1
      _ = write(pipeEnd, &byte, 1)
    }
  }
}

/// Standard error as a stream of text.
struct StandardError: TextOutputStream, Sendable {
  func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}

let standardError = StandardError()
