import HoneFormats
import HoneModels
import HoneTensors

/// Diff pruning: a difference of each chosen matrix is trained, and all but a small share of its
/// numbers are pruned on the way.
///
/// First `y = W x + (z ∘ w · g) x` is trained with hard-concrete gates for each number and each matrix,
/// and a penalty for every number that is expected to stay. Then the largest numbers are kept, the
/// target share of all, and trained alone. Guo et al., "Parameter-efficient transfer learning with
/// diff pruning", 2021. The folder is Hone's own: places and values of the numbers that are left.
public final class DiffPruning: TrainableAdapter {
  static let ownType = "HONE_DIFF_PRUNING"

  struct Module {
    let site: Site
    /// `w`; zero where pruned, once numbers have been chosen.
    let values: Parameter
    /// Nil in an adapter that was read: its numbers have been chosen.
    let gates: Parameter?
    let groupGate: Parameter?
  }

  let modules: [Module]
  let model: LanguageModel
  private let bySite: [Site: Int]
  fileprivate let share: Double
  private let gatedShare: Double
  private let chosenRateRatio: Double
  private let penaltyWeight: Float
  private let lower: Float
  private let upper: Float
  /// One number, not zero once the numbers that stay have been chosen; in the state, so that a
  /// resumed run knows.
  private let phase: Tensor

  /// - Parameters:
  ///   - share: of all numbers, the share that stays.
  ///   - gatedShare: of all steps, the share before the numbers are chosen.
  ///   - chosenRateRatio: how much faster the chosen numbers learn than all of them did.
  init(
    _ modules: [Module], model: LanguageModel, share: Double = 1, gatedShare: Double = 0,
    chosenRateRatio: Double = 1, penaltyWeight: Float = 0, lower: Float = -1.5, upper: Float = 1.5,
    isChosen: Bool,
    engine: Engine
  ) {
    self.modules = modules
    self.model = model
    self.share = share
    self.gatedShare = gatedShare
    self.chosenRateRatio = chosenRateRatio
    self.penaltyWeight = penaltyWeight
    self.lower = lower
    self.upper = upper
    phase = engine.tensor([1], [isChosen ? 1 : 0])
    bySite = Dictionary(
      uniqueKeysWithValues: modules.enumerated().map { ($0.element.site, $0.offset) })
  }

  public var methodName: String { Self.method.name }

  public var parameters: [Parameter] {
    modules.flatMap { [$0.values] + [$0.gates, $0.groupGate].compactMap { $0 } }
  }

  public var state: [(name: String, tensor: Tensor)] {
    parameters.map { ($0.name, $0.tensor) } + [("phase", phase)]
  }

  /// Whether the numbers that stay have been chosen.
  var isChosen: Bool { phase.pointer[0] != 0 }

  public var isProvisional: Bool { !isChosen }

  public var rateFactor: Double { isChosen ? chosenRateRatio : 1 }

  private func difference(_ index: Int) -> GatedDifference? {
    let module = modules[index]
    guard !isChosen, let gates = module.gates else { return nil }
    return GatedDifference(
      values: module.values.tensor, gates: gates.tensor, groupGate: module.groupGate?.tensor,
      lower: lower, upper: upper, place: index)
  }

  /// The difference as it is used without random numbers.
  func matrix(_ index: Int, in engine: Engine) -> Tensor {
    difference(index)?.matrix(in: engine) ?? modules[index].values.tensor
  }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    let outputs = Projection.apply(bases, to: input, in: pass)
    return zip(sites, outputs).map { site, output in
      guard let index = bySite[site] else { return output }
      let change =
        difference(index).map { multiplied(input, by: $0, in: pass) }
        ?? multiplied(input, by: modules[index].values.tensor, in: pass)
      return added(output, change, in: pass)
    }
  }

  public func penalty(in pass: Pass) -> Tensor? {
    guard !isChosen, penaltyWeight > 0 else { return nil }
    return modules.indices.reduce(nil as Tensor?) { sum, index in
      guard let difference = difference(index) else { return sum }
      let term = expectedCount(of: difference, weight: penaltyWeight, in: pass)
      return sum.map { added($0, term, in: pass) } ?? term
    }
  }

  // MARK: Pruning

  public func stepEnded(
    _ step: Int, of stepCount: Int, gradients: Gradients, in engine: Engine
  ) {
    if isChosen {
      // An optimiser's momentum moves pruned numbers too.
      for module in modules {
        guard let gates = module.gates?.tensor else { continue }
        let values = module.values.tensor
        engine.threads.run(rows: values.shape.count, columns: 1) { range in
          for index in range where gates.pointer[index] < 0 { values.pointer[index] = 0 }
        }
      }
    } else if step >= max(1, Int(Double(stepCount) * gatedShare)) {
      choose(in: engine)
    }
  }

  /// Keeps the largest numbers of all matrices together, and closes the gates of the rest.
  func choose(in engine: Engine) {
    var largest = largest(in: engine)
    for (index, module) in modules.enumerated() {
      let matrix = matrix(index, in: engine)
      for place in 0..<matrix.shape.count {
        let stays = largest.takes(matrix.pointer[place])
        module.values.tensor.pointer[place] = stays ? matrix.pointer[place] : 0
        module.gates?.tensor.pointer[place] = stays ? 30 : -30
      }
      module.groupGate?.tensor.pointer[0] = 30
    }
    phase.pointer[0] = 1
  }

  /// Tells which numbers of all matrices together stay, when asked for each in order.
  private struct Largest {
    /// The bits of a magnitude from which numbers stay.
    var threshold: UInt32 = 0
    /// How many that have just this magnitude stay too: of equals, the first.
    var equals = Int.max

    mutating func takes(_ number: Float) -> Bool {
      let bits = number.magnitude.bitPattern
      if bits > threshold { return true }
      guard bits == threshold && bits != 0 && equals > 0 else { return false }
      equals -= 1
      return true
    }
  }

  private func largest(in engine: Engine) -> Largest {
    let total = modules.reduce(0) { $0 + $1.values.tensor.shape.count }
    let wanted = max(1, Int(Double(total) * share))
    // The bits of magnitudes sort like the magnitudes: two counts find the threshold exactly.
    func count(_ body: (UInt32) -> Int?) -> [Int] {
      var counts = [Int](repeating: 0, count: 1 << 16)
      for index in modules.indices {
        let matrix = matrix(index, in: engine)
        for place in 0..<matrix.shape.count {
          if let bin = body(matrix.pointer[place].magnitude.bitPattern) { counts[bin] += 1 }
        }
      }
      return counts
    }
    func last(_ counts: [Int], _ wanted: Int) -> (bin: Int, above: Int) {
      var above = 0
      for bin in counts.indices.reversed() {
        if above + counts[bin] >= wanted { return (bin, above) }
        above += counts[bin]
      }
      return (0, above)
    }
    let high = last(count { Int($0 >> 16) }, wanted)
    let low = last(
      count { Int($0 >> 16) == high.bin ? Int($0 & 0xffff) : nil }, wanted - high.above)
    return Largest(
      threshold: UInt32(high.bin) << 16 | UInt32(low.bin),
      equals: wanted - high.above - low.above)
  }

  // MARK: Merging

  public func merge(into projection: inout MergedProjection, at site: Site) {
    guard let index = bySite[site] else { return }
    let matrix = matrix(index, in: Engine(threads: 1, compute: .f32))
    for place in projection.weight.indices { projection.weight[place] += matrix.pointer[place] }
  }
}

// MARK: - Folder

extension DiffPruning {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    let paths =
      reader.read("target_modules", .names, default: .array([])).array?.compactMap(\.string) ?? []
    let sites = model.spec.sites.filter { paths.contains($0.path) }
    for path in paths where !sites.contains(where: { $0.path == path }) {
      reader.note("target_modules: \(path) is in no network of this kind")
    }
    let modules = sites.map { site in
      let size = model.spec.size(of: site)
      let name = "base_model.model.\(site.path)"
      let values = engine.zeros([size.outputs, size.inputs])
      reader.scatter("\(name).diff_indices", "\(name).diff_values", into: values)
      return Module(
        site: site, values: Parameter("\(name).diff_weight", values, decays: false), gates: nil,
        groupGate: nil)
    }
    try reader.finish()
    self.init(modules, model: model, isChosen: true, engine: engine)
  }

  /// Before the numbers that stay have been chosen, those that would stay now: all of them would take
  /// as much room as the base.
  public func folder() throws -> AdapterContents {
    let engine = Engine(threads: 1, compute: .f32)
    var largest = isChosen ? Largest() : largest(in: engine)
    let entries = modules.indices.flatMap { index -> [AdapterContents.Entry] in
      let matrix = matrix(index, in: engine)
      let name = "base_model.model.\(modules[index].site.path)"
      var places: [Int32] = []
      for place in 0..<matrix.shape.count where largest.takes(matrix.pointer[place]) {
        places.append(Int32(place))
      }
      // A file has no tensor without numbers.
      if places.isEmpty { places = [0] }
      return [
        .init("\(name).diff_indices", shape: [places.count], .indices(places)),
        .init(
          "\(name).diff_values", shape: [places.count],
          .plain(places.map { matrix.pointer[Int($0)] })),
      ]
    }
    return AdapterContents(
      config: JSONObject([
        ("peft_type", .string(Self.ownType)),
        ("target_modules", .array(modules.map { .string($0.site.path) })),
      ]), entries: entries)
  }
}

extension DiffPruning {
  /// A place and a value for each number that stays.
  public var trainedFileBytes: Int {
    get throws {
      guard !isChosen else { return try folder().fileBytes }
      let total = modules.reduce(0) { $0 + $1.values.tensor.shape.count }
      return max(1, Int(Double(total) * share)) * 8
    }
  }
}

extension AdapterReader {
  /// Puts a list of numbers at their places, and notes what is wrong with either.
  fileprivate func scatter(_ indices: String, _ values: String, into target: Tensor) {
    let count = shape(of: indices)?.first ?? 0
    guard let places = entry(indices, shape: [count]), let numbers = entry(values, shape: [count])
    else { return }
    guard case .indices(let places) = places.numbers else {
      return note("\(indices): is not stored as I32")
    }
    let broken = places.count { $0 < 0 || Int($0) >= target.shape.count }
    guard broken == 0 else {
      return note("\(indices): \(broken) places are outside of \(target.shape)")
    }
    let list = numbers.values
    guard list.allSatisfy(\.isFinite) else {
      return note("\(values): \(list.count { !$0.isFinite }) of its numbers are not finite")
    }
    for (place, value) in zip(places, list) { target.pointer[Int(place)] = value }
  }
}

// MARK: - Method

extension DiffPruning {
  public static let method = AdapterMethod(
    name: "diff_pruning",
    summary: "Trains a difference of each matrix, and keeps a small share of its numbers.",
    source: "Guo et al. 2021, https://arxiv.org/abs/2012.07463",
    learningRate: 0.0002,
    facts: MethodFacts(
      trained: "a sparse difference of each matrix",
      parameters: "inputs · outputs a projection, and as many gates",
      memory: "16 bytes for each of the matrices' numbers with adafactor, 32 with adamw",
      merges: true, exchange: [],
      numbersPerWeight: 2),
    settings: [
      ModuleSelection.targetSetting,
      ModuleSelection.excludedSetting,
      Setting(
        "target_share", .number(1e-6...1), default: .number(0.005),
        "The share of all numbers that stays in the end."),
      Setting(
        "gated_share", .number(0...1), default: .number(0.2),
        "The share of all steps with gates; then the numbers that stay are chosen, and trained on."),
      Setting(
        "l0_weight", .number(0...1), default: .number(1.25e-7),
        "What each number that is expected to stay adds to the loss."),
      Setting(
        "structured", .flag, default: .bool(true), "Whether each matrix has a gate as a whole too."),
      Setting(
        "gate_start", .number(-20...20), default: .number(5),
        "Where the logarithms of the gates' odds start; open above 0."),
      Setting(
        "gate_rate_ratio", .number(0...100_000), default: .number(100),
        "How much faster the gates learn than the numbers."),
      Setting(
        "chosen_rate_ratio", .number(0...100_000), default: .number(40),
        "How much faster the numbers that stay learn, once they are alone."),
    ],
    examples: [
      JSONObject([
        ("target_share", .number(0.05)), ("structured", .bool(false)), ("gate_start", .number(0.5)),
        ("l0_weight", .number(1e-5)), ("gated_share", .number(0.5)),
        ("chosen_rate_ratio", .number(16)),
      ]),
      JSONObject([
        ("target_modules", .array([.string("q_proj"), .string("down_proj")])),
        ("target_share", .number(0.1)), ("gated_share", .number(0.25)),
        ("gate_start", .number(0.5)), ("gate_rate_ratio", .number(10)),
        ("structured", .bool(false)),
      ]),
    ],
    reads: { $0["peft_type"]?.string == ownType },
    make: { values, model, engine, _ in
      let sites = try ModuleSelection(
        values.names("target_modules") ?? .one(ModuleSelection.allLinear),
        excluding: values.names("exclude_modules"), of: "diff_pruning"
      ).sites(of: model.spec)
      guard sites.allSatisfy({ $0.kind != .embedding }) else {
        throw AdapterError(
          "diff_pruning", problem: "target_modules: the embedding is no projection")
      }
      let start = Float(values.number("gate_start"))
      let ratio = Float(values.number("gate_rate_ratio"))
      let modules = sites.map { site in
        let size = model.spec.size(of: site)
        let shape: Shape = [size.outputs, size.inputs]
        let name = "base_model.model.\(site.path)"
        func gate(_ name: String, _ shape: Shape) -> Parameter {
          Parameter(
            name, engine.tensor(shape, repeatElement(start, count: shape.count)),
            rateFactor: ratio, decays: false)
        }
        return Module(
          site: site, values: Parameter("\(name).diff_weight", engine.zeros(shape), decays: false),
          gates: gate("\(name).diff_gate", shape),
          groupGate: values.flag("structured") ? gate("\(name).diff_group_gate", [1]) : nil)
      }
      return DiffPruning(
        modules, model: model, share: values.number("target_share"),
        gatedShare: values.number("gated_share"),
        chosenRateRatio: values.number("chosen_rate_ratio"),
        penaltyWeight: Float(values.number("l0_weight")),
        isChosen: false, engine: engine)
    },
    load: { reader, model, engine in
      try DiffPruning(reading: reader, model: model, engine: engine)
    })
}
