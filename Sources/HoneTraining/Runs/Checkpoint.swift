import HoneAdapters
import HoneFormats
import HoneTensors

/// All that a run needs to go on to the bit.
///
/// `checkpoints/step-N/state.safetensors` holds the adapter's and the optimiser's tensors in f32 and,
/// in its metadata, the counters and what the run was made from; `adapter/` beside it is the adapter
/// as any reader of adapters knows it.
struct Checkpoint {
  var step: Int
  var bestStep: Int?
  var bestLoss: Double
  var validationsWithoutGain: Int
  var seconds: Double

  private static let format = "hone-checkpoint-1"

  /// Writes it; the folder appears when it is whole.
  func write(
    to path: String, in folder: RunFolder, adapter: any TrainableAdapter,
    base: String?, optimizer: any Optimizer, origin: [(name: String, value: String)]
  ) throws {
    let tensors = Self.tensors(adapter, optimizer)
    let metadata =
      [
        ("format", Self.format), ("step", String(step)),
        ("best_step", bestStep.map(String.init) ?? ""),
        ("best_loss", String(bestLoss.bitPattern, radix: 16)),
        ("validations_without_gain", String(validationsWithoutGain)),
        ("seconds", String(seconds)),
      ] + origin.map { ("origin.\($0.name)", $0.value) }
    try folder.writeFolder(path) { partial in
      try AdapterFolder.save(adapter, to: "\(partial)/adapter", base: base)
      try SafetensorsWriter.write(
        to: "\(partial)/state.safetensors",
        tensors.map {
          SafetensorsWriter.Entry(name: $0.name, type: .f32, shape: $0.tensor.shape.axes)
        }, metadata: Dictionary(metadata, uniquingKeysWith: { $1 })
      ) { entry, give in
        guard let tensor = tensors.first(where: { $0.name == entry.name })?.tensor else { return }
        try give(UnsafeRawBufferPointer(start: tensor.pointer, count: tensor.byteCount))
      }
    }
  }

  /// Reads one into an adapter and an optimiser made as for a new run.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a damaged file, ``TrainingError`` when the run that
  ///   wrote it was made from something else.
  static func read(
    _ path: String, adapter: any TrainableAdapter, optimizer: any Optimizer,
    origin: [(name: String, value: String)]
  ) throws -> Checkpoint {
    let path = "\(path)/state.safetensors"
    let file = try SafetensorsFile(path: path)
    guard file.metadata["format"] == format,
      let step = file.metadata["step"].flatMap({ Int($0) }),
      let loss = file.metadata["best_loss"].flatMap({ UInt64($0, radix: 16) }),
      let stale = file.metadata["validations_without_gain"].flatMap({ Int($0) }),
      let seconds = file.metadata["seconds"].flatMap({ Double($0) })
    else {
      throw FormatError(
        file: path, problem: "is not a checkpoint of this version",
        advice: "start a new run in another folder")
    }
    let changed = origin.filter { file.metadata["origin.\($0.name)"] != $0.value }
    guard changed.isEmpty else {
      let list = changed.map { item in
        "\(item.name) (was \(file.metadata["origin.\(item.name)"] ?? "absent"), is \(item.value))"
      }
      throw TrainingError(
        "the run", problem: "was started with something else: \(list.joined(separator: ", "))",
        advice: "put it back to resume, or start a new run in another folder")
    }
    let tensors = Self.tensors(adapter, optimizer)
    let wrong = tensors.filter { file.tensor(named: $0.name)?.shape != $0.tensor.shape.axes }
    let extra = file.tensors.filter { stored in !tensors.contains { $0.name == stored.name } }
    guard wrong.isEmpty, extra.isEmpty else {
      let names = (wrong.map(\.name) + extra.map(\.name)).prefix(5)
      throw FormatError(
        file: path,
        problem: "has other tensors than the run: \(names.joined(separator: ", "))",
        advice: "start a new run in another folder")
    }
    for (name, tensor) in tensors {
      guard let stored = file.tensor(named: name), stored.type == .f32 else {
        throw FormatError(file: path, place: name, problem: "is not in F32")
      }
      UnsafeMutableRawBufferPointer(start: tensor.pointer, count: tensor.byteCount)
        .copyMemory(from: stored.bytes)
    }
    return Checkpoint(
      step: step, bestStep: file.metadata["best_step"].flatMap { Int($0) },
      bestLoss: Double(bitPattern: loss), validationsWithoutGain: stale, seconds: seconds)
  }

  private static func tensors(
    _ adapter: any TrainableAdapter, _ optimizer: any Optimizer
  ) -> [(name: String, tensor: Tensor)] {
    adapter.state.map { ("adapter.\($0.name)", $0.tensor) }
      + optimizer.state.map { ("optimizer.\($0.name)", $0.tensor) }
  }
}
