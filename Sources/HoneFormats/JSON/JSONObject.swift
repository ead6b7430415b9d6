/// The members of a JSON object in the order in which they were written.
///
/// Keys are compared by their bytes: `String`'s own equality would take "é" in its composed and
/// its decomposed spelling for one key, and vocabularies have both.
public struct JSONObject: Sendable {
  public private(set) var keys: [String] = []
  public private(set) var values: [JSONValue] = []
  private var index = JSONKeyIndex()

  public init() {}

  /// Collects members; of members with the same key, the last one's value stays.
  public init(_ members: [(String, JSONValue)]) {
    for (key, value) in members { self[key] = value }
  }

  /// Takes over members that a parser read.
  ///
  /// - Returns: nil, with the key, when `duplicates` are rejected and a key stands twice.
  init(
    keys: [String], values: [JSONValue], duplicates: JSONParser.DuplicateKeys,
    repeated: inout String?
  ) {
    self.keys = keys
    self.values = values
    guard !index.insertAll(keys) else { return }
    self = JSONObject()
    for (key, value) in zip(keys, values) {
      if duplicates == .rejected, repeated == nil, self[key] != nil { repeated = key }
      self[key] = value
    }
  }

  public var count: Int { keys.count }

  public subscript(key: String) -> JSONValue? {
    get { index.position(of: key, in: keys).map { values[$0] } }
    set {
      switch (index.position(of: key, in: keys), newValue) {
      case (let position?, let value?): values[position] = value
      case (nil, let value?):
        keys.append(key)
        values.append(value)
        index.insertLast(of: keys)
      case (let position?, nil):
        keys.remove(at: position)
        values.remove(at: position)
        index = JSONKeyIndex()
        _ = index.insertAll(keys)
      case (nil, nil): break
      }
    }
  }
}

extension JSONObject: Equatable {
  /// Whether both have the same members in the same order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count
      && zip(left.keys, right.keys).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
      && left.values == right.values
  }
}

extension JSONObject: Sequence {
  public func makeIterator() -> Zip2Sequence<[String], [JSONValue]>.Iterator {
    zip(keys, values).makeIterator()
  }
}

/// Finds a key's position among many: a hash table with linear probing, or, for few keys, nothing
/// but a loop over them.
private struct JSONKeyIndex: Sendable {
  /// Up to this many keys are compared one by one.
  private static let loopLimit = 8

  /// Positions into the keys, or -1; a power of two of slots, at most half of them taken.
  private var slots: [Int32] = []

  func position(of key: String, in keys: [String]) -> Int? {
    guard !slots.isEmpty else {
      return keys.firstIndex { Self.same($0, key) }
    }
    let slot = slot(of: key, in: keys)
    return slots[slot] < 0 ? nil : Int(slots[slot])
  }

  /// Indexes all keys; false, with an index of no use, when one stands twice.
  mutating func insertAll(_ keys: [String]) -> Bool {
    guard keys.count > Self.loopLimit else {
      slots = []
      for (position, key) in keys.enumerated()
      where keys[..<position].contains(where: { Self.same($0, key) }) {
        return false
      }
      return true
    }
    var capacity = 32
    while capacity < keys.count * 2 { capacity *= 2 }
    slots = Array(repeating: -1, count: capacity)
    for (position, key) in keys.enumerated() {
      let slot = slot(of: key, in: keys)
      guard slots[slot] < 0 else { return false }
      slots[slot] = Int32(position)
    }
    return true
  }

  /// Indexes the last key, which is new.
  mutating func insertLast(of keys: [String]) {
    if keys.count * 2 > slots.count {
      _ = insertAll(keys)
    } else if let key = keys.last {
      slots[slot(of: key, in: keys)] = Int32(keys.count - 1)
    }
  }

  /// The slot that holds the key or, when it is absent, that would.
  private func slot(of key: String, in keys: [String]) -> Int {
    // Hasher is seeded anew in each process, so that no file can be made of colliding keys.
    var hasher = Hasher()
    Self.withBytes(of: key) { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    var slot = hasher.finalize() & (slots.count - 1)
    while slots[slot] >= 0, !Self.same(keys[Int(slots[slot])], key) {
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  private static func same(_ left: String, _ right: String) -> Bool {
    guard left.utf8.count == right.utf8.count else { return false }
    return withBytes(of: left) { left in
      withBytes(of: right) { right in left.elementsEqual(right) }
    }
  }

  private static func withBytes<Result>(
    of text: String, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    if let result = text.utf8.withContiguousStorageIfAvailable(body) { return result }
    return Array(text.utf8).withUnsafeBufferPointer(body)
  }
}
