import Foundation
import HoneFormats
import HoneModels

/// Checksums of files.
enum FileDigest {
  /// The SHA-256 of a file from a position on, as 64 hexadecimal digits.
  ///
  /// - Parameter name: what the listener hears; the file's own name if nil.
  static func sha256(
    of path: String, from start: Int = 0, as name: String? = nil, listener: TransferListener
  ) throws -> String {
    var hash = SHA256()
    let name = name ?? (path as NSString).lastPathComponent
    let total = (Disk.status(path)?.byteCount ?? 0) - start
    try read(path, from: start) { bytes, position in
      hash.update(bytes)
      listener(
        TransferProgress(
          step: .checking, subject: name, completedBytes: position - start, totalBytes: total))
    }
    return hash.finish().hexadecimal
  }

  /// Gives a file's bytes piece by piece, each with the position after it.
  static func read(
    _ path: String, from start: Int = 0, _ body: (UnsafeRawBufferPointer, Int) -> Void
  ) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ModelError(subject: path, problem: "cannot be opened: \(Disk.reason(errno))")
    }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var position = start
    while true {
      try Task.checkCancellation()
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(position))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw ModelError(subject: path, problem: "cannot be read: \(Disk.reason(errno))")
      }
      if count == 0 { return }
      position += count
      body(UnsafeRawBufferPointer(rebasing: buffer[..<count]), position)
    }
  }
}
