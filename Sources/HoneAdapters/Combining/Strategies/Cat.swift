extension CombiningStrategy {
  /// `ΔW = [B₁ B₂ …] [w₁A₁; w₂A₂; …]`: the exact sum too, of the sum of the ranks.
  static let cat = CombiningStrategy(
    name: "cat", summary: "The exact sum of the changes: all matrices, one beside the other.",
    source: "peft, add_weighted_adapter"
  ) { changes, _ in
    let rank = changes.reduce(0) { $0 + $1.rank }
    let down = changes.flatMap { change in change.down.map { Float(change.weight) * $0 } }
    let up = (0..<changes[0].outputs).flatMap { row in
      changes.flatMap { $0.up[row * $0.rank..<(row + 1) * $0.rank] }
    }
    return CombinedChange(rank: rank, down: down, up: up)
  }
}
