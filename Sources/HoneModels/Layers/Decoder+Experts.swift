import HoneTensors

extension Decoder {
  /// A second half of several: a router sends each token to a few of them, and all tokens go to the
  /// shared one, where there is one.
  ///
  /// Shazeer et al. 2017; Jiang et al., "Mixtral of experts", 2024; Dai et al., "DeepSeekMoE", 2024.
  package struct Experts {
    package let router: Module
    package let all: [FeedForward]
    /// The expert of all tokens, and the row whose product's sigmoid says how much it counts.
    package let shared: (expert: FeedForward, router: Module)?

    /// All projections, in the block's order.
    package var modules: [Module] {
      [router] + all.flatMap(\.modules) + (shared.map { [$0.router] + $0.expert.modules } ?? [])
    }
  }

  /// What a block's experts make of tokens: each is computed for the tokens that are sent to it alone.
  func feed(
    _ input: Tensor, through experts: Experts, adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    guard let rule = spec.experts else { preconditionFailure("experts without a rule") }
    let logits = projected(input, through: [experts.router], adapter: adapter, in: pass)[0]
    let routes = routed(logits, choices: rule.choices, normalized: rule.normalizes, in: pass)
    let groups = routes.groups
    let outputs = groups.map { group in
      let isAll = group.rows.count == input.shape.rows
      return feed(
        isAll ? input : gathered(group.rows, from: input, in: pass),
        through: experts.all[group.expert], omitting: false, adapter: adapter, in: pass)
    }
    let output = combined(outputs, of: groups, weights: routes.weights, in: pass)
    guard let shared = experts.shared else { return output }
    let common = feed(
      input, through: shared.expert, omitting: false, adapter: adapter, in: pass)
    let gates = projected(input, through: [shared.router], adapter: adapter, in: pass)[0]
    return added(output, scaled(common, bySigmoidOf: gates, in: pass), in: pass)
  }
}
