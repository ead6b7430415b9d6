import HoneKernels
import HoneTensors

/// The keys and values of tokens already seen, so that each further token costs one row.
///
/// A cache holds a number of sequences, each in rows of its own, and one shared prefix that every
/// sequence sees before its own keys: a long prompt that many continuations share is computed once.
/// Numbers are f16, or f32 where the engine computes in f32.
public final class KeyValueCache {
  public let sequenceCapacity: Int
  public let prefixCapacity: Int
  let format: StorageFormat
  let width: Int
  private let layers: [(keys: OwnedBytes, values: OwnedBytes)]
  /// How many keys each sequence holds, the shared prefix not counted.
  public private(set) var counts: [Int]
  /// How many keys the shared prefix holds.
  public private(set) var prefixCount = 0

  /// - Parameters:
  ///   - sequences: how many sequences are cached side by side.
  ///   - sequenceCapacity: the most tokens of one, after the shared prefix.
  ///   - prefixCapacity: the most tokens of the shared prefix.
  public init(
    for spec: DecoderSpec, sequences: Int = 1, sequenceCapacity: Int, prefixCapacity: Int = 0,
    compute: Compute
  ) {
    self.sequenceCapacity = sequenceCapacity
    self.prefixCapacity = prefixCapacity
    format = compute == .f32 ? .f32 : .f16
    width = spec.keyValueWidth
    let bytes = (prefixCapacity + sequences * sequenceCapacity) * width * format.bytesPerBlock
    layers = (0..<spec.layerCount).map { _ in
      (OwnedBytes(count: bytes), OwnedBytes(count: bytes))
    }
    counts = Array(repeating: 0, count: sequences)
  }

  public var byteCount: Int {
    layers.count * 2 * (prefixCapacity + counts.count * sequenceCapacity) * width
      * format.bytesPerBlock
  }

  /// Forgets a sequence's keys from `count` on.
  public func truncate(_ slot: Int, to count: Int) {
    counts[slot] = min(counts[slot], max(0, count))
  }

  /// Makes what the first sequence holds the shared prefix of all; every sequence starts empty.
  public func sharePrefix() {
    let count = counts[0]
    precondition(prefixCount == 0 && count <= prefixCapacity, "no room for a shared prefix")
    let size = count * width * format.bytesPerBlock
    for layer in layers {
      for bytes in [layer.keys, layer.values] {
        bytes.pointer.copyMemory(from: bytes.pointer + offset(row: row(0, 0)), byteCount: size)
      }
    }
    prefixCount = count
    counts = Array(repeating: 0, count: counts.count)
  }

  /// Forgets everything.
  public func reset() {
    prefixCount = 0
    counts = Array(repeating: 0, count: counts.count)
  }

  private func row(_ slot: Int, _ position: Int) -> Int {
    prefixCapacity + slot * sequenceCapacity + position
  }

  private func offset(row: Int) -> Int { row * width * format.bytesPerBlock }

  func keys(_ layer: Int) -> UnsafeRawPointer { UnsafeRawPointer(layers[layer].keys.pointer) }
  func values(_ layer: Int) -> UnsafeRawPointer { UnsafeRawPointer(layers[layer].values.pointer) }

  /// Stores a layer's new keys and values of a batch behind those of its sequences.
  func store(
    keys: Tensor, values: Tensor, layer: Int, batch: TokenBatch
  ) {
    for sequence in batch.sequences {
      let start = counts[sequence.slot]
      precondition(start + sequence.rows.count <= sequenceCapacity, "the cache is full")
      for (source, target) in [(keys, layers[layer].keys), (values, layers[layer].values)] {
        let from = source.pointer + sequence.rows.lowerBound * width
        let to = target.pointer + offset(row: row(sequence.slot, start))
        let count = sequence.rows.count * width
        if format == .f32 {
          to.copyMemory(from: from, byteCount: count * 4)
        } else {
          hk_f32_to_f16(from, Int64(count), to.assumingMemoryBound(to: UInt16.self))
        }
      }
    }
  }

  /// Counts a batch's tokens, once all layers are stored.
  func advance(_ batch: TokenBatch) {
    for sequence in batch.sequences { counts[sequence.slot] += sequence.rows.count }
  }

  /// Where a batch's queries find their keys, with the batch's own already stored.
  func spans(_ batch: TokenBatch) -> [AttentionSpan] {
    batch.sequences.map { sequence in
      AttentionSpan(
        queries: sequence.rows,
        keys: row(
          sequence.slot, 0)..<row(sequence.slot, counts[sequence.slot] + sequence.rows.count),
        prefix: 0..<prefixCount)
    }
  }
}
