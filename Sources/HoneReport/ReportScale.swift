import Foundation

/// Carries values of an axis to places on the page, with round numbers to mark it.
struct ReportScale {
  let values: ClosedRange<Double>
  /// The places of the two ends; the first may be the larger, as it is for an axis that goes up.
  let places: (first: Double, last: Double)
  let ticks: [Double]

  /// Makes an axis that reaches from the round number below all values to the one above.
  ///
  /// - Parameter isTight: whether it ends at the values themselves, as an axis of steps does.
  init(
    over values: [Double], from first: Double, to last: Double, count: Int = 5,
    isTight: Bool = false
  ) {
    let finite = values.filter(\.isFinite)
    var low = finite.min() ?? 0
    var high = finite.max() ?? 1
    if high - low <= abs(high) * 1e-9 {
      // One value, or a straight line: room above and below it.
      let room = max(abs(high) * 0.1, 1e-12)
      (low, high) = low >= 0 ? (max(0, low - room), high + room) : (low - room, high + room)
    }
    let step = Self.roundStep((high - low) / Double(count))
    if !isTight {
      low = (low / step + 1e-9).rounded(.down) * step
      high = (high / step - 1e-9).rounded(.up) * step
    }
    self.values = low...max(high, low.nextUp)
    places = (first, last)
    let start = (low / step - 1e-9).rounded(.up)
    let end = (high / step + 1e-9).rounded(.down)
    ticks = start <= end ? stride(from: start, through: end, by: 1).map { $0 * step } : []
  }

  /// 1, 2 or 5 times a power of ten, at least `wanted`.
  static func roundStep(_ wanted: Double) -> Double {
    guard wanted > 0, wanted.isFinite else { return 1 }
    let power = pow(10, log10(wanted).rounded(.down))
    for factor in [1.0, 2, 5] where factor * power >= wanted * (1 - 1e-9) { return factor * power }
    return 10 * power
  }

  /// The place of a value; values beyond the ends stay at them.
  func place(_ value: Double) -> Double {
    let inside = min(max(value, values.lowerBound), values.upperBound)
    let share = (inside - values.lowerBound) / (values.upperBound - values.lowerBound)
    return places.first + share * (places.last - places.first)
  }
}
