import HoneTensors

/// What a slot draws: by the run's seed and the slot's number, and by nothing else.
struct SlotDraw {
  private let seed: UInt64
  private let number: UInt64

  init(_ slot: Slot, seed: UInt64) {
    self.seed = seed
    number = UInt64(slot.index)
  }

  private init(number: UInt64, seed: UInt64) {
    self.number = number
    self.seed = seed
  }

  /// Different places among so many, in the order in which they are drawn.
  ///
  /// - Parameter purpose: what they are for; different purposes are independent.
  func places(_ count: Int, of total: Int, for purpose: String) -> [Int] {
    let random = RandomSource(seed: seed, purpose: purpose, step: number)
    return (0..<total).map { (draw: random.uniform(UInt64($0)), place: $0) }
      .sorted { ($0.draw, $0.place) < ($1.draw, $1.place) }.prefix(count).map(\.place)
  }

  /// One item of a list; nil where it has none.
  func one<Item>(of items: [Item], for purpose: String) -> Item? {
    places(1, of: items.count, for: purpose).first.map { items[$0] }
  }

  /// One item of a list, as from a shuffled deck that is dealt slot by slot: none comes again before
  /// all came. nil where the list has none.
  func dealt<Item>(of items: [Item], for purpose: String) -> Item? {
    guard !items.isEmpty else { return nil }
    let (deck, card) = number.quotientAndRemainder(dividingBy: UInt64(items.count))
    let order = SlotDraw(number: deck, seed: seed)
      .places(items.count, of: items.count, for: purpose)
    return items[order[Int(card)]]
  }
}
