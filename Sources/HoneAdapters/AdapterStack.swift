import HoneModels
import HoneTensors

/// Several adapters of one model at once: what each changes is added up.
///
/// A projection gives `W x + Σ wᵢ (yᵢ - W x)` with each adapter's own output `yᵢ` and a weight, which
/// is one; halves of blocks are transformed by one adapter after the other, and what stands before
/// sequences stands in the adapters' order, both without weights.
public final class AdapterStack: Adapter {
  public let adapters: [any Adapter]

  private let weights: [Float]

  public init(_ adapters: [any Adapter]) {
    self.adapters = adapters
    weights = Array(repeating: 1, count: adapters.count)
  }

  init(_ adapters: [any Adapter], weights: [Double]) {
    self.adapters = adapters
    self.weights = weights.map { Float($0) }
  }

  /// Whether one adapter acts as it is.
  private var isAlone: Bool { weights == [1] }

  /// Some adapters as one, in the quickest form that there is for them.
  public static func together(
    _ adapters: [any TrainableAdapter], in engine: Engine
  ) -> any Adapter {
    guard let first = adapters.first else { return NoAdapter() }
    if adapters.count == 1 { return first }
    return first.joined(with: Array(adapters.dropFirst()), in: engine) ?? AdapterStack(adapters)
  }

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    guard !isAlone else { return adapters[0].embed(ids, through: table, in: pass) }
    return summed(embedded(ids, in: table, pass: pass), in: pass) {
      $0.embed(ids, through: table, in: pass)
    }
  }

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    guard !isAlone else {
      return adapters[0].project(input, at: sites, through: bases, in: pass)
    }
    let plain = Projection.apply(bases, to: input, in: pass)
    return zip(adapters, weights).reduce(plain) { sums, item in
      let outputs = item.0.project(input, at: sites, through: bases, in: pass)
      return sums.indices.map { index in
        let change = change(outputs[index], from: plain[index], times: item.1, in: pass)
        return added(sums[index], change, in: pass)
      }
    }
  }

  public func transform(
    _ output: Tensor, after sublayer: Sublayer, layer: Int, residual: Tensor, in pass: Pass
  ) -> Tensor {
    adapters.reduce(output) {
      $1.transform($0, after: sublayer, layer: layer, residual: residual, in: pass)
    }
  }

  public var positionsAhead: Int { adapters.reduce(0) { $0 + $1.positionsAhead } }

  public func prefixes(in pass: Pass) -> [(keys: Tensor, values: Tensor)] {
    let all = adapters.map { $0.prefixes(in: pass) }.filter { !$0.isEmpty }
    guard let first = all.first, all.count > 1 else { return all.first ?? [] }
    return first.indices.map { layer in
      (
        joined(all.map { $0[layer].keys }, in: pass),
        joined(all.map { $0[layer].values }, in: pass)
      )
    }
  }

  public func virtualTokens(in pass: Pass) -> Tensor? {
    let all = adapters.compactMap { $0.virtualTokens(in: pass) }
    return all.count > 1 ? joined(all, in: pass) : all.first
  }

  public func penalty(in pass: Pass) -> Tensor? {
    let all = adapters.compactMap { $0.penalty(in: pass) }
    return all.dropFirst().reduce(all.first) { sum, term in sum.map { added($0, term, in: pass) } }
  }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    guard !isAlone else { return adapters[0].vector(base, named: name, in: pass) }
    return summed(base, in: pass) { $0.vector(base, named: name, in: pass) }
  }

  private func summed(
    _ plain: Tensor, in pass: Pass, _ own: (any Adapter) -> Tensor
  ) -> Tensor {
    zip(adapters, weights).reduce(plain) { sum, item in
      let output = own(item.0)
      // An adapter that leaves a vector as it is gives the base itself.
      guard output !== plain else { return sum }
      return added(sum, change(output, from: plain, times: item.1, in: pass), in: pass)
    }
  }

  private func change(
    _ output: Tensor, from plain: Tensor, times factor: Float, in pass: Pass
  ) -> Tensor {
    let change = added(output, scaled(plain, by: -1, in: pass), in: pass)
    return factor == 1 ? change : scaled(change, by: factor, in: pass)
  }
}
