import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneKernels
import HoneModels
import HoneStore
import HoneTensors
import HoneTraining

/// What the reference makes of training and held-out data; nil where there is none.
struct DataReferences {
  var train: ReferenceScores?
  var valid: ReferenceScores?
}

extension Pipeline {
  /// What the model is measured against; nil for nothing.
  private var referenceName: String? {
    recipe.objective.hasReference ? recipe.objectiveSettings.optionalText("reference") : nil
  }

  var hasReference: Bool { referenceName != nil }

  /// The reference's adapter, frozen: as it lies in its folder.
  private func referenceAdapter() throws -> any Adapter {
    switch referenceName {
    case nil, "base": return NoAdapter()
    case "adapter":
      return try AdapterFolder.load(startingFolder(), for: model, engine: engine)
    case .some(let folder): return try AdapterFolder.load(folder, for: model, engine: engine)
    }
  }

  private func startingFolder() throws -> String {
    guard let folder = recipe.adapterFolder else {
      throw TrainingError(
        "objective.\(recipe.objective.name).reference",
        problem: "is adapter, and training starts from none",
        advice: "set method.\(recipe.method.name).from, or leave the reference at base")
    }
    return folder
  }

  /// What a run for preferences must have been made from, beside what every run is.
  var objectiveOrigin: [(name: String, value: String)] {
    guard recipe.objective.name != Objectives.supervised.name else { return [] }
    let settings = recipe.objective.settings.map {
      "\($0.key)=\(recipe.objectiveSettings[$0.key].text())"
    }
    return [
      ("objective", recipe.objective.name), ("objective settings", settings.joined(separator: ",")),
    ]
  }

  // MARK: Log-probabilities

  /// Reads the reference's log-probabilities of all data, or computes and keeps them.
  ///
  /// - Returns: nil when interrupted.
  func references(
    isInterrupted: () -> Bool, listener: (TrainingEvent) -> Void
  ) throws -> DataReferences? {
    guard hasReference else { return DataReferences() }
    let policy = try policyDigest()
    // The adapter is only read where something is to be computed with it.
    var adapter: (any Adapter)?
    func scores(_ data: PreferenceData) throws -> ReferenceScores? {
      let start = ContinuousClock.now
      func tell(_ completed: Int, _ note: String = "") {
        listener(
          .reference(
            TrainingEvent.Reference(
              completed: completed, count: data.count,
              seconds: start.duration(to: .now) / .seconds(1), note: note)))
      }
      let key = "\(policy), data \(data.fingerprint), \(data.isPaired ? "pairs" : "answers")"
      var hash = SHA256()
      Array(key.utf8).withUnsafeBytes { hash.update($0) }
      let folder =
        try CacheFolder(environment: ProcessInfo.processInfo.environment).path + "/reference"
      let path = "\(folder)/\(hash.finish().hexadecimal.prefix(32)).safetensors"
      do {
        let count = data.count * (data.isPaired ? 4 : 2)
        if let found = try ReferenceScores.read(path, key: key, count: count) {
          tell(data.count, "the reference's log-probabilities were computed before")
          return found
        }
      } catch {
        tell(0, "the reference's log-probabilities are computed anew: \(error)")
      }
      let frozen = try adapter ?? referenceAdapter()
      adapter = frozen
      let found = try ReferenceScores.compute(
        data, batchSize: recipe.training.integer("batch_size"), decoder: model.decoder,
        adapter: frozen, engine: engine, isInterrupted: isInterrupted
      ) { tell($0) }
      guard let found else { return nil }
      try NewFolder.make(folder, advice: "set HONE_CACHE to a folder that can be written")
      try found.write(to: path, key: key)
      return found
    }
    guard let train = try scores(train.preferences()) else { return nil }
    guard let valid else { return DataReferences(train: train) }
    guard let held = try scores(valid.preferences()) else { return nil }
    return DataReferences(train: train, valid: held)
  }

  /// Everything beside the data that the log-probabilities follow from.
  private func policyDigest() throws -> String {
    let folder: String? =
      switch referenceName {
      case nil, "base": nil
      case "adapter": try startingFolder()
      case .some(let folder): folder
      }
    return [
      "model \(try Self.digest(local.path)) \(recipe.weights.rawValue)",
      "adapter \(try folder.map(Self.digest) ?? "none")",
      "compute \(engine.compute.rawValue) \(String(cString: hk_isa_name(hk_isa_current())))",
    ].joined(separator: ", ")
  }

  /// The SHA-256 of a file, or of all of a folder's that say what it computes.
  static func digest(_ path: String) throws -> String {
    var hash = SHA256()
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let names =
      isFolder.boolValue
      ? try FileManager.default.contentsOfDirectory(atPath: path).filter {
        $0.hasSuffix(".safetensors") || $0.hasSuffix("config.json")
      }.sorted() : []
    for name in isFolder.boolValue ? names.map({ "\(path)/\($0)" }) : [path] {
      let file = try MappedFile(path: name)
      withExtendedLifetime(file) { hash.update(file.bytes) }
    }
    return hash.finish().hexadecimal
  }

  // MARK: The start

  /// Makes sure that a policy that begins as its reference finds all answers as likely as it does:
  /// rewards of nothing, and so a loss of ln 2.
  ///
  /// - Throws: ``HoneTraining/TrainingError`` when it does not: the reference is of something else.
  func expectReferenceAtStart(_ references: DataReferences) throws {
    guard let scores = references.train, !startsElsewhere,
      case .preferences(let data) = train, case .pairs(let make) = recipe.objective.data,
      let batch = try PreferenceBatches(
        data, batchSize: min(4, recipe.training.integer("batch_size")), shuffles: false, seed: 0
      ).batches(step: 0).first
    else { return }
    let found = try PairPreference(make(recipe.objectiveSettings)).loss(
      of: scores.referenced(batch), over: Double(batch.pairs.count), decoder: model.decoder,
      adapter: adapter, in: Pass(engine))
    for name in ["rewards/chosen", "rewards/rejected"] {
      let reward = (found.metrics.first { $0.name == name }?.sum ?? 0) / Double(batch.pairs.count)
      guard abs(reward) < 1e-3 else {
        throw TrainingError(
          "the reference",
          problem: "differs from the model at its start: \(name) is \(reward), expected 0",
          advice: "a reference of another model or adapter was kept; empty the cache's reference "
            + "folder")
      }
    }
  }

  /// Whether the policy begins as something else than its reference.
  private var startsElsewhere: Bool {
    switch referenceName {
    case "base": recipe.adapterFolder != nil || recipe.method.changeAtStart != nil
    case "adapter": false
    default: true
    }
  }
}
