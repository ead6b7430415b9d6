import HoneFormats
import HoneTensors

/// Where a model's tensors come from: a GGUF file or the safetensors of a folder.
///
/// Requests are noted, so that after loading every tensor of the file was used or is named in an
/// error, and all faults are told at once.
package final class WeightSource {
  /// A tensor as it stands in the file.
  package struct Stored {
    var shape: [Int]
    var format: StorageFormat?
    var formatName: String
    var bytes: UnsafeRawBufferPointer
    var owner: AnyObject
  }

  package let file: String
  /// What the matrices of projections are quantised to while they are loaded; nil for as they are.
  private let quantization: StorageFormat?
  private var stored: [String: Stored]
  private var used: Set<String> = []
  private var faults: [String] = []

  /// - Throws: ``ModelError`` where what is to be quantised is quantised already.
  package init(gguf file: GGUFFile, quantization: StorageFormat? = nil) throws {
    self.file = file.path
    self.quantization = quantization
    stored = Dictionary(
      uniqueKeysWithValues: file.tensors.map { tensor in
        (
          tensor.name,
          Stored(
            shape: tensor.shape, format: StorageFormat(rawValue: tensor.type.name),
            formatName: tensor.type.name, bytes: tensor.bytes, owner: tensor.file)
        )
      })
    try checkQuantization()
  }

  package init(folder: SafetensorsFolder, quantization: StorageFormat? = nil) throws {
    file = folder.path
    self.quantization = quantization
    stored = Dictionary(
      uniqueKeysWithValues: folder.tensors.map { tensor in
        (
          tensor.name,
          Stored(
            shape: tensor.shape, format: StorageFormat(rawValue: tensor.type.rawValue),
            formatName: tensor.type.rawValue, bytes: tensor.bytes, owner: tensor.file)
        )
      })
    try checkQuantization()
  }

  private func checkQuantization() throws {
    let formats = Set(stored.values.compactMap(\.format).filter { !$0.isDense })
    guard let quantization, let format = formats.min(by: { $0.rawValue < $1.rawValue }) else {
      return
    }
    throw ModelError(
      subject: file,
      problem: "is stored in \(format) already and cannot be quantised to \(quantization)",
      advice: "use it as it is, without weights, or take the model in full precision")
  }

  package func has(_ name: String) -> Bool { stored[name] != nil }

  /// Gives names the part that a folder leaves out when it was saved without the head: `h.0` for
  /// `transformer.h.0`.
  func completeNames(as names: ModuleNames) {
    let parts = names.embedding.split(separator: ".")
    guard parts.count > 1, !has("\(names.embedding).weight"),
      has("\(parts.dropFirst().joined(separator: ".")).weight")
    else { return }
    let heads = [names.head, names.storedHead ?? names.head].map { "\($0)." }
    let pairs = stored.map { name, tensor in
      (heads.contains(where: name.hasPrefix) ? name : "\(parts[0]).\(name)", tensor)
    }
    stored = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  /// Counts a tensor as used though nothing reads it.
  package func ignore(_ name: String) { used.insert(name) }

  /// A matrix of `rows x columns`, as stored.
  package func matrix(_ name: String, rows: Int, columns: Int) -> Weight? {
    guard let tensor = checked(name, shape: [rows, columns]), let format = tensor.format else {
      return nil
    }
    return Weight(
      rows: rows, columns: columns, format: format, bytes: tensor.bytes, owner: tensor.owner)
  }

  /// The matrix of a projection: as stored, or quantised as the user asked.
  package func projection(_ name: String, rows: Int, columns: Int, engine: Engine) -> Weight? {
    matrix(name, rows: rows, columns: columns).flatMap { quantized($0, name, engine) }
  }

  private func quantized(_ weight: Weight, _ name: String, _ engine: Engine) -> Weight? {
    guard let quantization else { return weight }
    guard let quantized = weight.quantized(to: quantization, in: engine) else {
      faults.append(
        "\(name): rows of \(weight.columns) are no whole number of \(quantization) blocks")
      return nil
    }
    return quantized
  }

  /// The matrices of several projections that the file keeps in one tensor of three axes, each where
  /// it lies.
  package func projections(
    _ name: String, count: Int, rows: Int, columns: Int, engine: Engine
  ) -> [Weight]? {
    guard let tensor = checked(name, shape: [count, rows, columns]), let format = tensor.format,
      let rowBytes = format.bytesPerRow(columns: columns)
    else { return nil }
    var weights: [Weight] = []
    for index in 0..<count {
      let start = index * rows * rowBytes
      let bytes = UnsafeRawBufferPointer(
        rebasing: tensor.bytes[start..<start + rows * rowBytes])
      let weight = Weight(
        rows: rows, columns: columns, format: format, bytes: bytes, owner: tensor.owner)
      guard let weight = quantized(weight, name, engine) else { return nil }
      weights.append(weight)
    }
    return weights
  }

  /// The matrix of a projection that the file keeps as `columns x rows`.
  package func transposedProjection(
    _ name: String, rows: Int, columns: Int, engine: Engine
  ) -> Weight? {
    guard let weight = matrix(name, rows: columns, columns: rows) else { return nil }
    guard let transposed = weight.transposed else {
      faults.append("\(name): is stored in \(weight.format), which cannot be transposed")
      return nil
    }
    return quantized(transposed, name, engine)
  }

  /// A vector, as f32.
  package func vector(_ name: String, count: Int, engine: Engine) -> Tensor? {
    numbers(name, count: count).map { engine.tensor([count], $0) }
  }

  /// A vector's plain numbers.
  package func numbers(_ name: String, count: Int) -> [Float]? { numbers(name, shape: [count]) }

  /// The plain numbers of a small tensor.
  package func numbers(_ name: String, shape: [Int]) -> [Float]? {
    guard let tensor = checked(name, shape: shape), let format = tensor.format,
      let columns = shape.last
    else { return nil }
    return Weight(
      rows: shape.dropLast().reduce(1, *), columns: columns, format: format, bytes: tensor.bytes,
      owner: tensor.owner
    ).values
  }

  private func checked(_ name: String, shape: [Int]) -> Stored? {
    guard let tensor = stored[name] else {
      faults.append("\(name): missing, expected \(Shape(shape))")
      return nil
    }
    used.insert(name)
    // llama.cpp's converter drops axes of 1.
    guard tensor.shape == shape || shape.first == 1 && tensor.shape == Array(shape.dropFirst())
    else {
      faults.append("\(name): has shape \(Shape(tensor.shape)), expected \(Shape(shape))")
      return nil
    }
    guard let format = tensor.format else {
      let known = StorageFormat.allCases.map(\.rawValue).joined(separator: ", ")
      faults.append("\(name): is stored as \(tensor.formatName); Hone computes with \(known)")
      return nil
    }
    guard format.bytesPerRow(columns: shape.last ?? 1) != nil else {
      faults.append("\(name): rows of \(shape.last ?? 1) are no whole number of \(format) blocks")
      return nil
    }
    return tensor
  }

  /// Throws what was wrong with the tensors asked for, and names those that nobody asked for.
  package func finish() throws {
    let unused = stored.keys.filter { !used.contains($0) }.sorted()
    let all = faults + unused.map { "\($0): is in the file but not part of this architecture" }
    guard all.isEmpty else {
      let shown = all.prefix(20).joined(separator: "\n  ")
      let rest = all.count > 20 ? "\n  and \(all.count - 20) more" : ""
      throw ModelError(
        subject: file, problem: "\(all.count) tensors do not fit the model:\n  \(shown)\(rest)",
        advice: "the file may be damaged, or its configuration may belong to another model")
    }
  }
}
