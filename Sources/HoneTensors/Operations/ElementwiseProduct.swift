import HoneKernels

/// Two tensors number by number: `y = a ∘ b`.
package func elementwiseProduct(_ a: Tensor, _ b: Tensor, in pass: Pass) -> Tensor {
  precondition(a.shape == b.shape, "\(a.shape) and \(b.shape)")
  let output = multipliedNumbers(a, b, in: pass)
  let (keptA, keptB) = (pass.keep(a), pass.keep(b))
  if let keptA, let keptB {
    output.recomputing = { multipliedNumbers(keptA.tensor(in: $0), keptB.tensor(in: $0), in: $0) }
  }
  pass.record("elementwiseProduct", inputs: [a, b], outputs: [output]) {
    [a = a.key, b = b.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key], let keptA, let keptB else { return }
    if a.needsGradient {
      gradients.add(multipliedNumbers(gradient, keptB.tensor(in: pass), in: pass), to: a)
    }
    if b.needsGradient {
      gradients.add(multipliedNumbers(gradient, keptA.tensor(in: pass), in: pass), to: b)
    }
  }
  return output
}

private func multipliedNumbers(_ a: Tensor, _ b: Tensor, in pass: Pass) -> Tensor {
  let output = pass.tensor(a.shape)
  pass.pool.run(rows: a.shape.count, columns: 1) { range in
    let start = range.lowerBound
    hk_multiply(a.pointer + start, b.pointer + start, Int64(range.count), output.pointer + start)
  }
  return output
}
