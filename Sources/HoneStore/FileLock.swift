import Foundation
import HoneModels

/// A lock that only one process, and one task of it, holds at a time.
///
/// The lock is `flock`'s, the same that the Hugging Face tools take, and ends with the process.
enum FileLock {
  /// Waits until the lock is free and holds it while the body runs.
  ///
  /// - Parameter onWait: called once when somebody else holds it.
  static func hold<Result>(
    _ path: String, onWait: () -> Void = {}, _ body: () async throws -> Result
  ) async throws -> Result {
    try Disk.createFolder((path as NSString).deletingLastPathComponent)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw ModelError(subject: path, problem: "cannot be locked: \(Disk.reason(errno))")
    }
    defer { close(descriptor) }
    var told = false
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else {
        throw ModelError(subject: path, problem: "cannot be locked: \(Disk.reason(errno))")
      }
      if !told { onWait() }
      told = true
      try await Task.sleep(for: .milliseconds(100))
    }
    return try await body()
  }
}
