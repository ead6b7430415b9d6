#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file whose bytes are fetched piece by piece, so that none of it stays in the process's memory.
///
/// A mapping would keep every page that was ever read, and end the process when somebody cuts the
/// file short; this gives an error then.
package final class RandomAccessFile: Sendable {
  package let path: String
  package let count: Int
  private let descriptor: Int32

  /// Opens a file.
  ///
  /// - Throws: ``FormatError`` when it is missing, unreadable or not a regular file.
  package init(path: String) throws {
    // Without O_NONBLOCK, opening a pipe would wait for its writer.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw FormatError(
        file: path, problem: "cannot be opened: \(String(cString: strerror(errno)))")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FormatError(file: path, problem: "is not a regular file")
    }
    self.path = path
    count = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The bytes of a range that lies within the file.
  ///
  /// - Throws: ``FormatError`` when they cannot be read, or the file has become shorter.
  package func bytes(_ range: Range<Int>) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
      while filled < range.count, let base = buffer.baseAddress {
        let got = pread(
          descriptor, base + filled, range.count - filled, off_t(range.lowerBound + filled))
        if got < 0, errno == EINTR { continue }
        guard got >= 0 else {
          throw FormatError(
            file: path, place: "byte \(range.lowerBound + filled)",
            problem: "cannot be read: \(String(cString: strerror(errno)))")
        }
        guard got > 0 else {
          throw FormatError(
            file: path, place: "byte \(range.lowerBound + filled)",
            problem: "has become shorter since it was opened",
            advice: "leave the file alone while it is in use")
        }
        filled += got
      }
    }
  }

  /// Reads the file from beginning to end, a piece at a time.
  ///
  /// - Parameter body: gets each piece with the place in the file where it begins.
  package func forEachPiece(
    of size: Int = 1 << 20, _ body: (UnsafeRawBufferPointer, Int) throws -> Void
  ) throws {
    var position = 0
    while position < count {
      let piece = try bytes(position..<min(count, position + size))
      try piece.withUnsafeBytes { try body($0, position) }
      position += piece.count
    }
  }
}
