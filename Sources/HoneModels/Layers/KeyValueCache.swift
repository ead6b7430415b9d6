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

  /// Adds what the first sequence holds to the shared prefix of all; every sequence starts empty.
  public func sharePrefix() {
    let count = counts[0]
    precondition(prefixCount + count <= prefixCapacity, "no room for a shared prefix")
    let size = count * width * format.bytesPerBlock
    for layer in layers {
      for bytes in [layer.keys, layer.values] {
        (bytes.pointer + offset(row: prefixCount)).copyMemory(
          from: bytes.pointer + offset(row: row(0, 0)), byteCount: size)
      }
    }
    prefixCount += count
    counts = Array(repeating: 0, count: counts.count)
  }

  /// Takes over another cache's shared prefix, in place of its own.
  ///
  /// - Precondition: both are caches of the same model in the same numbers.
  package func copyPrefix(from other: KeyValueCache) {
    precondition(other.format == format && other.width == width, "caches of different models")
    precondition(other.prefixCount <= prefixCapacity, "no room for a shared prefix")
    let size = other.prefixCount * width * format.bytesPerBlock
    for (layer, source) in zip(layers, other.layers) {
      layer.keys.pointer.copyMemory(from: source.keys.pointer, byteCount: size)
      layer.values.pointer.copyMemory(from: source.values.pointer, byteCount: size)
    }
    prefixCount = other.prefixCount
    counts = Array(repeating: 0, count: counts.count)
  }

  /// Makes keys and values, a pair a layer, the beginning of the shared prefix.
  func storePrefix(_ prefixes: [(keys: Tensor, values: Tensor)]) {
    precondition(prefixes.count == layers.count, "\(prefixes.count) of \(layers.count) layers")
    let count = prefixes[0].keys.shape[0]
    precondition(prefixCount == 0 && count <= prefixCapacity, "no room for a shared prefix")
    for (prefix, layer) in zip(prefixes, layers) {
      write(prefix.keys.pointer, rows: count, to: layer.keys, at: 0)
      write(prefix.values.pointer, rows: count, to: layer.values, at: 0)
    }
    prefixCount = count
  }

  /// Writes rows in the cache's format.
  private func write(
    _ source: UnsafePointer<Float>, rows: Int, to target: OwnedBytes, at row: Int
  ) {
    let to = target.pointer + offset(row: row)
    let count = rows * width
    if format == .f32 {
      to.copyMemory(from: source, byteCount: count * 4)
    } else {
      hk_f32_to_f16(source, Int64(count), to.assumingMemoryBound(to: UInt16.self))
    }
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
  func store(keys: Tensor, values: Tensor, layer: Int, sequences: [TokenBatch.Sequence]) {
    for sequence in sequences {
      let start = counts[sequence.slot]
      precondition(start + sequence.rows.count <= sequenceCapacity, "the cache is full")
      for (source, target) in [(keys, layers[layer].keys), (values, layers[layer].values)] {
        write(
          source.pointer + sequence.rows.lowerBound * width, rows: sequence.rows.count,
          to: target, at: row(sequence.slot, start))
      }
    }
  }

  /// Counts a batch's tokens, once all layers are stored.
  func advance(_ sequences: [TokenBatch.Sequence]) {
    for sequence in sequences { counts[sequence.slot] += sequence.rows.count }
  }

  /// Where a batch's queries find their keys, with the batch's own already stored.
  func spans(_ sequences: [TokenBatch.Sequence]) -> [AttentionSpan] {
    sequences.map { sequence in
      AttentionSpan(
        queries: sequence.rows,
        keys: row(
          sequence.slot, 0)..<row(sequence.slot, counts[sequence.slot] + sequence.rows.count),
        prefix: 0..<prefixCount)
    }
  }
}
