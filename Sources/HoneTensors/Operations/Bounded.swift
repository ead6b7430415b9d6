#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `max(x, 0)`, for the few rows of a prompt's encoder.
package func rectified(_ input: Tensor, in pass: Pass) -> Tensor {
  bounded(
    "rectified", input, in: pass, function: { max($0, 0) }, derivative: { $0 > 0 ? 1 : 0 })
}

/// `tanh x`, for the few rows of a prompt's encoder.
package func squashed(_ input: Tensor, in pass: Pass) -> Tensor {
  bounded("squashed", input, in: pass, function: { tanh($0) }, derivative: { 1 - $0 * $0 })
}

/// A function of each number, whose derivative follows from its value alone.
private func bounded(
  _ name: StaticString, _ input: Tensor, in pass: Pass, function: (Float) -> Float,
  derivative: @escaping (Float) -> Float
) -> Tensor {
  let output = pass.tensor(input.shape)
  for index in 0..<input.shape.count { output.pointer[index] = function(input.pointer[index]) }
  let kept = pass.keep(output)
  pass.record(name, inputs: [input], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key], let output = kept?.tensor(in: pass) else { return }
    let inputGradient = pass.tensor(input.shape)
    for index in 0..<input.shape.count {
      inputGradient.pointer[index] = gradient.pointer[index] * derivative(output.pointer[index])
    }
    gradients.add(inputGradient, to: input)
  }
  return output
}
