import HoneKernels

/// A fixed set of threads that kernels split their work over.
///
/// Work is cut into pieces that depend on shapes alone, so results are the same bits for any number
/// of threads.
public final class ThreadPool {
  package let handle: OpaquePointer

  /// - Parameter threads: how many threads work, the caller's among them.
  public init(threads: Int) {
    guard let handle = hk_pool_create(Int32(clamping: max(1, threads))) else {
      fatalError("out of memory: no thread pool")
    }
    self.handle = handle
  }

  deinit { hk_pool_destroy(handle) }

  public var threadCount: Int { Int(hk_pool_threads(handle)) }

  /// Runs `body(piece)` for each piece in any order and on any thread, and returns when all are
  /// done. The pieces must not write the same memory.
  package func run(pieces: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { context in
        hk_pool_run(
          handle, Int64(pieces),
          { context, piece, _ in
            context!.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(piece))
          }, context)
      }
    }
  }

  /// Runs `body` over ranges of rows, each of about `grain` numbers.
  package func run(rows: Int, columns: Int, grain: Int = 16384, _ body: (Range<Int>) -> Void) {
    let rowsInPiece = max(1, grain / max(1, columns))
    let pieces = (rows + rowsInPiece - 1) / rowsInPiece
    run(pieces: pieces) { piece in
      body(piece * rowsInPiece..<min(rows, (piece + 1) * rowsInPiece))
    }
  }
}
