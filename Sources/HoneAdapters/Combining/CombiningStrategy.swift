import HoneFormats
import HoneTensors

/// A way of making one LoRA of several, projection by projection.
///
/// A new strategy is one file in `Strategies` and one line in ``CombiningStrategies/all``.
public struct CombiningStrategy: Sendable {
  /// Its name for `--strategy`: `ties`.
  public let name: String
  /// One sentence for the help.
  public let summary: String
  /// Where it is defined.
  public let source: String
  public let settings: [Setting]
  /// Whether the adapters' matrices must have one shape, as numbers at the same place are compared.
  let needsEqualRanks: Bool
  let combine: @Sendable (_ changes: [WeightedChange], SettingValues) -> CombinedChange

  init(
    name: String, summary: String, source: String, settings: [Setting] = [],
    needsEqualRanks: Bool = false,
    combine:
      @escaping @Sendable (_ changes: [WeightedChange], SettingValues) -> CombinedChange
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.settings = settings
    self.needsEqualRanks = needsEqualRanks
    self.combine = combine
  }

  /// Checks what a command sets.
  ///
  /// - Throws: ``SettingsError`` with all unknown keys and unfit values.
  public func values(_ given: JSONObject = JSONObject()) throws -> SettingValues {
    try SettingValues(settings, given: given, of: name)
  }
}

/// The strategies that Hone knows.
public enum CombiningStrategies {
  public static let all: [CombiningStrategy] = [
    .linear, .peftLinear, .cat, .svd, .ties, .dareLinear, .dareTies, .magnitudePrune,
  ]

  /// - Throws: ``AdapterError`` that names the nearest.
  public static func named(_ name: String) throws -> CombiningStrategy {
    if let strategy = all.first(where: { $0.name == name }) { return strategy }
    let names = all.map(\.name)
    throw AdapterError(
      name, problem: "is not a strategy of merging",
      advice: name.nearest(in: names).map { "did you mean \($0)?" }
        ?? "there are \(names.joined(separator: ", "))")
  }
}

/// The change that one of several LoRAs makes to a projection: `weight · up · down`.
struct WeightedChange {
  /// The adapter's own scale is in it.
  let weight: Double
  let rank: Int
  /// `rank x inputs`.
  let down: [Float]
  /// `outputs x rank`.
  let up: [Float]
  /// What tells its random numbers from the others': the projection's path and the adapter's number.
  let label: String

  var inputs: Int { down.count / rank }
  var outputs: Int { up.count / rank }
}

/// The change of one LoRA made of several: `up · down`.
struct CombinedChange {
  var rank: Int
  /// `rank x inputs`.
  var down: [Float]
  /// `outputs x rank`.
  var up: [Float]
  /// The sum of squares of what was cut off, and of all that there was.
  var cut = 0.0
  var whole = 0.0

  /// The same change with rows and columns of zeros up to a rank.
  func padded(to rank: Int) -> CombinedChange {
    guard rank > self.rank else { return self }
    let (inputs, outputs) = (down.count / self.rank, up.count / self.rank)
    var wide = [Float](repeating: 0, count: outputs * rank)
    for row in 0..<outputs {
      for inner in 0..<self.rank { wide[row * rank + inner] = up[row * self.rank + inner] }
    }
    return CombinedChange(
      rank: rank, down: down + Array(repeating: 0, count: (rank - self.rank) * inputs), up: wide,
      cut: cut, whole: whole)
  }
}
