import HoneKernels

/// `silu(gate) · up`.
///
/// Shazeer, "GLU variants improve transformer", 2020.
package func gatedUnit(gate: Tensor, up: Tensor, in pass: Pass) -> Tensor {
  precondition(gate.shape == up.shape, "\(gate.shape) and \(up.shape)")
  let output = pass.tensor(gate.shape)
  pass.pool.run(rows: gate.shape.count, columns: 1) { range in
    let start = range.lowerBound
    hk_swiglu(
      gate.pointer + start, up.pointer + start, Int64(range.count), output.pointer + start)
  }
  return output
}
