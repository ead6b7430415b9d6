import HoneTensors

extension Decoder {
  /// The keys and values of a text's tokens, a pair a block, each `[tokens x key-value width]`, as
  /// they stand in a cache (after rotation, from position 0).
  package func keysAndValues(
    of ids: [Int32], in pass: Pass
  ) -> [(keys: Tensor, values: Tensor)] {
    let cache = KeyValueCache(for: spec, sequenceCapacity: ids.count, compute: .f32)
    let batch = TokenBatch(ids: ids, sequences: [.init(rows: 0..<ids.count)])
    _ = hiddenStates(batch, adapter: NoAdapter(), cache: cache, in: pass)
    func copy(_ bytes: UnsafeRawPointer) -> Tensor {
      let tensor = pass.tensor([ids.count, spec.keyValueWidth])
      tensor.pointer.update(
        from: bytes.assumingMemoryBound(to: Float.self), count: tensor.shape.count)
      return tensor
    }
    return withExtendedLifetime(cache) {
      (0..<spec.layerCount).map { (copy(cache.keys($0)), copy(cache.values($0))) }
    }
  }
}
