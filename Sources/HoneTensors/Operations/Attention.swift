import HoneKernels

/// Which rows of queries and of keys belong together, see `hk_span`.
package struct AttentionSpan: Sendable {
  package var queries: Range<Int>
  package var keys: Range<Int>
  package var prefix: Range<Int>

  package init(queries: Range<Int>, keys: Range<Int>, prefix: Range<Int> = 0..<0) {
    self.queries = queries
    self.keys = keys
    self.prefix = prefix
  }

  /// A sequence whose queries and keys are the same rows.
  package init(whole rows: Range<Int>) { self.init(queries: rows, keys: rows) }

  fileprivate var kernelSpan: hk_span {
    hk_span(
      query: Int64(queries.lowerBound), query_count: Int64(queries.count),
      key: Int64(keys.lowerBound), key_count: Int64(keys.count),
      prefix: Int64(prefix.lowerBound), prefix_count: Int64(prefix.count))
  }
}

/// The sizes and rules of an attention.
package struct AttentionShape: Sendable {
  package var headCount: Int
  package var keyValueHeadCount: Int
  package var headDimension: Int
  package var scale: Float
  package var softCap: Float
  package var window: Int?

  package init(
    headCount: Int, keyValueHeadCount: Int, headDimension: Int, scale: Float, softCap: Float = 0,
    window: Int? = nil
  ) {
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDimension = headDimension
    self.scale = scale
    self.softCap = softCap
    self.window = window
  }
}

/// Causal attention within each span, `softmax(q kᵀ · scale) v`, head by head.
///
/// - Parameters:
///   - queries: `[tokens x heads · dimension]`.
///   - keys, values: `[tokens x key heads · dimension]`.
///   - prefix: keys and values that every span sees before its own, of the same width.
package func attended(
  _ queries: Tensor, keys: Tensor, values: Tensor, prefix: (keys: Tensor, values: Tensor)? = nil,
  spans: [AttentionSpan], shape: AttentionShape, in pass: Pass
) -> Tensor {
  let count = prefix?.keys.shape[0] ?? 0
  var allSpans = spans
  if count > 0 {
    allSpans = spans.map {
      precondition($0.prefix.isEmpty, "a span has one prefix")
      return AttentionSpan(
        queries: $0.queries, keys: $0.keys.lowerBound + count..<$0.keys.upperBound + count,
        prefix: 0..<count)
    }
  }
  let lse = pass.tape == nil ? nil : pass.tensor([queries.shape[0], shape.headCount])
  let output = pass.tensor([queries.shape[0], shape.headCount * shape.headDimension])
  attend(
    queries, keys: stacked(prefix?.keys, keys, in: pass),
    values: stacked(prefix?.values, values, in: pass), spans: allSpans, shape: shape,
    output: output, lse: lse, in: pass
  ) { hk_attention_forward(pass.pool.handle, &$0) }
  let inputs = [queries, keys, values] + (prefix.map { [$0.keys, $0.values] } ?? [])
  let kept = (pass.keep(queries), pass.keep(keys), pass.keep(values), pass.keep(output))
  pass.record("attended", inputs: inputs, outputs: [output], saving: lse?.byteCount ?? 0) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key], let lse,
      case (let queries?, let keys?, let values?, let output?) = kept
    else { return }
    let queryGradient = pass.tensor(queries.key.shape)
    let allKeys = stacked(prefix?.keys, keys.tensor(in: pass), in: pass)
    let allValues = stacked(prefix?.values, values.tensor(in: pass), in: pass)
    let keyGradient = pass.engine.zeros(allKeys.shape)
    let valueGradient = pass.engine.zeros(allValues.shape)
    attend(
      queries.tensor(in: pass), keys: allKeys, values: allValues, spans: allSpans, shape: shape,
      output: output.tensor(in: pass), lse: lse, in: pass
    ) {
      hk_attention_backward(
        pass.pool.handle, &$0, gradient.pointer, queryGradient.pointer, keyGradient.pointer,
        valueGradient.pointer)
    }
    if queries.key.needsGradient { gradients.add(queryGradient, to: queries.key) }
    for (own, ahead, found) in [
      (keys.key, prefix?.keys.key, keyGradient), (values.key, prefix?.values.key, valueGradient),
    ] {
      if own.needsGradient { gradients.add(found.rows(count..<found.shape[0]), to: own) }
      if let ahead, ahead.needsGradient { gradients.add(found.rows(0..<count), to: ahead) }
    }
  }
  return output
}

/// The same over stored keys and values; not recorded.
package func attendedCached(
  _ queries: Tensor, keys: UnsafeRawPointer, values: UnsafeRawPointer, format: StorageFormat,
  spans: [AttentionSpan], shape: AttentionShape, in pass: Pass
) -> Tensor {
  let output = pass.tensor([queries.shape[0], shape.headCount * shape.headDimension])
  attend(
    queries, keys: keys, values: values, format: format, spans: spans, shape: shape,
    output: output, lse: nil, in: pass
  ) { hk_attention_forward(pass.pool.handle, &$0) }
  return output
}

/// The same over tensors.
private func attend(
  _ queries: Tensor, keys: Tensor, values: Tensor, spans: [AttentionSpan], shape: AttentionShape,
  output: Tensor, lse: Tensor?, in pass: Pass, _ kernel: (inout hk_attention) -> Void
) {
  attend(
    queries, keys: keys.pointer, values: values.pointer, format: .f32, spans: spans, shape: shape,
    output: output, lse: lse, in: pass, kernel)
  withExtendedLifetime((keys, values)) {}
}

/// Describes an attention to a kernel.
private func attend(
  _ queries: Tensor, keys: UnsafeRawPointer, values: UnsafeRawPointer, format: StorageFormat,
  spans: [AttentionSpan], shape: AttentionShape, output: Tensor, lse: Tensor?,
  in pass: Pass, _ kernel: (inout hk_attention) -> Void
) {
  let width = shape.headCount * shape.headDimension
  precondition(queries.shape.columns == width, "\(queries.shape) for \(shape.headCount) heads")
  let kernelSpans = spans.map(\.kernelSpan)
  kernelSpans.withUnsafeBufferPointer { kernelSpans in
    var attention = hk_attention(
      q: queries.pointer, k: keys, v: values, out: output.pointer, lse: lse?.pointer,
      kv_format: format.kernelFormat, q_stride: Int64(width),
      kv_stride: Int64(shape.keyValueHeadCount * shape.headDimension), out_stride: Int64(width),
      heads: Int64(shape.headCount), kv_heads: Int64(shape.keyValueHeadCount),
      head_dim: Int64(shape.headDimension), scale: shape.scale, softcap: shape.softCap,
      window: Int64(shape.window ?? 0), compute: pass.engine.compute.kernelCompute,
      spans: kernelSpans.baseAddress,
      span_count: Int64(kernelSpans.count))
    kernel(&attention)
  }
}

/// The rows of one tensor, if any, then those of another; not recorded.
private func stacked(_ first: Tensor?, _ second: Tensor, in pass: Pass) -> Tensor {
  guard let first else { return second }
  precondition(first.shape.columns == second.shape.columns, "\(first.shape) and \(second.shape)")
  let result = pass.tensor([first.shape.rows + second.shape.rows, first.shape.columns])
  result.pointer.update(from: first.pointer, count: first.shape.count)
  (result.pointer + first.shape.count).update(from: second.pointer, count: second.shape.count)
  return result
}
