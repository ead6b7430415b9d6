import HoneKernels

/// How the operands of matrix products are rounded; sums are f32 always.
public enum Compute: String, Sendable, CaseIterable {
  /// Not at all: for parity work.
  case f32
  /// To bf16.
  case bf16
  /// As is fastest on this machine: to bf16 where it multiplies bf16 quickly, elsewhere to integers of
  /// 14 bits; prompts that tokens are to follow are read in integers of 8 bits where that is faster.
  case auto

  package var kernelCompute: hk_compute {
    switch self {
    case .f32: HK_COMPUTE_F32
    case .bf16: HK_COMPUTE_BF16
    case .auto: HK_COMPUTE_AUTO
    }
  }
}

/// What computing needs: threads, memory, and how to round.
///
/// An engine serves one run at a time and is not shared between tasks.
public final class Engine {
  public let threads: ThreadPool
  public let compute: Compute
  package let workspace: Workspace
  private var identities = 0

  /// - Parameters:
  ///   - threads: how many threads compute.
  ///   - compute: how matrix products round their operands.
  public init(threads: Int, compute: Compute = .auto) {
    self.threads = ThreadPool(threads: threads)
    self.compute = compute
    workspace = Workspace()
  }

  /// An engine with another's threads and memory that rounds otherwise.
  package init(sharing engine: Engine, compute: Compute) {
    threads = engine.threads
    workspace = engine.workspace
    self.compute = compute
  }

  /// A tensor whose numbers are not set yet.
  package func tensor(_ shape: Shape) -> Tensor {
    identities += 1
    return Tensor(
      shape: shape, storage: workspace.storage(byteCount: shape.count * 4), identity: identities)
  }

  /// A tensor of zeros.
  package func zeros(_ shape: Shape) -> Tensor {
    let tensor = tensor(shape)
    tensor.pointer.update(repeating: 0, count: shape.count)
    return tensor
  }

  /// A tensor with the given numbers.
  package func tensor(_ shape: Shape, _ values: some Collection<Float>) -> Tensor {
    precondition(values.count == shape.count, "\(values.count) numbers for shape \(shape)")
    let tensor = tensor(shape)
    _ = UnsafeMutableBufferPointer(start: tensor.pointer, count: shape.count)
      .update(fromContentsOf: values)
    return tensor
  }
}
