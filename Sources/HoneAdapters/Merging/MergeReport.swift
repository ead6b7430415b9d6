import Foundation
import HoneModels
import HoneTensors

/// How a merged model's logits differ from those of its base with the adapters beside it.
public struct MergeReport: Sendable, Equatable {
  /// How many positions of the probe text were compared.
  public var positions: Int
  public var largestDifference: Double
  public var meanDifference: Double
  /// The share of positions whose likeliest token is the same.
  public var topAgreement: Double
  /// How far the adapters alone move the base's logits, in the mean: what the differences above
  /// are small or large against.
  public var meanChange: Double
  /// The standard deviation of the logits.
  public var deviation: Double

  /// Why the merged model cannot be what was asked for; nil when it can.
  ///
  /// Rounding weights to bf16 moves logits by about a hundredth of their deviation. Ten times as
  /// much is a mistake, and so is a model that disagrees about every second token.
  public var fault: String? {
    guard largestDifference.isFinite, meanDifference.isFinite else {
      return "the merged model's logits are not finite"
    }
    if meanDifference > 0.1 * deviation {
      return "the merged model's logits are off by \(Self.text(meanDifference)) in the mean, and "
        + "all logits deviate by \(Self.text(deviation))"
    }
    if topAgreement < 0.5 {
      return "the merged model's likeliest token is another at "
        + "\(Self.text(100 * (1 - topAgreement))) % of positions"
    }
    return nil
  }

  private static func text(_ value: Double) -> String { String(format: "%.4g", value) }

  /// Compares logits, `[positions x vocabulary]` each.
  init(merged: [Float], adapted: [Float], base: [Float], vocabulary: Int) {
    precondition(merged.count == adapted.count && adapted.count == base.count)
    positions = merged.count / vocabulary
    var (largest, sum, change, total, squares) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for (index, value) in merged.enumerated() {
      let difference = Double(abs(value - adapted[index]))
      largest = difference.isNaN ? .nan : max(largest, difference)
      sum += difference
      change += Double(abs(adapted[index] - base[index]))
      total += Double(adapted[index])
      squares += Double(adapted[index]) * Double(adapted[index])
    }
    let count = Double(max(merged.count, 1))
    largestDifference = largest
    meanDifference = sum / count
    meanChange = change / count
    deviation = max(0, squares / count - pow(total / count, 2)).squareRoot()
    func top(_ logits: [Float], _ position: Int) -> Int? {
      let row = position * vocabulary..<(position + 1) * vocabulary
      return row.max { logits[$0] < logits[$1] }
    }
    let same = (0..<positions).count { top(merged, $0) == top(adapted, $0) }
    topAgreement = Double(same) / Double(max(positions, 1))
  }
}

extension MergeReport {
  /// Compares an adapter with the one that it was made of, on one model.
  ///
  /// - Parameter probe: the text; nil for one of several kinds.
  public init(
    _ made: any Adapter, madeOf original: any Adapter, on model: LanguageModel,
    probe: String? = nil, engine: Engine
  ) throws {
    let ids = Array(
      model.tokenizer.encode(probe ?? Self.probe).prefix(min(512, model.spec.contextLength / 2)))
    guard !ids.isEmpty else { throw AdapterError("the probe text", problem: "is empty") }
    let exact = Engine(sharing: engine, compute: .f32)
    func logits(_ adapter: any Adapter) -> [Float] {
      let pass = Pass(exact)
      return model.decoder.logits(
        model.decoder.hiddenStates(TokenBatch([ids]), adapter: adapter, in: pass),
        adapter: adapter, in: pass
      ).values
    }
    self.init(
      merged: logits(made), adapted: logits(original), base: logits(NoAdapter()),
      vocabulary: model.spec.vocabularySize)
  }
}

extension MergeReport: CustomStringConvertible {
  /// A line for people.
  public var description: String {
    """
    logits differ by \(Self.text(meanDifference)) in the mean and \(Self.text(largestDifference)) \
    at most (the adapter moves them by \(Self.text(meanChange))); the likeliest token is the same \
    at \(Self.text(100 * topAgreement)) % of \(positions) positions
    """
  }
}

extension MergeReport {
  /// A text of several kinds, so that many parts of a model speak.
  static let probe = """
    The lighthouse at the end of the harbour was built in 1874 from granite that came by ship. On \
    clear nights its lamp is seen from 31 kilometres away, and sailors still set their course by it. \
    Question: how many legs do three spiders have? Answer: a spider has eight legs, so three have \
    twenty-four.
    func sum(_ numbers: [Int]) -> Int { numbers.reduce(0, +) }
    1. Boil two litres of water. 2. Add a spoonful of salt. 3. Cook the pasta for nine minutes.
    "You are late," she said, "but the train was later, so nobody has noticed yet."
    {"name": "Ada", "born": 1815, "languages": ["English", "French"]}
    Le printemps arrive, et les oiseaux chantent dans le jardin.
    """
}
