import HoneTensors

/// The rows that a block's convolution sees.
extension KeyValueCache {
  /// Stores a convolving layer's new rows of a batch behind those of its sequences.
  func store(rows: Tensor, layer: Int, sequences: [TokenBatch.Sequence]) {
    store([rows], layer: layer, sequences: sequences)
  }

  /// The last rows of each sequence, those of the shared prefix before its own: as many as asked for,
  /// or as there are.
  func lastRows(
    _ count: Int, layer: Int, sequences: [TokenBatch.Sequence], in pass: Pass
  ) -> [Tensor] {
    sequences.map { sequence in
      let own = counts[sequence.slot]
      let first = row(sequence.slot, 0)
      let places =
        Array((0..<prefixCount).suffix(max(0, count - own)))
        + (first..<first + own).suffix(count)
      let rows = pass.tensor([places.count, width(of: layer)])
      for (index, place) in places.enumerated() {
        read(place, layer: layer, into: rows.pointer + index * rows.shape.columns)
      }
      return rows
    }
  }
}
