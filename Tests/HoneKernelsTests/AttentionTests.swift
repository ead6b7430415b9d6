import HoneKernels
import Testing

@Suite struct AttentionTests {
  @Test(arguments: Variant.vector, 0..<40)
  func `blocked attention agrees with plain C, forward and back`(variant: Variant, seed: Int) {
    let worst = differences(variant, seed, HK_COMPUTE_F32)
    #expect(worst.forward < 1e-5, "forward: \(worst.forward)")
    #expect(worst.back < 2e-5, "back: \(worst.back)")
  }

  /// Operands in bf16, where the machine multiplies those quickly.
  @Test(arguments: Variant.vector, 0..<40)
  func `attention in bf16 stays within its rounding`(variant: Variant, seed: Int) {
    let worst = differences(variant, seed, HK_COMPUTE_AUTO)
    #expect(worst.forward < 2e-2, "forward: \(worst.forward)")
    #expect(worst.back < 5e-2, "back: \(worst.back)")
  }

  private func differences(_ variant: Variant, _ seed: Int, _ compute: hk_compute) -> (
    forward: Float, back: Float
  ) {
    var numbers = Numbers(seed: seed + 100)
    let pool = hk_pool_create(2)!
    defer { hk_pool_destroy(pool) }
    func draw(_ choices: [Int]) -> Int { choices[numbers.integers(1, below: choices.count)[0]] }
    let (keyHeads, group, dimension) = (
      draw([1, 2, 3]), draw([1, 2, 3]), draw([4, 5, 16, 33, 64, 80])
    )
    let heads = keyHeads * group
    let decoding = seed % 3 == 0
    let prefixCount = draw([0, 0, 17])
    // Whether the second span begins another tree: those after it continue it.
    let branches = seed % 4 == 1
    var (queries, keys) = (0, 20)
    var spans = (0..<draw([1, 2, 3]) + (branches ? 3 : 0)).map { _ -> hk_span in
      let count = decoding ? 1 : draw([1, 2, 40, 70, 130])
      let keyCount = count + draw([0, 0, 1, 65, 250])
      defer {
        queries += count
        keys += keyCount
      }
      return hk_span(
        query: Int64(queries), query_count: Int64(count), key: Int64(keys),
        key_count: Int64(keyCount), prefix: 0, prefix_count: Int64(prefixCount))
    }
    if branches {
      for index in 2..<spans.count {
        spans[index].prefix = spans[1].key
        spans[index].prefix_count = spans[1].key_count
      }
    }
    let tree = spans
    let q = numbers.floats(queries * heads * dimension)
    let format = [HK_F32, HK_F16, HK_BF16][seed % 3]
    let k = numbers.blocks(format, elements: keys * keyHeads * dimension)
    let v = numbers.blocks(format, elements: keys * keyHeads * dimension)
    let gradient = numbers.floats(q.count)
    let (window, softCap) = (draw([0, 0, 3, 90]), Float(draw([0, 0, 4])))

    var found = Results(queries: q.count, keys: keys * keyHeads * dimension, rows: queries * heads)
    var expected = found
    func run(_ results: inout Results, with variant: Variant?) {
      tree.withUnsafeBufferPointer { spans in
        k.withUnsafeBytes { k in
          v.withUnsafeBytes { v in
            var attention = hk_attention(
              q: q.pointer, k: k.baseAddress, v: v.baseAddress, out: results.out.pointer,
              lse: results.lse.pointer, kv_format: format, q_stride: Int64(heads * dimension),
              kv_stride: Int64(keyHeads * dimension), out_stride: Int64(heads * dimension),
              heads: Int64(heads), kv_heads: Int64(keyHeads), head_dim: Int64(dimension),
              scale: 0.3, softcap: softCap, window: Int64(window), compute: compute,
              spans: spans.baseAddress, span_count: Int64(spans.count))
            if let variant {
              variant.run {
                hk_attention_forward(pool, &attention)
                hk_attention_backward(
                  pool, &attention, gradient, results.q.pointer, results.k.pointer,
                  results.v.pointer)
              }
            } else {
              hk_attention_forward_reference(&attention)
              hk_attention_backward_reference(
                &attention, gradient, results.q.pointer, results.k.pointer, results.v.pointer)
            }
          }
        }
      }
    }
    run(&found, with: variant)
    run(&expected, with: nil)
    return (
      max(worstDifference(found.out, expected.out), worstDifference(found.lse, expected.lse)),
      max(
        worstDifference(found.q, expected.q), worstDifference(found.k, expected.k),
        worstDifference(found.v, expected.v))
    )
  }

  private struct Results {
    var out, lse, q, k, v: [Float]

    init(queries: Int, keys: Int, rows: Int) {
      out = Array(repeating: 0, count: queries)
      lse = Array(repeating: 0, count: rows)
      q = out
      k = Array(repeating: 0, count: keys)
      v = k
    }
  }
}

extension Array where Element == Float {
  /// The numbers in place, while nothing else touches the array.
  fileprivate var pointer: UnsafeMutablePointer<Float> {
    withUnsafeBufferPointer { UnsafeMutablePointer(mutating: $0.baseAddress!) }
  }
}
