import HoneKernels
import HoneTensors

/// The keys and values of tokens already seen, so that each further token costs one row.
///
/// A cache holds a number of sequences, each in rows of its own, and one shared prefix that every
/// sequence sees before its own keys: a long prompt that many continuations share is computed once.
/// Numbers are f16, or f32 where the engine computes in f32.
///
/// Of a block that convolves, the rows that its convolution sees are kept in the keys' place, of all
/// tokens, so that a sequence can be truncated anywhere and a prefix be shared.
public final class KeyValueCache {
  public let sequenceCapacity: Int
  public let prefixCapacity: Int
  let format: StorageFormat
  private let layers: [Layer]
  /// How many keys each sequence holds, the shared prefix not counted.
  public private(set) var counts: [Int]
  /// How many keys the shared prefix holds.
  public private(set) var prefixCount = 0

  private struct Layer {
    /// Numbers in a row.
    let width: Int
    let keys: OwnedBytes
    /// nil for a block that convolves.
    let values: OwnedBytes?

    var stores: [OwnedBytes] { [keys] + (values.map { [$0] } ?? []) }
  }

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
    let bytesOfColumn = (prefixCapacity + sequences * sequenceCapacity) * format.bytesPerBlock
    layers = (0..<spec.layerCount).map { index in
      let convolves = spec.layer(index).convolves
      let width = convolves ? spec.hiddenSize : spec.keyValueWidth
      return Layer(
        width: width, keys: OwnedBytes(count: bytesOfColumn * width),
        values: convolves ? nil : OwnedBytes(count: bytesOfColumn * width))
    }
    counts = Array(repeating: 0, count: sequences)
  }

  public var byteCount: Int {
    layers.reduce(0) { $0 + $1.width * $1.stores.count }
      * (prefixCapacity + counts.count * sequenceCapacity) * format.bytesPerBlock
  }

  /// Forgets a sequence's keys from `count` on.
  public func truncate(_ slot: Int, to count: Int) {
    counts[slot] = min(counts[slot], max(0, count))
  }

  /// Adds what the first sequence holds to the shared prefix of all; every sequence starts empty.
  public func sharePrefix() {
    let count = counts[0]
    precondition(prefixCount + count <= prefixCapacity, "no room for a shared prefix")
    for layer in layers {
      for bytes in layer.stores {
        (bytes.pointer + offset(row: prefixCount, in: layer)).copyMemory(
          from: bytes.pointer + offset(row: row(0, 0), in: layer),
          byteCount: offset(row: count, in: layer))
      }
    }
    prefixCount += count
    counts = Array(repeating: 0, count: counts.count)
  }

  /// Takes over another cache's shared prefix, in place of its own.
  ///
  /// - Precondition: both are caches of the same model in the same numbers.
  package func copyPrefix(from other: KeyValueCache) {
    precondition(
      other.format == format && other.layers.map(\.width) == layers.map(\.width),
      "caches of different models")
    precondition(other.prefixCount <= prefixCapacity, "no room for a shared prefix")
    for (layer, source) in zip(layers, other.layers) {
      for (own, theirs) in zip(layer.stores, source.stores) {
        own.pointer.copyMemory(
          from: theirs.pointer, byteCount: offset(row: other.prefixCount, in: layer))
      }
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
      for (source, target) in zip([prefix.keys, prefix.values], layer.stores) {
        write(source.pointer, rows: count, to: target, of: layer, at: 0)
      }
    }
    prefixCount = count
  }

  /// Writes rows in the cache's format.
  private func write(
    _ source: UnsafePointer<Float>, rows: Int, to target: OwnedBytes, of layer: Layer, at row: Int
  ) {
    let to = target.pointer + offset(row: row, in: layer)
    let count = rows * layer.width
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

  func row(_ slot: Int, _ position: Int) -> Int {
    prefixCapacity + slot * sequenceCapacity + position
  }

  private func offset(row: Int, in layer: Layer) -> Int {
    row * layer.width * format.bytesPerBlock
  }

  func keys(_ layer: Int) -> UnsafeRawPointer { UnsafeRawPointer(layers[layer].keys.pointer) }

  func values(_ layer: Int) -> UnsafeRawPointer {
    guard let values = layers[layer].values else { preconditionFailure("block \(layer) convolves") }
    return UnsafeRawPointer(values.pointer)
  }

  /// Numbers in a row of a layer.
  func width(of layer: Int) -> Int { layers[layer].width }

  /// Decodes a row of a layer's keys.
  func read(_ row: Int, layer: Int, into target: UnsafeMutablePointer<Float>) {
    let layer = layers[layer]
    hk_dequantize_row(
      format.kernelFormat, layer.keys.pointer + offset(row: row, in: layer), Int64(layer.width),
      target)
  }

  /// Stores a layer's new keys and values of a batch behind those of its sequences.
  func store(keys: Tensor, values: Tensor, layer: Int, sequences: [TokenBatch.Sequence]) {
    store([keys, values], layer: layer, sequences: sequences)
  }

  func store(_ sources: [Tensor], layer: Int, sequences: [TokenBatch.Sequence]) {
    let layer = layers[layer]
    for sequence in sequences {
      let start = counts[sequence.slot]
      precondition(start + sequence.rows.count <= sequenceCapacity, "the cache is full")
      for (source, target) in zip(sources, layer.stores) {
        write(
          source.pointer + sequence.rows.lowerBound * layer.width, rows: sequence.rows.count,
          to: target, of: layer, at: row(sequence.slot, start))
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
