#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A block of 64-byte-aligned memory that returns to its ``Workspace`` when nothing uses it.
package final class Storage {
  package let pointer: UnsafeMutableRawPointer
  package let byteCount: Int
  private let workspace: Workspace

  fileprivate init(pointer: UnsafeMutableRawPointer, byteCount: Int, workspace: Workspace) {
    self.pointer = pointer
    self.byteCount = byteCount
    self.workspace = workspace
  }

  deinit { workspace.reclaim(pointer, byteCount: byteCount) }
}

/// Memory for tensors, kept and handed out again: a step of training or decoding needs the same
/// sizes as the one before, and fresh pages cost more than the arithmetic on them.
package final class Workspace {
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  /// Bytes in use by tensors now.
  package private(set) var bytesInUse = 0
  /// The most that was ever in use at once.
  package private(set) var peakBytes = 0
  /// Bytes kept for reuse.
  package private(set) var bytesIdle = 0

  package init() {}

  deinit {
    for blocks in free.values { for block in blocks { releaseBlock(block) } }
  }

  /// Memory for at least `byteCount` bytes; what it holds is undefined.
  package func storage(byteCount: Int) -> Storage {
    let size = Self.sizeClass(byteCount)
    bytesInUse += size
    peakBytes = max(peakBytes, bytesInUse)
    if let block = free[size]?.popLast() {
      bytesIdle -= size
      return Storage(pointer: block, byteCount: size, workspace: self)
    }
    // Idle blocks of other sizes make room before new memory is asked for.
    if bytesIdle > max(bytesInUse / 2, 64 << 20) { trim() }
    var block: UnsafeMutableRawPointer?
    guard posix_memalign(&block, 64, size) == 0, let block else {
      fatalError("out of memory: \(size) bytes on top of \(bytesInUse) in use")
    }
    return Storage(pointer: block, byteCount: size, workspace: self)
  }

  /// Gives idle memory back to the system.
  package func trim() {
    for blocks in free.values { for block in blocks { releaseBlock(block) } }
    free.removeAll()
    bytesIdle = 0
  }

  fileprivate func reclaim(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
    bytesInUse -= byteCount
    bytesIdle += byteCount
    free[byteCount, default: []].append(pointer)
  }

  /// Sizes are rounded up by an eighth at most, so that nearly equal ones share blocks.
  private static func sizeClass(_ byteCount: Int) -> Int {
    let minimum = max(byteCount, 64)
    let granule = max(64, 1 << (Int.bitWidth - 1 - minimum.leadingZeroBitCount - 3))
    return (minimum + granule - 1) / granule * granule
  }
}

private func releaseBlock(_ block: UnsafeMutableRawPointer) { free(block) }
