import HoneModels
import HoneTensors

/// Keys and values of prefixes that many texts continue, the least recently used forgotten first.
final class PrefixMemory {
  struct Entry {
    var tokens: [Int32]
    /// Holds the prefix as its shared prefix.
    var cache: KeyValueCache
    /// The hidden state of the prefix's last token, `[1 x hidden]`.
    var end: Tensor
  }

  private let capacity: Int
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
    guard capacity > 0 else { return }
    if entries.count >= capacity { entries.removeFirst() }
    entries.append(entry)
  }
}
