import HoneFormats
import HoneTensors

extension TaskMatrix {
  /// Zeroes all but the largest numbers.
  ///
  /// - Parameter density: the share that stays; of equals, the first do.
  func keepingLargest(_ density: Double) -> TaskMatrix {
    let count = Int(density * Double(values.count))
    guard count < values.count else { return self }
    let order = values.indices.sorted {
      let (one, two) = (abs(values[$0]), abs(values[$1]))
      return one == two ? $0 < $1 : one > two
    }
    var kept = [Float](repeating: 0, count: values.count)
    for place in order.prefix(count) { kept[place] = values[place] }
    return TaskMatrix(values: kept, label: label)
  }

  /// Zeroes numbers at random and scales the others up, so that sums stay what they are in the mean.
  ///
  /// - Parameter density: how likely a number is to stay.
  func keepingRandom(_ density: Double, seed: Int) -> TaskMatrix {
    guard density < 1 else { return self }
    let source = RandomSource(seed: UInt64(seed), purpose: "dare \(label)")
    return TaskMatrix(
      values: values.indices.map {
        source.uniform(UInt64($0)) < density ? values[$0] / Float(density) : 0
      }, label: label)
  }

  static let density = Setting(
    "density", .number(1e-6...1), default: .number(0.5),
    "The share of each matrix's numbers that stays.")
  static let seed = Setting(
    "seed", .integer(0...Int.max), default: .integer(1), "What decides the random numbers.")
  static let majority = Setting(
    "majority_sign_method", .choice(["total", "frequency"]), default: .string("total"),
    "What decides between signs: the sum of the numbers, or how many there are of each.")
}
