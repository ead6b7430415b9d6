import HoneModels
import HoneTensors

/// Keys and values of prefixes that many texts continue, the least recently used forgotten first.
final class PrefixMemory {
  struct Entry {
    var tokens: [Int32]
    /// Holds the prefix as its shared prefix, and no sequence.
    var cache: KeyValueCache
    /// The hidden state of the prefix's last token, `[1 x hidden]`.
    var end: Tensor
  }

  /// The most bytes of keys and values.
  private let capacity: Int
  private var byteCount = 0
  /// The most recently used last.
  private var entries: [Entry] = []

  init(capacity: Int) { self.capacity = capacity }

  func entry(for tokens: [Int32]) -> Entry? {
    guard let position = entries.firstIndex(where: { $0.tokens == tokens }) else { return nil }
    let entry = entries.remove(at: position)
    entries.append(entry)
    return entry
  }

  func keep(_ entry: Entry) {
    let size = entry.cache.byteCount
    guard size <= capacity else { return }
    while byteCount + size > capacity { byteCount -= entries.removeFirst().cache.byteCount }
    byteCount += size
    entries.append(entry)
  }
}
