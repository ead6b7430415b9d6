/// What a gradient is filed under: it names a tensor without keeping its numbers alive.
package struct TensorKey {
  let identity: Int
  package let shape: Shape
  package let needsGradient: Bool
}

extension Tensor {
  package var key: TensorKey {
    TensorKey(identity: identity, shape: shape, needsGradient: needsGradient)
  }
}
