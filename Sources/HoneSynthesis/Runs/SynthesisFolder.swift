import Foundation
import HoneFormats

/// A run's folder: `accepted.jsonl`, `rejected.jsonl`, `calls.sqlite`, `events.jsonl`, and what
/// belongs to them.
package struct SynthesisFolder: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package var accepted: String { "\(path)/accepted.jsonl" }
  package var rejected: String { "\(path)/rejected.jsonl" }
  package var events: String { "\(path)/events.jsonl" }
  package var calls: String { "\(path)/calls.sqlite" }
  package var manifest: String { "\(path)/manifest.json" }
  package var calibration: String { "\(path)/calibration.json" }
  package var report: String { "\(path)/report.html" }
  package var card: String { "\(path)/README.md" }
  package var recipe: String { "\(path)/recipe.yaml" }

  /// Makes the folder, or goes on in one that holds the same run.
  ///
  /// - Parameter restarts: whether a run of other settings may be replaced; its calls are kept and
  ///   used where they still hold.
  /// - Throws: ``SynthesisError`` that names what is different.
  package func prepare(_ manifest: [(name: String, value: String)], restarts: Bool) throws {
    try NewFolder.make(path, advice: "choose another output folder")
    let new = JSONObject(manifest.map { ($0.name, .string($0.value)) })
    if !restarts, let bytes = FileManager.default.contents(atPath: self.manifest) {
      guard let old = try? JSONParser.parse(String(decoding: bytes, as: UTF8.self)).object else {
        throw SynthesisError(
          self.manifest, problem: "is damaged", advice: "run with --restart, which writes it anew")
      }
      let changed = manifest.filter { old[$0.name]?.string != $0.value }
      if !changed.isEmpty {
        let list = changed.map { entry in
          "\n  \(entry.name): \(old[entry.name]?.string ?? "nothing") became \(entry.value)"
        }.joined()
        throw SynthesisError(
          path, problem: "holds a run of other settings:\(list)\n",
          advice: "set another output, or run with --restart: calls that still hold are used again")
      }
    }
    let text = JSONValue.object(new).text(.indented(by: 2)) + "\n"
    try AtomicFile.write(Array(text.utf8), to: self.manifest)
  }
}

/// A file that grows line by line.
final class LineFile {
  private let path: String
  private let handle: FileHandle

  /// Begins the file anew, or goes on at its end.
  init(_ path: String, appends: Bool = false) throws {
    self.path = path
    if !appends || !FileManager.default.fileExists(atPath: path) {
      guard FileManager.default.createFile(atPath: path, contents: nil) else {
        throw FormatError(file: path, problem: "cannot be written")
      }
    }
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw FormatError(file: path, problem: "cannot be written")
    }
    self.handle = handle
    handle.seekToEndOfFile()
  }

  deinit { try? handle.close() }

  func append(_ value: JSONValue) throws {
    do {
      try handle.write(contentsOf: Data(value.bytes(.spaced) + [0x0A]))
    } catch {
      let code = errno
      throw FormatError(
        file: path, problem: "cannot be written: \(String(cString: strerror(code)))",
        advice: code == ENOSPC ? "make room, then go on with the run" : "")
    }
  }

  /// Brings what was written to the disk.
  func synchronise() { try? handle.synchronize() }
}
