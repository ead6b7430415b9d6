import HoneModels
import HoneTensors

/// Several adapters of one model at once: what each changes is added up.
///
/// A projection gives `W x + Σ (yᵢ - W x)` with each adapter's own output `yᵢ`; halves of blocks are
/// transformed by one adapter after the other, and what stands before sequences stands in the
/// adapters' order.
public final class AdapterStack: Adapter {
  public let adapters: [any Adapter]

  public init(_ adapters: [any Adapter]) { self.adapters = adapters }

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    guard adapters.count != 1 else { return adapters[0].embed(ids, through: table, in: pass) }
    return summed(embedded(ids, in: table, pass: pass), in: pass) {
      $0.embed(ids, through: table, in: pass)
    }
  }

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    guard adapters.count != 1 else {
      return adapters[0].project(input, at: sites, through: bases, in: pass)
    }
    let plain = Projection.apply(bases, to: input, in: pass)
    return adapters.reduce(plain) { sums, adapter in
      let outputs = adapter.project(input, at: sites, through: bases, in: pass)
      return sums.indices.map { index in
        added(sums[index], change(outputs[index], from: plain[index], in: pass), in: pass)
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
    guard adapters.count != 1 else { return adapters[0].vector(base, named: name, in: pass) }
    return summed(base, in: pass) { $0.vector(base, named: name, in: pass) }
  }

  private func summed(
    _ plain: Tensor, in pass: Pass, _ own: (any Adapter) -> Tensor
  ) -> Tensor {
    adapters.reduce(plain) { sum, adapter in
      let output = own(adapter)
      // An adapter that leaves a vector as it is gives the base itself.
      return output === plain ? sum : added(sum, change(output, from: plain, in: pass), in: pass)
    }
  }

  private func change(_ output: Tensor, from plain: Tensor, in pass: Pass) -> Tensor {
    added(output, scaled(plain, by: -1, in: pass), in: pass)
  }
}
