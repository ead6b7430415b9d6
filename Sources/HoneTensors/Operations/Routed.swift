import HoneKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Which experts each row goes to, and how much what they give counts.
///
/// Jacobs et al., "Adaptive mixtures of local experts", 1991; Shazeer et al., "Outrageously large
/// neural networks", 2017.
package struct Routes {
  /// Some rows that all go to one expert.
  package struct Group {
    package let expert: Int
    /// The rows, ascending.
    package let rows: [Int32]
    /// Where among a row's choices the expert stands.
    package let places: [Int]
  }

  /// The choices of all rows, each row's likeliest first.
  package let chosen: [Int]
  /// How much each choice counts, `[rows x choices]`.
  package let weights: Tensor

  /// The experts that any row goes to, ascending, with their rows.
  package var groups: [Group] {
    let choices = weights.shape.columns
    var assigned: [Int: (rows: [Int32], places: [Int])] = [:]
    for (index, expert) in chosen.enumerated() {
      assigned[expert, default: ([], [])].rows.append(Int32(index / choices))
      assigned[expert, default: ([], [])].places.append(index % choices)
    }
    return assigned.sorted { $0.key < $1.key }.map {
      Group(expert: $0.key, rows: $0.value.rows, places: $0.value.places)
    }
  }
}

/// The likeliest experts of each row, with their probabilities `softmax(logits)`; over the chosen alone
/// where `normalized`.
///
/// The way back: `dlₑ = pₑ (dwₑ - Σ dw p)`, over all experts or over the chosen. Which experts are
/// chosen has no gradient.
///
/// - Parameters:
///   - logits: `[rows x experts]`.
///   - choices: how many experts a row goes to; of equals, the first.
package func routed(
  _ logits: Tensor, choices: Int, normalized: Bool, in pass: Pass
) -> Routes {
  let (rows, experts) = (logits.shape.rows, logits.shape.columns)
  precondition((1...experts).contains(choices), "\(choices) of \(experts) experts")
  var chosen: [Int] = []
  chosen.reserveCapacity(rows * choices)
  let weights = pass.tensor([rows, choices])
  // Of all experts, since what is not chosen takes part where nothing is normalised.
  let probabilities = pass.tensor([rows, experts])
  for row in 0..<rows {
    let (logit, probability) = (
      logits.pointer + row * experts, probabilities.pointer + row * experts
    )
    var best: [Int] = []
    for _ in 0..<choices {
      var next: Int?
      for expert in 0..<experts where !best.contains(expert) {
        if next.map({ logit[expert] > logit[$0] }) ?? true { next = expert }
      }
      if let next { best.append(next) }
    }
    let top = logit[best[0]]
    let summed = normalized ? best : Array(0..<experts)
    probability.update(repeating: 0, count: experts)
    var sum: Float = 0
    for expert in summed {
      probability[expert] = exp(logit[expert] - top)
      sum += probability[expert]
    }
    for expert in summed { probability[expert] /= sum }
    for (place, expert) in best.enumerated() {
      weights.pointer[row * choices + place] = probability[expert]
    }
    chosen += best
  }
  pass.record(
    "routed", inputs: [logits], outputs: [weights], saving: probabilities.byteCount
  ) { [logits = logits.key, key = weights.key, chosen] gradients, pass in
    guard let gradient = gradients[key], logits.needsGradient else { return }
    let change = pass.tensor(logits.shape)
    for row in 0..<rows {
      let probability = probabilities.pointer + row * experts
      let places = (0..<choices).map { row * choices + $0 }
      let mean = places.reduce(Float(0)) {
        $0 + gradient.pointer[$1] * probability[chosen[$1]]
      }
      let target = change.pointer + row * experts
      for expert in 0..<experts { target[expert] = -mean * probability[expert] }
      for place in places {
        target[chosen[place]] += gradient.pointer[place] * probability[chosen[place]]
      }
    }
    gradients.add(change, to: logits)
  }
  return Routes(chosen: chosen, weights: weights)
}

/// What each row's experts gave, each times its weight, summed in the experts' order.
///
/// - Parameters:
///   - outputs: what each of the routes' groups gave, a row for each of its rows.
/// - Returns: `[rows x columns]`.
package func combined(
  _ outputs: [Tensor], of groups: [Routes.Group], weights: Tensor, in pass: Pass
) -> Tensor {
  precondition(outputs.count == groups.count, "\(outputs.count) outputs of \(groups.count)")
  let (rows, choices) = (weights.shape.rows, weights.shape.columns)
  let columns = outputs.first?.shape.columns ?? 0
  let output = pass.engine.zeros([rows, columns])
  for (given, group) in zip(outputs, groups) {
    for (index, row) in group.rows.enumerated() {
      hk_axpy(
        Int64(columns), weights.pointer[Int(row) * choices + group.places[index]],
        given.pointer + index * columns, output.pointer + Int(row) * columns)
    }
  }
  let kept = weights.needsGradient ? outputs.map { pass.keep($0) } : outputs.map { _ in nil }
  pass.record("combined", inputs: outputs + [weights], outputs: [output]) {
    [inputs = outputs.map(\.key), key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let weightGradient = gradients.accumulator(for: weights.key)
    for (number, group) in groups.enumerated() {
      let given = kept[number]?.tensor(in: pass)
      let share = inputs[number].needsGradient ? pass.engine.zeros(inputs[number].shape) : nil
      for (index, row) in group.rows.enumerated() {
        let place = Int(row) * choices + group.places[index]
        let change = gradient.pointer + Int(row) * columns
        if let share {
          hk_axpy(
            Int64(columns), weights.pointer[place], change, share.pointer + index * columns)
        }
        if let weightGradient, let given {
          let source = given.pointer + index * columns
          var sum: Float = 0
          for column in 0..<columns { sum += change[column] * source[column] }
          weightGradient.pointer[place] += sum
        }
      }
      if let share { gradients.add(share, to: inputs[number]) }
    }
  }
  return output
}

/// Each row times the sigmoid of its number: `y = σ(g) x`.
///
/// - Parameters:
///   - input: `[rows x columns]`.
///   - gates: `[rows x 1]`.
package func scaled(_ input: Tensor, bySigmoidOf gates: Tensor, in pass: Pass) -> Tensor {
  let (rows, columns) = (input.shape.rows, input.shape.columns)
  precondition(gates.shape.count == rows, "\(gates.shape) gates for \(input.shape)")
  let factors = (0..<rows).map { 1 / (1 + exp(-gates.pointer[$0])) }
  func product(_ source: Tensor, in pass: Pass) -> Tensor {
    let product = pass.engine.zeros(source.shape)
    for (row, factor) in factors.enumerated() {
      hk_axpy(
        Int64(columns), factor, source.pointer + row * columns, product.pointer + row * columns)
    }
    return product
  }
  let output = product(input, in: pass)
  let kept = gates.needsGradient ? pass.keep(input) : nil
  pass.record("scaled", inputs: [input, gates], outputs: [output]) {
    [inputKey = input.key, gates = gates.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    if inputKey.needsGradient { gradients.add(product(gradient, in: pass), to: inputKey) }
    guard let sum = gradients.accumulator(for: gates), let input = kept?.tensor(in: pass) else {
      return
    }
    for (row, factor) in factors.enumerated() {
      var product: Float = 0
      for place in row * columns..<(row + 1) * columns {
        product += gradient.pointer[place] * input.pointer[place]
      }
      sum.pointer[row] += product * factor * (1 - factor)
    }
  }
  return output
}
