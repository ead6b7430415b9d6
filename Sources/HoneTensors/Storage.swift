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
    trim(by: bytesIdle)
  }

  /// Memory for at least `byteCount` bytes; what it holds is undefined.
  package func storage(byteCount: Int) -> Storage {
    let size = Self.sizeClass(byteCount)
    let (block, blockSize) = idleBlock(ofAtLeast: size) ?? (newBlock(of: size), size)
    bytesInUse += blockSize
    peakBytes = max(peakBytes, bytesInUse)
    return Storage(pointer: block, byteCount: blockSize, workspace: self)
  }

  /// An idle block that is up to about a quarter larger than needed: the rows of the next step are
  /// a little shorter or longer than those of this one.
  private func idleBlock(ofAtLeast size: Int) -> (UnsafeMutableRawPointer, size: Int)? {
    var size = size
    for _ in 0..<3 {
      if let block = free[size]?.popLast() {
        bytesIdle -= size
        return (block, size)
      }
      size = Self.sizeClass(size + 1)
    }
    return nil
  }

  /// Memory from the system. Idle blocks make room for it, so that no more is held than was once in
  /// use, but for a little.
  private func newBlock(of size: Int) -> UnsafeMutableRawPointer {
    let excess = bytesInUse + bytesIdle + size - max(peakBytes, bytesInUse + size) - slack
    if excess > 0 { trim(by: excess) }
    guard let block = allocateBlock(size) else {
      fatalError("out of memory: \(size) bytes on top of \(bytesInUse) in use")
    }
    return block
  }

  /// Gives idle memory back to the system, the largest blocks first.
  private func trim(by byteCount: Int) {
    var rest = byteCount
    for size in free.keys.sorted(by: >) {
      while rest > 0, let block = free[size]?.popLast() {
        releaseBlock(block, byteCount: size)
        bytesIdle -= size
        rest -= size
      }
      if rest <= 0 { return }
    }
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

extension Workspace {
  /// What may lie idle beyond the most that was ever in use: a step's ways forward and back need blocks
  /// of different sizes, and to give one kind back for the other costs as much as the work on them.
  private var slack: Int { max(16 << 20, peakBytes / 8) }
}

/// From here on blocks are pages of their own: the C library's heap would keep them when they are
/// freed, with holes between them.
private let pageLimit = 1 << 20

#if os(Linux)
  private let anonymousMapping = MAP_PRIVATE | MAP_ANONYMOUS
#else
  private let anonymousMapping = MAP_PRIVATE | MAP_ANON
#endif

private func allocateBlock(_ byteCount: Int) -> UnsafeMutableRawPointer? {
  if byteCount < pageLimit {
    var block: UnsafeMutableRawPointer?
    return posix_memalign(&block, 64, byteCount) == 0 ? block : nil
  }
  let block = mmap(nil, byteCount, PROT_READ | PROT_WRITE, anonymousMapping, -1, 0)
  guard let block, block != MAP_FAILED else { return nil }
  #if os(Linux)
    // Rows of large matrices lie in different pages, and large pages need fewer of the processor's
    // notes about them.
    madvise(block, byteCount, MADV_HUGEPAGE)
  #endif
  return block
}

private func releaseBlock(_ block: UnsafeMutableRawPointer, byteCount: Int) {
  if byteCount < pageLimit { return free(block) }
  munmap(block, byteCount)
}
