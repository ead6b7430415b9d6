/// Changes a text before it is split.
protocol Normalizer: Sendable {
  func normalize(_ text: inout [UInt8])
  /// Whether it certainly leaves the text as it is; false when that is not known cheaply.
  func leavesUnchanged(_ text: UnsafeBufferPointer<UInt8>) -> Bool
}

extension Normalizer {
  func leavesUnchanged(_ text: UnsafeBufferPointer<UInt8>) -> Bool { false }
}

/// Several, one after the other.
struct NormalizerSequence: Normalizer {
  let items: [any Normalizer]

  func normalize(_ text: inout [UInt8]) {
    for item in items { item.normalize(&text) }
  }

  func leavesUnchanged(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    items.allSatisfy { $0.leavesUnchanged(text) }
  }
}
