import Foundation
import HoneAdapters
import HoneKernels
import HoneModels
import HoneTensors

/// The training loop: gradients of a step's batches, clipped, into an optimiser, step after step.
///
/// It prints nothing; whoever listens hears its events. The same inputs give the same bits, for any
/// number of threads, interrupted and resumed or not.
package final class TrainingRun<Goal: Objective, Source: BatchSource>
where Goal.Batch == Source.Batch {
  private let decoder: Decoder
  private let adapter: any TrainableAdapter
  private let objective: Goal
  private let source: Source
  private let validation: Source?
  private let options: TrainingOptions
  private let engine: Engine
  private let folder: RunFolder
  private let base: String?
  private let origin: [(name: String, value: String)]

  private let optimizer: any Optimizer
  private let schedule: Schedule
  private var state = Checkpoint(
    step: 0, bestStep: nil, bestLoss: .infinity, validationsWithoutGain: 0, seconds: 0)
  /// The step of the checkpoint that was last read or written.
  private var checkpointStep: Int?

  /// - Parameters:
  ///   - validation: batches whose loss is watched, one epoch of them each time.
  ///   - folder: where events, checkpoints and the adapter go.
  ///   - base: what the adapter's configuration calls the model.
  ///   - origin: what the run is made from, by name; a resumed run must be made from the same.
  package init(
    _ decoder: Decoder, adapter: any TrainableAdapter, objective: Goal, source: Source,
    validation: Source? = nil, options: TrainingOptions, engine: Engine, folder: RunFolder,
    base: String? = nil, origin: [(name: String, value: String)] = []
  ) throws {
    guard source.stepsPerEpoch > 0 else {
      throw TrainingError("the data", problem: "has no batch to train on")
    }
    self.decoder = decoder
    self.adapter = adapter
    self.objective = objective
    self.source = source
    self.validation = validation
    self.options = options
    self.engine = engine
    self.folder = folder
    self.base = base
    let stepCount = options.stepCount(stepsPerEpoch: source.stepsPerEpoch)
    schedule = Schedule(
      kind: options.schedule, peak: options.learningRate,
      warmupSteps: options.warmupSteps(of: stepCount), stepCount: stepCount)
    self.origin =
      origin + [
        ("seed", String(options.seed)), ("optimizer", options.optimizer),
        ("steps", String(stepCount)), ("learning_rate", String(options.learningRate)),
        ("compute", engine.compute.rawValue),
        ("instructions", String(cString: hk_isa_name(hk_isa_current()))),
      ]
    optimizer = try Optimizers.named(options.optimizer)
      .make(adapter.parameters, options.weightDecay, engine)
  }

  package var stepCount: Int { schedule.stepCount }

  /// Runs until the last step, early stopping or an interruption.
  ///
  /// - Parameters:
  ///   - resuming: whether to go on after the folder's last checkpoint, if there is one.
  ///   - isInterrupted: asked after each step; when true, a checkpoint is written and the run ends.
  ///   - willStart: called when nothing stands in the run's way any more, before it writes anything
  ///     of its own.
  ///   - listener: hears each event after it was logged.
  /// - Throws: ``TrainingError`` when the loss is not a number or the run diverges; the last good
  ///   state is kept as a checkpoint.
  @discardableResult
  package func run(
    resuming: Bool = false, isInterrupted: () -> Bool = { false },
    willStart: () throws -> Void = {}, listener: (TrainingEvent) -> Void = { _ in }
  ) throws -> TrainingEvent.End {
    try folder.prepare()
    if resuming, let last = folder.checkpointSteps.last {
      state = try Checkpoint.read(
        folder.checkpointPath(step: last), adapter: adapter, optimizer: optimizer, origin: origin)
      checkpointStep = last
    }
    try willStart()
    let log = try EventLog(path: folder.eventsPath, after: state.step)
    func tell(_ event: TrainingEvent) throws {
      try log.append(event)
      listener(event)
    }
    try tell(
      .plan(
        TrainingEvent.Plan(
          steps: stepCount, stepsPerEpoch: source.stepsPerEpoch,
          trainedParameters: adapter.parameterCount, startStep: state.step, seed: options.seed)))

    if validation != nil, state.step == 0 {
      // What the untrained model makes of it, to compare with; it is never the best.
      try tell(.validation(validate(untrained: true)))
    }

    let began = ContinuousClock.now
    let secondsBefore = state.seconds
    let divergence = Divergence(limit: objective.divergenceLimit)
    var reason = TrainingEvent.End.Reason.completed
    while state.step < stepCount {
      let event: TrainingEvent.Step
      do {
        event = try takeStep(divergence)
      } catch let error as TrainingError {
        try writeCheckpoint()
        throw error
      }
      state.seconds = secondsBefore + (ContinuousClock.now - began).inSeconds
      try tell(.step(event))
      let endsEpoch = state.step % source.stepsPerEpoch == 0 || state.step == stepCount
      if validation != nil, isDue(every: options.validateEvery, orAt: endsEpoch) {
        try tell(.validation(validate()))
      }
      if let patience = options.patience, state.validationsWithoutGain >= patience {
        reason = .earlyStopping
      } else if isInterrupted() {
        reason = .interrupted
      }
      if reason != .completed || isDue(every: options.checkpointEvery, orAt: endsEpoch) {
        try tell(.checkpoint(step: state.step, path: writeCheckpoint()))
      }
      if reason != .completed { break }
    }
    if reason != .interrupted { try writeAdapter() }
    let end = TrainingEvent.End(
      reason: reason, step: state.step, bestStep: state.bestStep, seconds: state.seconds,
      peakMemory: ProcessMemory.peak)
    try tell(.end(end))
    return end
  }

  /// Makes sure that the run in the folder was made from the same, by its last checkpoint; what is
  /// trained becomes that checkpoint's.
  ///
  /// - Throws: ``TrainingError`` that names what differs, or when there is no checkpoint.
  package func expectSameOrigin() throws {
    guard let last = folder.checkpointSteps.last else {
      throw TrainingError(
        folder.path, problem: "has no checkpoint that says what it was made from",
        advice: "remove the folder to train it again")
    }
    _ = try Checkpoint.read(
      folder.checkpointPath(step: last), adapter: adapter, optimizer: optimizer, origin: origin)
  }

  /// How often a whole run validates.
  package var validationCount: Int {
    guard validation != nil else { return 0 }
    return stepCount / (options.validateEvery ?? source.stepsPerEpoch) + 1
  }

  /// The steps with the most tokens and with the most trained ones, among the first.
  package func largestSteps(ofFirst count: Int) throws -> [Int] {
    var tokens = (step: 0, most: -1.0)
    var trained = tokens
    for step in 0..<min(count, source.stepsPerEpoch, stepCount) {
      for batch in try source.batches(step: step) {
        let sizes = (Double(objective.tokenCount(of: batch)), objective.weight(of: batch))
        if sizes.0 > tokens.most { tokens = (step, sizes.0) }
        if sizes.1 > trained.most { trained = (step, sizes.1) }
      }
    }
    return tokens.step == trained.step ? [tokens.step] : [tokens.step, trained.step]
  }

  /// Computes a step and throws it away: the optimiser takes its gradients, so that its own numbers are in
  /// memory, but at a rate of 0. Not for a run that goes on.
  package func measure(step: Int) throws -> (tokens: Int, seconds: Double) {
    let start = ContinuousClock.now
    let batches = try source.batches(step: step)
    let weight = batches.reduce(0) { $0 + objective.weight(of: $1) }
    let gradients = Gradients(engine: engine)
    var metrics: [(name: String, sum: Double)] = []
    for (index, batch) in batches.enumerated() {
      _ = try gather(
        batch, of: weight, step: step + 1, index: index, into: gradients, metrics: &metrics)
    }
    optimizer.update(gradients, scale: 1, rate: 0, step: 1, in: engine)
    return (
      batches.reduce(0) { $0 + objective.tokenCount(of: $1) },
      (ContinuousClock.now - start).inSeconds
    )
  }

  private func isDue(every interval: Int?, orAt endsEpoch: Bool) -> Bool {
    guard let interval else { return endsEpoch }
    return state.step % interval == 0 || state.step == stepCount
  }

  // MARK: A step

  /// The gradients of a step and what the step's event says.
  private func takeStep(_ divergence: Divergence) throws -> TrainingEvent.Step {
    let start = ContinuousClock.now
    let step = state.step + 1
    let batches = try source.batches(step: state.step)
    let weight = batches.reduce(0) { $0 + objective.weight(of: $1) }
    guard weight > 0 else {
      throw TrainingError("step \(step)", problem: "has nothing to train on")
    }
    let gradients = Gradients(engine: engine)
    var loss = 0.0
    var sums: [(name: String, sum: Double)] = []
    for (index, batch) in batches.enumerated() {
      loss += try gather(
        batch, of: weight, step: step, index: index, into: gradients, metrics: &sums)
    }
    // A penalty says nothing of how well the model predicts: diff pruning's begins at 13.
    let predicted = loss
    loss += penalty(into: gradients)

    let norm = Self.norm(of: adapter.parameters, in: gradients)
    guard loss.isFinite, norm.isFinite else {
      throw TrainingError(
        "step \(step)", problem: "gave a loss of \(loss) and a gradient of norm \(norm)",
        advice: "lower learning_rate; the state before this step is kept as a checkpoint")
    }
    try divergence.check(predicted, step: step)
    let rate = schedule.rate(step: step) * adapter.rateFactor
    let scale = options.gradientClip.map { norm > $0 ? $0 / (norm + 1e-6) : 1 } ?? 1
    optimizer.update(gradients, scale: Float(scale), rate: rate, step: step, in: engine)
    adapter.stepEnded(step, of: stepCount, gradients: gradients, in: engine)
    state.step = step

    let seconds = (ContinuousClock.now - start).inSeconds
    let tokens = batches.reduce(0) { $0 + objective.tokenCount(of: $1) }
    return TrainingEvent.Step(
      step: step, loss: loss, gradientNorm: norm, learningRate: rate,
      epoch: Double(step) / Double(source.stepsPerEpoch), tokens: tokens,
      trainedTokens: batches.reduce(0) { $0 + objective.trainedTokenCount(of: $1) },
      tokensPerSecond: Double(tokens) / seconds, seconds: seconds, peakMemory: ProcessMemory.peak,
      metrics: sums.map { TrainingEvent.Metric(name: $0.name, value: $0.sum / weight) })
  }

  /// Adds a batch's gradients, and returns its part of the loss.
  private func gather(
    _ batch: Goal.Batch, of weight: Double, step: Int, index: Int, into gradients: Gradients,
    metrics: inout [(name: String, sum: Double)]
  ) throws -> Double {
    let tape = Tape(keeping: engine.compute == .f32 ? .whole : .compact)
    let pass = Pass(
      engine, tape: tape,
      random: RandomSource(
        seed: options.seed, purpose: "dropout", step: UInt64(step) << 16 | UInt64(index)),
      recomputingBlocks: options.memory == .saving)
    let loss = try objective.loss(
      of: batch, over: weight, decoder: decoder, adapter: adapter, in: pass)
    metrics.add(loss.metrics)
    gradients.absorb(
      tape.gradients(of: loss.total, seed: engine.tensor([1], [1]), in: engine))
    return Double(loss.total.pointer[0])
  }

  private func penalty(into gradients: Gradients) -> Double {
    let tape = Tape()
    guard let penalty = adapter.penalty(in: Pass(engine, tape: tape)) else { return 0 }
    tape.gradients(of: penalty, seed: engine.tensor([1], [1]), in: engine, addingTo: gradients)
    return Double(penalty.pointer[0])
  }

  private static func norm(of parameters: [Parameter], in gradients: Gradients) -> Double {
    parameters.reduce(0.0) { sum, parameter in
      guard let gradient = gradients[parameter.tensor] else { return sum }
      return sum + hk_square_sum(gradient.pointer, Int64(gradient.shape.count))
    }.squareRoot()
  }

  // MARK: Validation and what is kept

  /// The objective's loss over an epoch of batches, without training on them.
  package func loss(over source: Source) throws -> (loss: Double, metrics: [TrainingEvent.Metric]) {
    var (loss, weight) = (0.0, 0.0)
    var sums: [(name: String, sum: Double)] = []
    for step in 0..<source.stepsPerEpoch {
      for batch in try source.batches(step: step) {
        let part = try objective.loss(
          of: batch, over: 1, decoder: decoder, adapter: adapter, in: Pass(engine))
        loss += Double(part.total.pointer[0])
        weight += objective.weight(of: batch)
        sums.add(part.metrics)
      }
    }
    return (
      loss / weight,
      sums.map { TrainingEvent.Metric(name: $0.name, value: $0.sum / weight) }
    )
  }

  private func validate(untrained: Bool = false) throws -> TrainingEvent.Validation {
    guard let validation else { preconditionFailure("no validation data") }
    let start = ContinuousClock.now
    let (loss, metrics) = try loss(over: validation)
    let isBest = !untrained && !adapter.isProvisional && loss < state.bestLoss
    if isBest {
      state.bestLoss = loss
      state.bestStep = state.step
      state.validationsWithoutGain = 0
      try folder.writeFolder(folder.bestPath(step: state.step)) {
        try AdapterFolder.save(adapter, to: $0, base: base)
      }
    } else if !untrained && !adapter.isProvisional {
      state.validationsWithoutGain += 1
    }
    return TrainingEvent.Validation(
      step: state.step, loss: loss, isBest: isBest,
      seconds: (ContinuousClock.now - start).inSeconds, metrics: metrics)
  }

  /// Writes a checkpoint, then removes those that it makes superfluous.
  @discardableResult
  private func writeCheckpoint() throws -> String {
    let path = folder.checkpointPath(step: state.step)
    // One that is there already is not risked for writing the same again.
    guard state.step != checkpointStep else { return path }
    try state.write(
      to: path, in: folder, adapter: adapter, base: base, optimizer: optimizer, origin: origin)
    checkpointStep = state.step
    for old in folder.checkpointSteps.dropLast(max(1, options.checkpointsKept)) {
      folder.remove(folder.checkpointPath(step: old))
    }
    for old in folder.steps(named: "best-") where old != state.bestStep {
      folder.remove(folder.bestPath(step: old))
    }
    return path
  }

  /// Leaves the adapter of the best validation, or of the last step where nothing was validated.
  private func writeAdapter() throws {
    try folder.writeFolder(folder.adapterPath) { partial in
      guard let best = state.bestStep else {
        return try AdapterFolder.save(adapter, to: partial, base: base)
      }
      for name in try FileManager.default.contentsOfDirectory(
        atPath: folder.bestPath(step: best))
      {
        try FileManager.default.copyItem(
          atPath: "\(folder.bestPath(step: best))/\(name)", toPath: "\(partial)/\(name)")
      }
    }
  }
}

extension [(name: String, sum: Double)] {
  /// Adds sums of the same names, in the order in which they first came.
  fileprivate mutating func add(_ others: [(name: String, sum: Double)]) {
    for other in others {
      if let index = firstIndex(where: { $0.name == other.name }) {
        self[index].sum += other.sum
      } else {
        append(other)
      }
    }
  }
}

extension Duration {
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
