/// How many calls an endpoint is given at once: one more after every 25 that succeed, a quarter
/// fewer when it has too much to do.
struct CallConcurrency {
  private static let highest = 32
  private static let successesForMore = 25

  private(set) var limit = 4
  /// Counts the decreases; calls remember in which round they began.
  private(set) var round = 0
  private var successes = 0

  mutating func succeed() {
    successes += 1
    guard successes == Self.successesForMore else { return }
    successes = 0
    limit = min(Self.highest, limit + 1)
  }

  /// Calls that began before the last decrease say nothing about the number that runs since.
  mutating func decrease(after round: Int) {
    guard round == self.round else { return }
    self.round += 1
    successes = 0
    limit = max(1, limit * 3 / 4)
  }
}
