import Foundation
import HoneAdapters
import HoneFormats
import HoneTensors

/// A run's folder: `events.jsonl`, `checkpoints/`, `adapter/`, and what else belongs to it.
///
/// Whatever appears in it appears whole: a process killed at any moment leaves either the old or the
/// new, and at most a `.partial` that the next run removes.
public struct RunFolder: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  public var eventsPath: String { "\(path)/events.jsonl" }
  public var adapterPath: String { "\(path)/adapter" }
  var checkpointsPath: String { "\(path)/checkpoints" }

  /// Makes the folder, and removes what a killed process left half-written.
  ///
  /// - Throws: ``HoneFormats/FormatError`` when it cannot be written.
  package func prepare() throws {
    try make(checkpointsPath)
    for name in names(in: checkpointsPath) + names(in: path) where name.hasSuffix(".partial") {
      let parent = name.hasPrefix(".adapter") ? path : checkpointsPath
      try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
    }
  }

  /// Makes sure that a new run would overwrite nothing.
  ///
  /// - Throws: ``TrainingError`` when there is a checkpoint or an adapter.
  package func expectNoRun() throws {
    guard checkpointSteps.isEmpty, !FileManager.default.fileExists(atPath: adapterPath) else {
      throw TrainingError(
        path, problem: "holds a run already",
        advice: "go on with it with --resume, or set another output")
    }
  }

  /// Steps that have a checkpoint, ascending.
  public var checkpointSteps: [Int] { steps(named: "step-") }

  func steps(named prefix: String) -> [Int] {
    names(in: checkpointsPath).compactMap { name in
      name.hasPrefix(prefix) ? Int(name.dropFirst(prefix.count)) : nil
    }.sorted()
  }

  func checkpointPath(step: Int) -> String { "\(checkpointsPath)/step-\(step)" }
  func bestPath(step: Int) -> String { "\(checkpointsPath)/best-\(step)" }

  /// Writes a folder that appears whole or not at all; one of that name is replaced.
  package func writeFolder(_ target: String, _ fill: (String) throws -> Void) throws {
    let name = URL(fileURLWithPath: target).lastPathComponent
    let parent = String(target.dropLast(name.count + 1))
    let partial = "\(parent)/.\(name).partial"
    try? FileManager.default.removeItem(atPath: partial)
    // Once it has its name there is nothing to remove.
    defer { try? FileManager.default.removeItem(atPath: partial) }
    try make(partial)
    try fill(partial)
    if FileManager.default.fileExists(atPath: target) {
      try FileManager.default.removeItem(atPath: target)
    }
    guard rename(partial, target) == 0 else {
      throw FormatError(
        file: target, problem: "cannot be put in place: \(String(cString: strerror(errno)))")
    }
    Self.synchronise(parent)
  }

  /// The run's events so far.
  ///
  /// - Throws: ``HoneFormats/FormatError`` with the line of a damaged one.
  package func events() throws -> [JSONObject] {
    var lines = try JSONLines(path: eventsPath)
    var events: [JSONObject] = []
    while let record = try lines.next() { record.value.object.map { events.append($0) } }
    return events
  }

  /// Removes a folder of ``checkpointsPath``; one killed in the middle leaves no half of it behind.
  func remove(_ target: String) {
    let name = URL(fileURLWithPath: target).lastPathComponent
    let partial = "\(checkpointsPath)/.\(name).partial"
    try? FileManager.default.removeItem(atPath: partial)
    guard rename(target, partial) == 0 else { return }
    try? FileManager.default.removeItem(atPath: partial)
  }

  private func make(_ path: String) throws {
    try NewFolder.make(path, advice: "choose another output folder")
  }

  private func names(in path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  }

  /// Brings a folder's names to the disk; not every file system can.
  private static func synchronise(_ path: String) {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
