import HoneFormats

extension CombiningStrategy {
  /// The nearest change of a rank to the exact sum.
  static let svd = CombiningStrategy(
    name: "svd", summary: "The exact sum of the changes, cut to a rank.",
    source: "peft, add_weighted_adapter",
    settings: [
      Setting(
        "rank", .integer(1...65536), default: .null,
        "The rank that is left; the largest of the adapters' where it is not set.")
    ]
  ) { changes, values in
    let largest = changes.map(\.rank).max() ?? 1
    return CombinedChange(summing: changes, limit: values.optionalInteger("rank") ?? largest)
  }
}
