import HoneTensors

/// What a method of adaptation may change in a network.
///
/// Every default leaves the network as it is, so a network without an adapter is the reference, and
/// no network's code names a method.
public protocol Adapter: AnyObject {
  /// The embedding's rows for tokens, `[ids x hidden]`.
  func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor

  /// The outputs of projections that share an input.
  ///
  /// - Parameters:
  ///   - input: `[tokens x inputs]`.
  ///   - sites: where: query, key and value of a block together, gate and up together, the others
  ///     alone.
  ///   - bases: the frozen projections, one a site.
  /// - Returns: one `[tokens x outputs]` a site.
  func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor]

  /// Whether the way back of what it does to a projection's output reads the output's numbers, as
  /// that of a trained factor does. Where it does not, a block that runs again leaves out its last
  /// product; true unless a method says otherwise.
  var readsOutputs: Bool { get }

  /// The output of a block's half, before it is added to the residual stream.
  ///
  /// - Parameters:
  ///   - output: what the half computed, `[tokens x hidden]`.
  ///   - residual: the stream that it will be added to.
  func transform(
    _ output: Tensor, after sublayer: Sublayer, layer: Int, residual: Tensor, in pass: Pass
  ) -> Tensor

  /// How many positions ``prefixes(in:)`` and ``virtualTokens(in:)`` take before a sequence's first
  /// token.
  var positionsAhead: Int { get }

  /// Keys and values put before every sequence's own, a pair a block, each `[rows x key-value
  /// width]`, as they stand in a cache (after rotation); none by default.
  ///
  /// Asked once a pass, so that what computes them all at once runs once.
  func prefixes(in pass: Pass) -> [(keys: Tensor, values: Tensor)]

  /// Rows put before every sequence's embedded tokens and after the prefixes, `[rows x hidden]`; nil
  /// for none.
  func virtualTokens(in pass: Pass) -> Tensor?

  /// A term added to the loss, of one element; nil for none.
  func penalty(in pass: Pass) -> Tensor?

  /// What stands in a vector's place: the base's, or a copy of its own that is trained.
  ///
  /// Matrices are replaced where they are used, in ``project(_:at:through:in:)`` and
  /// ``embed(_:through:in:)``; so the base itself never changes.
  ///
  /// - Parameter name: as in a Hugging Face folder: `model.norm.weight`.
  func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor
}

extension Adapter {
  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    embedded(ids, in: table, pass: pass)
  }

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    Projection.apply(bases, to: input, in: pass)
  }

  public var readsOutputs: Bool { true }

  public func transform(
    _ output: Tensor, after sublayer: Sublayer, layer: Int, residual: Tensor, in pass: Pass
  ) -> Tensor {
    output
  }

  public var positionsAhead: Int { 0 }

  public func prefixes(in pass: Pass) -> [(keys: Tensor, values: Tensor)] { [] }

  public func virtualTokens(in pass: Pass) -> Tensor? { nil }

  public func penalty(in pass: Pass) -> Tensor? { nil }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor { base }
}

/// The adapter that changes nothing.
public final class NoAdapter: Adapter {
  public init() {}

  public var readsOutputs: Bool { false }
}
