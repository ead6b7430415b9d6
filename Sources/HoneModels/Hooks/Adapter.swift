import HoneTensors

/// What a method of adaptation may change in a network.
///
/// Every default leaves the network as it is, so a network without an adapter is the reference, and
/// no network's code names a method.
public protocol Adapter: AnyObject {
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

  /// The output of a block's half, before it is added to the residual stream.
  ///
  /// - Parameters:
  ///   - output: what the half computed, `[tokens x hidden]`.
  ///   - residual: the stream that it will be added to.
  func transform(
    _ output: Tensor, after sublayer: Sublayer, layer: Int, residual: Tensor, in pass: Pass
  ) -> Tensor

  /// Rows put before every sequence's embedded tokens, `[rows x hidden]`; nil for none.
  func virtualTokens(in pass: Pass) -> Tensor?

  /// Keys and values put before every sequence's own in a block, each `[rows x key-value width]`,
  /// as they stand in a cache (after rotation); nil for none.
  func prefix(forLayer layer: Int, in pass: Pass) -> (keys: Tensor, values: Tensor)?

  /// A term added to the loss, of one element; nil for none.
  func penalty(in pass: Pass) -> Tensor?

  /// Whether a parameter of the base, named as in its Hugging Face folder, is trained itself.
  func trains(_ parameter: String) -> Bool
}

extension Adapter {
  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    Projection.apply(bases, to: input, in: pass)
  }

  public func transform(
    _ output: Tensor, after sublayer: Sublayer, layer: Int, residual: Tensor, in pass: Pass
  ) -> Tensor {
    output
  }

  public func virtualTokens(in pass: Pass) -> Tensor? { nil }

  public func prefix(forLayer layer: Int, in pass: Pass) -> (keys: Tensor, values: Tensor)? { nil }

  public func penalty(in pass: Pass) -> Tensor? { nil }

  public func trains(_ parameter: String) -> Bool { false }
}

/// The adapter that changes nothing.
public final class NoAdapter: Adapter {
  public init() {}
}
