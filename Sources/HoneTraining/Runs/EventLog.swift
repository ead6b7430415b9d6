import Foundation
import HoneFormats

/// `events.jsonl`: a line an event, each written before the next is computed.
final class EventLog {
  private let handle: FileHandle

  /// Opens the log for a run that goes on after `step`: later lines, which an interrupted run wrote
  /// after its last checkpoint, are dropped, and a line cut short is too.
  ///
  /// - Throws: ``HoneFormats/FormatError`` when it cannot be written.
  init(path: String, after step: Int) throws {
    var kept: [UInt8] = []
    if step > 0, let data = FileManager.default.contents(atPath: path) {
      for line in data.split(separator: UInt8(ascii: "\n")) {
        guard let value = try? JSONParser.parse(String(decoding: line, as: UTF8.self)),
          let object = value.object
        else {
          continue
        }
        let isLater = object["step"]?.integer.map { $0 > step } ?? false
        if isLater || object["event"]?.string == "end" { continue }
        kept += Array(line) + [UInt8(ascii: "\n")]
      }
    }
    try AtomicFile.write(kept, to: path)
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw FormatError(file: path, problem: "cannot be written")
    }
    self.handle = handle
    handle.seekToEndOfFile()
  }

  deinit { try? handle.close() }

  func append(_ event: TrainingEvent) throws {
    do {
      try handle.write(contentsOf: Data((event.line + "\n").utf8))
    } catch {
      let code = errno
      throw FormatError(
        file: "events.jsonl", problem: "cannot be written: \(String(cString: strerror(code)))",
        advice: code == ENOSPC ? "make room or write somewhere else" : "")
    }
  }
}
