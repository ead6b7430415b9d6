import HoneTensors

extension Decoder {
  /// A short convolution in attention's place: `output(C ∘ convolved(B ∘ x))`, with `B`, `C` and `x`
  /// from one projection.
  ///
  /// `modeling_lfm2.py` of transformers.
  package struct ShortConvolution {
    package let input: Module
    /// `[hidden x 1 x length]`.
    package let kernel: Vector
    package let bias: Vector?
    package let output: Module
  }

  func convolve(
    _ input: Tensor, through convolution: ShortConvolution, at place: Place,
    adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    func numbers(_ vector: Vector) -> Tensor {
      adapter.vector(vector.numbers, named: vector.name, in: pass)
    }
    let parts = parted(
      projected(
        input, through: [convolution.input], adapter: adapter, in: pass)[0], into: 3,
      in: pass)
    let kernel = numbers(convolution.kernel)
    let length = kernel.shape.columns
    let seen = elementwiseProduct(parts[0], parts[2], in: pass)
    var mixed: Tensor
    if let cache = place.cache {
      let earlier = cache.lastRows(
        length - 1, layer: place.layer, sequences: place.layout.sequences, in: pass)
      cache.store(rows: seen, layer: place.layer, sequences: place.layout.sequences)
      mixed = convolved(
        joined(earlier + [seen], in: pass), by: kernel,
        sources: place.layout.sources(length: length, after: earlier.map(\.shape.rows)),
        in: pass)
    } else {
      mixed = convolved(
        seen, by: kernel, sources: place.layout.sources(length: length), in: pass)
    }
    if let bias = convolution.bias { mixed = added(numbers(bias), toRowsOf: mixed, in: pass) }
    return projected(
      elementwiseProduct(parts[1], mixed, in: pass), through: [convolution.output],
      adapter: adapter,
      in: pass)[0]
  }
}

extension Decoder.Layout {
  /// For each row the rows that a convolution sees, the latest last; -1 where there is none.
  ///
  /// - Parameter earlier: how many rows of each sequence stand before the batch's, those of one
  ///   sequence after the other; empty where none do.
  func sources(length: Int, after earlier: [Int] = []) -> [Int32] {
    let total = earlier.reduce(0, +)
    var start = 0
    return sequences.enumerated().flatMap { index, sequence -> [Int32] in
      var rows: [Int32]
      if earlier.isEmpty {
        rows = sequence.after.suffix(length - 1).map { Int32($0) }
      } else {
        rows = (start..<start + earlier[index]).map { Int32($0) }
        start += earlier[index]
      }
      let count = rows.count
      rows += sequence.rows.map { Int32(total + $0) }
      return sequence.rows.indices.flatMap { row in
        let last = count + row - sequence.rows.lowerBound
        return (last - length + 1...last).map { $0 < 0 ? -1 : rows[$0] }
      }
    }
  }
}
