import HoneKernels

/// The gradients found so far on the way back, by the tensor that they belong to.
public final class Gradients {
  private let engine: Engine
  private var found: [Int: (gradient: Tensor, isShared: Bool)] = [:]

  init(engine: Engine) { self.engine = engine }

  /// The gradient of a tensor, of its shape; nil when nothing flowed to it.
  public subscript(tensor: Tensor) -> Tensor? { found[tensor.identity]?.gradient }

  func holds(_ identity: Int) -> Bool { found[identity] != nil }

  func release(_ identity: Int) { found[identity] = nil }

  /// Adds to a tensor's gradient.
  ///
  /// - Parameter shared: whether the contribution's memory is also used elsewhere (the gradient of
  ///   a sum goes to both terms); it is then copied before anything is added to it.
  package func add(_ contribution: Tensor, to tensor: Tensor, shared: Bool = false) {
    precondition(
      contribution.shape.count == tensor.shape.count,
      "a gradient of shape \(contribution.shape) for \(tensor.shape)")
    guard let (sum, sumIsShared) = found[tensor.identity] else {
      found[tensor.identity] = (contribution, shared)
      return
    }
    let target = sumIsShared ? engine.tensor(sum.shape) : sum
    engine.threads.run(rows: sum.shape.count, columns: 1) { range in
      let (start, count) = (range.lowerBound, range.count)
      if sumIsShared {
        (target.pointer + start).update(from: sum.pointer + start, count: count)
      }
      hk_axpy(Int64(count), 1, contribution.pointer + start, target.pointer + start)
    }
    found[tensor.identity] = (target, false)
  }
}
