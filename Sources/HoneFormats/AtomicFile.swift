#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that comes into being whole or not at all.
///
/// What is written goes to `.NAME.partial` beside the target; ``commit()`` brings it to the disk and
/// gives it its name. Without a commit it is removed. Should the process be killed, the partial file
/// stays and the next writer of the same target takes it over.
package final class AtomicFile {
  package let path: String
  private let partialPath: String
  private var descriptor: Int32

  /// Begins a file.
  ///
  /// - Parameter expectedSize: how many bytes will be written, where that is known; when the disk
  ///   has less room, this fails at once and not after minutes of writing.
  /// - Throws: ``FormatError`` when the folder cannot be written or another process is writing the
  ///   same target.
  package init(path: String, expectedSize: Int = 0) throws {
    self.path = path
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    guard !name.isEmpty, !path.hasSuffix("/") else {
      throw FormatError(file: path, problem: "is not the name of a file")
    }
    partialPath = "\(path.dropLast(name.count)).\(name).partial"
    descriptor = try Self.open(partialPath, for: path)
    // From here on every stored property is set, so `deinit` cleans up after a throw.
    guard ftruncate(descriptor, 0) == 0 else { throw failure("cannot be written", errno) }
    try checkRoom(for: expectedSize)
  }

  deinit {
    guard descriptor >= 0 else { return }
    unlink(partialPath)
    close(descriptor)
  }

  /// Appends bytes.
  ///
  /// - Throws: ``FormatError``, for instance when the disk is full.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var written = 0
    while written < bytes.count {
      // Some systems refuse to write more than 2^31 bytes at once.
      let rest = UnsafeRawBufferPointer(rebasing: bytes[written...].prefix(1 << 30))
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      #elseif canImport(Musl)
        let count = Musl.write(descriptor, rest.baseAddress, rest.count)
      #else
        let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
      #endif
      if count < 0 {
        guard errno == EINTR else { throw failure("cannot be written", errno) }
      } else {
        written += count
      }
    }
  }

  package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  /// Brings the bytes to the disk and gives the file its name, replacing what had it.
  ///
  /// - Throws: ``FormatError``; the target is then as it was before.
  package func commit() throws {
    precondition(descriptor >= 0, "\(path) is committed already")
    guard fsync(descriptor) == 0 else { throw failure("cannot be brought to the disk", errno) }
    guard rename(partialPath, path) == 0 else { throw failure("cannot be put in place", errno) }
    close(descriptor)
    descriptor = -1
    // The new name is in the folder, which has to reach the disk too. Not every file system can.
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let folderDescriptor = Self.openFile(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folderDescriptor >= 0 {
      fsync(folderDescriptor)
      close(folderDescriptor)
    }
  }

  /// Writes a whole small file.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    let file = try AtomicFile(path: path, expectedSize: bytes.count)
    try file.write(bytes)
    try file.commit()
  }

  // MARK: Opening

  private static func openFile(_ path: String, _ flags: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.open(path, flags, 0o666)
    #elseif canImport(Musl)
      Musl.open(path, flags, 0o666)
    #else
      Darwin.open(path, flags, 0o666)
    #endif
  }

  /// Opens the partial file and locks it, so that two writers of one target cannot mix.
  private static func open(_ partialPath: String, for path: String) throws -> Int32 {
    while true {
      let descriptor = openFile(partialPath, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else {
        throw FormatError(
          file: path, problem: "cannot be written: \(String(cString: strerror(errno)))")
      }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
        close(descriptor)
        throw FormatError(
          file: path, problem: "is being written by another process",
          advice: "wait for it, or write somewhere else")
      }
      // Between opening and locking, another writer may have given this very file its final name.
      var opened = stat()
      var named = stat()
      if fstat(descriptor, &opened) == 0, lstat(partialPath, &named) == 0,
        opened.st_ino == named.st_ino, opened.st_dev == named.st_dev
      {
        return descriptor
      }
      close(descriptor)
    }
  }

  private func checkRoom(for size: Int) throws {
    var system = statvfs()
    guard size > 0, fstatvfs(descriptor, &system) == 0 else { return }
    let (free, overflow) = UInt64(system.f_bavail)
      .multipliedReportingOverflow(by: UInt64(system.f_frsize))
    guard overflow || UInt64(size) <= free else {
      throw FormatError(
        file: path,
        problem: "needs \(size) bytes, but the disk has only \(free) left",
        advice: "make room or write somewhere else")
    }
  }

  private func failure(_ what: String, _ code: Int32) -> FormatError {
    let isFull = code == ENOSPC || code == EDQUOT || code == EFBIG
    return FormatError(
      file: path, problem: "\(what): \(String(cString: strerror(code)))",
      advice: isFull ? "make room or write somewhere else" : "")
  }
}
