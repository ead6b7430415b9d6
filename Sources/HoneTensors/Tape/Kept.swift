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

  fileprivate init(_ tensor: Tensor, keeping: Tape.Keeping, in pass: Pass) {
    key = tensor.key
    if let again = tensor.recomputing {
      form = .recomputed(again)
    } else if keeping == .whole {
      form = .whole(tensor)
    } else {
      let (rows, columns) = (tensor.shape.rows, tensor.shape.columns)
      let storage = pass.engine.workspace.storage(byteCount: rows * (columns * 2 + 4))
      let (numbers, scales) = Self.parts(of: storage, rows: rows)
      pass.pool.run(rows: rows, columns: columns) { range in
        let start = range.lowerBound
        hk_compact_rows(
          tensor.pointer + start * columns, Int64(range.count), Int64(columns),
          numbers + start * columns, scales + start)
      }
      form = .compact(storage)
      expanded = tensor
    }
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

extension Pass {
  /// Keeps a tensor for the way back; nil when nothing is recorded.
  package func keep(_ tensor: Tensor) -> Kept? {
    guard let tape else { return nil }
    if let kept = tape.kept[tensor.identity]?.value, kept.key.shape.count == tensor.shape.count {
      return kept
    }
    let kept = Kept(tensor, keeping: tape.keeping, in: self)
    tape.kept[tensor.identity] = Tape.WeakKept(value: kept)
    return kept
  }
}
