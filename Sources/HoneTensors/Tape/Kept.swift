import HoneKernels

/// What the way back needs of a tensor's numbers: the tensor itself, a copy of half its size, or how
/// to compute it again.
///
/// A tensor that several operations keep is kept once.
package final class Kept {
  private enum Form {
    case whole(Tensor)
    /// f16 with a power of two for each row.
    case compact(Storage)
    case recomputed((Pass) -> Tensor)
  }

  package let key: TensorKey
  private let form: Form
  /// The numbers while an operation uses them, so that its neighbour need not expand them again.
  private weak var expanded: Tensor?
  /// Whether rows are still to be taken, by the operation that goes through them anyway.
  private var takesRows = false

  fileprivate init(_ tensor: Tensor, keeping: Tape.Keeping, in pass: Pass) {
    key = tensor.key
    if let again = tensor.recomputing {
      form = .recomputed(again)
    } else if keeping == .whole {
      form = .whole(tensor)
    } else {
      let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
      form = .compact(pass.engine.workspace.storage(byteCount: rows * (columns * 2 + 4)))
      expanded = tensor
      takesRows = true
    }
  }

  /// Takes rows of the tensor, where they are not kept already. Every row must be taken before the
  /// tensor goes, by one operation.
  func take(_ range: Range<Int>, of tensor: Tensor) {
    guard takesRows, case .compact(let storage) = form else { return }
    let (start, columns) = (range.lowerBound, key.shape.columns)
    let (numbers, scales) = Self.parts(of: storage, rows: key.shape.rows)
    hk_compact_rows(
      tensor.pointer + start * columns, Int64(range.count), Int64(columns),
      numbers + start * columns, scales + start)
  }

  /// Notes that all rows have been taken.
  func finish() { takesRows = false }

  /// The numbers for an operation that goes through them once, a few rows at a time: rows of half the
  /// size are then expanded in the cache.
  func rows(in pass: Pass) -> KeptRows {
    if let expanded { return KeptRows(columns: key.shape.columns, form: .whole(expanded)) }
    guard case .compact(let storage) = form else {
      return KeptRows(columns: key.shape.columns, form: .whole(tensor(in: pass)))
    }
    let (numbers, scales) = Self.parts(of: storage, rows: key.shape.rows)
    return KeptRows(
      columns: key.shape.columns, form: .compact(storage, numbers: numbers, scales: scales))
  }

  /// The numbers, for an operation's way back.
  package func tensor(in pass: Pass) -> Tensor {
    if let expanded { return expanded }
    let tensor: Tensor
    switch form {
    case .whole(let whole): return whole
    case .recomputed(let again): tensor = again(pass)
    case .compact(let storage):
      tensor = pass.tensor(key.shape)
      let (rows, columns) = (key.shape.rows, key.shape.columns)
      let (numbers, scales) = Self.parts(of: storage, rows: rows)
      pass.pool.run(rows: rows, columns: columns) { range in
        let start = range.lowerBound
        hk_expand_rows(
          numbers + start * columns, scales + start, Int64(range.count), Int64(columns),
          tensor.pointer + start * columns)
      }
    }
    expanded = tensor
    return tensor
  }

  /// The numbers under the identity of the tensor that was kept, to be computed with again.
  func input(in pass: Pass) -> Tensor {
    let numbers = tensor(in: pass)
    return numbers.identity == key.identity ? numbers : numbers.standing(for: key)
  }

  private static func parts(of storage: Storage, rows: Int) -> (
    numbers: UnsafeMutablePointer<UInt16>, scales: UnsafeMutablePointer<Float>
  ) {
    let scales = storage.pointer.assumingMemoryBound(to: Float.self)
    return ((scales + rows).withMemoryRebound(to: UInt16.self, capacity: 0) { $0 }, scales)
  }
}

/// Rows of what is kept, see ``Kept/rows(in:)``.
struct KeptRows {
  enum Form {
    case whole(Tensor)
    case compact(
      Storage, numbers: UnsafeMutablePointer<UInt16>, scales: UnsafeMutablePointer<Float>)
  }

  let columns: Int
  let form: Form

  /// Calls `body` with the first of some rows, which lie one after the other.
  func with(_ range: Range<Int>, _ body: (UnsafePointer<Float>) -> Void) {
    let start = range.lowerBound
    switch form {
    case .whole(let tensor): body(tensor.pointer + start * columns)
    case .compact(_, let numbers, let scales):
      withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count * columns) { buffer in
        guard let rows = buffer.baseAddress else { return }
        hk_expand_rows(
          numbers + start * columns, scales + start, Int64(range.count), Int64(columns), rows)
        body(rows)
      }
    }
  }
}

extension Pass {
  /// Keeps a tensor for the way back; nil when nothing is recorded.
  package func keep(_ tensor: Tensor) -> Kept? {
    guard let kept = keepByRows(tensor) else { return nil }
    let columns = tensor.shape.columns
    pool.run(rows: tensor.shape.rows, columns: columns) { kept.take($0, of: tensor) }
    kept.finish()
    return kept
  }

  /// Keeps a tensor whose rows the caller takes, see ``Kept/take(_:of:)``.
  func keepByRows(_ tensor: Tensor) -> Kept? {
    guard let tape else { return nil }
    if let kept = tape.kept[tensor.identity]?.value, kept.key.shape.count == tensor.shape.count {
      return kept
    }
    let kept = Kept(tensor, keeping: tape.keeping, in: self)
    tape.kept[tensor.identity] = Tape.WeakKept(value: kept)
    return kept
  }
}
