/// Numbers in f32, in rows, outermost axis first.
///
/// Activations, gradients and trained parameters are tensors; frozen weights stay as they are
/// stored, see ``Weight``.
public final class Tensor {
  public let shape: Shape
  private let storage: Storage
  private let offset: Int
  /// What its gradient is filed under; views of one tensor share it.
  package let identity: Int
  /// Whether a gradient is wanted: a trained parameter, or computed from one while recording.
  package var needsGradient = false
  /// How its numbers come back from what the operation that made it keeps; nil when only keeping
  /// them does.
  package var recomputing: ((Pass) -> Tensor)?

  package init(shape: Shape, storage: Storage, offset: Int = 0, identity: Int) {
    precondition((offset + shape.count) * 4 <= storage.byteCount, "storage too small for \(shape)")
    self.shape = shape
    self.storage = storage
    self.offset = offset
    self.identity = identity
  }

  package var pointer: UnsafeMutablePointer<Float> {
    storage.pointer.assumingMemoryBound(to: Float.self) + offset
  }

  package var byteCount: Int { shape.count * 4 }

  /// The numbers, row after row.
  public var values: [Float] {
    Array(UnsafeBufferPointer(start: pointer, count: shape.count))
  }

  /// The same numbers under another shape of equal count.
  package func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.count == self.shape.count, "\(self.shape) cannot become \(shape)")
    let tensor = Tensor(shape: shape, storage: storage, offset: offset, identity: identity)
    tensor.needsGradient = needsGradient
    return tensor
  }

  /// The same numbers as the tensor that a key names.
  func standing(for key: TensorKey) -> Tensor {
    let tensor = Tensor(shape: shape, storage: storage, offset: offset, identity: key.identity)
    tensor.needsGradient = key.needsGradient
    return tensor
  }

  /// Rows of the outermost axis, sharing memory; for reading and filling, not for recording.
  package func rows(_ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= shape[0], "rows \(range) of \(shape)")
    let stride = shape.count / max(1, shape[0])
    return Tensor(
      shape: Shape([range.count] + shape.axes.dropFirst()), storage: storage,
      offset: offset + range.lowerBound * stride, identity: identity)
  }
}
