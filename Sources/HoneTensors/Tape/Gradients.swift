import HoneKernels

/// The gradients found so far on the way back, by the tensor that they belong to.
public final class Gradients {
  private let engine: Engine
  private var found: [Int: (gradient: Tensor, isShared: Bool)] = [:]

  package init(engine: Engine) { self.engine = engine }

  /// The gradient of a tensor, of its shape; nil when nothing flowed to it.
  public subscript(tensor: Tensor) -> Tensor? { found[tensor.identity]?.gradient }

  package subscript(key: TensorKey) -> Tensor? { found[key.identity]?.gradient }

  /// Of how many tensors there is a gradient.
  package var count: Int { found.count }

  func holds(_ identity: Int) -> Bool { found[identity] != nil }

  func release(_ identity: Int) { found[identity] = nil }

  /// Adds to a tensor's gradient, if it wants one.
  ///
  /// - Parameter shared: whether the contribution's memory is also used elsewhere (the gradient of
  ///   a sum goes to both terms); it is then copied before anything is added to it.
  package func add(_ contribution: Tensor, to key: TensorKey, shared: Bool = false) {
    precondition(
      contribution.shape.count == key.shape.count,
      "a gradient of shape \(contribution.shape) for \(key.shape)")
    add(contribution, identity: key.identity, shared: shared)
  }

  private func add(_ contribution: Tensor, identity: Int, shared: Bool) {
    guard let (sum, sumIsShared) = found[identity] else {
      found[identity] = (contribution, shared)
      return
    }
    let target = sumIsShared ? engine.tensor(sum.shape) : sum
    engine.threads.run(rows: sum.shape.count, columns: 1) { range in
      let (start, count) = (range.lowerBound, range.count)
      if sumIsShared {
        hk_add(
          sum.pointer + start, contribution.pointer + start, Int64(count), target.pointer + start)
      } else {
        hk_axpy(Int64(count), 1, contribution.pointer + start, target.pointer + start)
      }
    }
    found[identity] = (target, false)
  }

  /// A tensor's gradient to add to in place, zeros at first; nil when it wants none.
  package func accumulator(for key: TensorKey) -> Tensor? {
    guard key.needsGradient else { return nil }
    if let (sum, isShared) = found[key.identity], !isShared { return sum }
    let target = engine.zeros(key.shape)
    if let (sum, _) = found[key.identity] {
      target.pointer.update(from: sum.pointer, count: key.shape.count)
    }
    found[key.identity] = (target, false)
    return target
  }

  /// Drops a tensor's gradient.
  func forget(_ key: TensorKey) { found[key.identity] = nil }

  /// Adds all that other gradients hold, times a factor; what they hold is used up.
  package func absorb(_ other: Gradients, times factor: Float = 1) {
    for (identity, entry) in other.found {
      if factor != 1 {
        precondition(!entry.isShared, "a shared gradient cannot be scaled in place")
        hk_scale(Int64(entry.gradient.shape.count), factor, entry.gradient.pointer)
      }
      add(entry.gradient, identity: identity, shared: entry.isShared)
    }
    other.found = [:]
  }
}
