#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file's bytes, memory-mapped read-only for as long as this object lives.
///
/// Hold it in a variable while its bytes are in use: a temporary, as in
/// `try MappedFile(path: path).bytes`, is gone before the bytes are read. A file that somebody cuts
/// short while it is mapped ends the process on the next read past its new end, as with any mapping.
public final class MappedFile: Sendable {
  public let path: String
  // Read-only pages of a private mapping: no thread can change them.
  nonisolated(unsafe) public let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Maps the file.
  ///
  /// - Throws: ``FormatError`` when it is missing, unreadable or not a regular file.
  public init(path: String) throws {
    self.path = path
    isMapped = true
    // Without O_NONBLOCK, opening a pipe would wait for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw FormatError(
        file: path, problem: "cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw FormatError(file: path, problem: "is not a regular file")
    }
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
    else {
      throw FormatError(
        file: path, problem: "cannot be mapped: \(String(cString: strerror(errno)))")
    }
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  /// A copy of bytes that came from elsewhere than a file, under a name for errors.
  package init(copying contents: some Collection<UInt8>, named name: String) {
    path = name
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: contents.count, alignment: 64)
    copy.copyBytes(from: contents)
    bytes = UnsafeRawBufferPointer(copy)
    isMapped = false
  }

  /// Whether something stands at the path.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  deinit {
    if !isMapped {
      bytes.deallocate()
    } else if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }

  /// Lets the system take back the memory of a range; reading it again fetches it anew.
  func discard(_ range: Range<Int>) {
    let page = Int(getpagesize())
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound / page * page
    guard isMapped, start < end, let address = bytes.baseAddress else { return }
    madvise(UnsafeMutableRawPointer(mutating: address + start), end - start, MADV_DONTNEED)
  }
}
