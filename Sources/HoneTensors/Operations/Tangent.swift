/// A number that was computed from a tensor's numbers outside of the tape, with its derivatives.
///
/// - Parameters:
///   - value: the number.
///   - slopes: its derivative by each of the tensor's numbers.
package func tangent(
  of input: Tensor, value: Double, slopes: [Double], in pass: Pass
) -> Tensor {
  precondition(slopes.count == input.shape.count, "\(slopes.count) slopes for \(input.shape)")
  let output = pass.tensor([1])
  output.pointer[0] = Float(value)
  pass.record("tangent", inputs: [input], outputs: [output], saving: slopes.count * 8) {
    [input = input.key, key = output.key] gradients, pass in
    guard let seed = gradients[key]?.pointer[0] else { return }
    let gradient = pass.tensor(input.shape)
    for (index, slope) in slopes.enumerated() {
      gradient.pointer[index] = Float(Double(seed) * slope)
    }
    gradients.add(gradient, to: input)
  }
  return output
}
