import HoneModels
import HoneTensors

/// Modules of the base that are trained whole, as copies of their own: peft's `modules_to_save`.
///
/// The base stays as it is; a copy stands in its place where the network uses it. A name chooses
/// every module whose path ends with it, and all that it contains (`_set_trainable` in peft's
/// `utils/other.py`).
final class SavedModules {
  /// A copy of a projection, or of the embedding's table.
  struct Matrix {
    let site: Site
    let weight: Parameter
    let bias: Parameter?
    /// Whether the file has it as inputs by outputs.
    let isTransposed: Bool

    /// The weight's name in the file.
    var weightName: String { "base_model.model.\(site.path).weight" }
  }

  let matrices: [Matrix]
  let vectors: [(name: String, parameter: Parameter)]
  private let bySite: [Site: Matrix]
  private let byName: [String: Parameter]

  /// Copies what the names choose; a function may give other numbers in the base's place.
  ///
  /// - Parameters:
  ///   - tyingEnds: whether one copy serves embedding and head, where the base has one matrix for
  ///     both; it is the embedding's.
  ///   - numbers: given a tensor's name in the adapter's file and its shape.
  /// - Throws: ``AdapterError`` for names that choose nothing.
  init(
    _ names: [String], tyingEnds: Bool = false, of model: LanguageModel, engine: Engine,
    subject: String, numbers: (_ name: String, _ shape: Shape) -> Tensor? = { _, _ in nil }
  ) throws {
    let spec = model.spec
    var sites = spec.sites.filter { Self.contains($0.path, names) }
    let ends = spec.ends
    let tiesEnds = tyingEnds && spec.tiesHead && sites.contains(where: ends.contains)
    if tiesEnds { sites = [ends[0]] + sites.filter { !ends.contains($0) } }
    let vectorNames = spec.vectorNames.filter {
      Self.contains(ParameterSelection.module($0), names)
    }
    let paths = spec.sites.map(\.path) + spec.vectorNames.map(ParameterSelection.module)
    let unknown = names.filter { name in !paths.contains { Self.contains($0, [name]) } }
    guard unknown.isEmpty else {
      throw AdapterError(
        subject, faults: unknown.map { "modules_to_save: nothing is called \($0)" },
        advice: "the network has \(Set(paths.map(Self.lastPart)).sorted().joined(separator: ", "))")
    }
    func parameter(_ name: String, _ shape: Shape, _ base: () -> [Float]) -> Parameter {
      let name = "base_model.model.\(name)"
      return Parameter(
        name, numbers(name, shape) ?? engine.tensor(shape, base()), decays: false)
    }
    var matrices = sites.map { site in
      let projection = model.decoder.projection(at: site)
      let (rows, columns) = (projection.outputCount, projection.inputCount)
      let isTransposed = spec.names.storesInputsFirst && site.layer != nil
      let name = "base_model.model.\(site.path).weight"
      let stored = numbers(name, isTransposed ? [columns, rows] : [rows, columns])
      let weight =
        stored.map { isTransposed ? Self.transposed($0, in: engine) : $0 }
        ?? engine.tensor([rows, columns], projection.weight.values)
      return Matrix(
        site: site, weight: Parameter(name, weight, decays: true),
        bias: projection.bias.map { bias in
          parameter("\(site.path).bias", bias.shape) { bias.values }
        }, isTransposed: isTransposed)
    }
    if tiesEnds {
      matrices.append(
        Matrix(site: ends[1], weight: matrices[0].weight, bias: nil, isTransposed: false))
    }
    self.matrices = matrices
    vectors = vectorNames.map { name in
      let base = model.decoder.vector(named: name)
      return (name, parameter(name, base.shape) { base.values })
    }
    bySite = Dictionary(uniqueKeysWithValues: matrices.map { ($0.site, $0) })
    byName = Dictionary(uniqueKeysWithValues: vectors.map { ($0.name, $0.parameter) })
  }

  /// Whether a module or one that contains it ends with one of the names.
  private static func contains(_ path: String, _ names: [String]) -> Bool {
    var parts = path.split(separator: ".")
    while !parts.isEmpty {
      let path = parts.joined(separator: ".")
      if names.contains(where: path.hasSuffix) { return true }
      parts.removeLast()
    }
    return false
  }

  private static func lastPart(_ path: String) -> String {
    path.split(separator: ".").last.map(String.init) ?? path
  }

  var parameters: [Parameter] {
    matrices.filter { $0.weight.name == $0.weightName }
      .flatMap { [$0.weight] + ($0.bias.map { [$0] } ?? []) } + vectors.map(\.parameter)
  }

  var isEmpty: Bool { matrices.isEmpty && vectors.isEmpty }

  private static func transposed(_ tensor: Tensor, in engine: Engine) -> Tensor {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    let values = tensor.values
    return engine.tensor(
      [columns, rows], (0..<rows * columns).map { values[$0 % rows * columns + $0 / rows] })
  }

  /// The tensors of a folder, one a parameter.
  var ownEntries: [AdapterContents.Entry] {
    let transposed = Set(matrices.filter(\.isTransposed).map(\.weightName))
    return parameters.map {
      transposed.contains($0.name)
        ? AdapterContents.Entry(transposing: $0.tensor, to: $0.name)
        : AdapterContents.Entry($0.name, $0.tensor)
    }
  }

  /// The tensors of a folder; a copy that serves two sites is there for each.
  var entries: [AdapterContents.Entry] {
    ownEntries
      + matrices.filter { $0.weight.name != $0.weightName }
      .map { AdapterContents.Entry($0.weightName, $0.weight.tensor) }
  }

  /// Whether another site's copy serves a site.
  func isTied(_ site: Site) -> Bool {
    bySite[site].map { $0.weight.name != $0.weightName } ?? false
  }

  // MARK: Hooks

  /// Projects through the copies where there are some, and through `others` elsewhere.
  func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass,
    others: ([Site], [Projection]) -> [Tensor]
  ) -> [Tensor] {
    guard !bySite.isEmpty, sites.contains(where: { bySite[$0] != nil }) else {
      return others(sites, bases)
    }
    let rest = zip(sites, bases).filter { bySite[$0.0] == nil }
    var outputs = (rest.isEmpty ? [] : others(rest.map(\.0), rest.map(\.1))).makeIterator()
    return sites.map { site in
      guard let matrix = bySite[site] else {
        guard let output = outputs.next() else { preconditionFailure("an output is missing") }
        return output
      }
      let output = multiplied(input, by: matrix.weight.tensor, in: pass)
      return matrix.bias.map { added($0.tensor, toRowsOf: output, in: pass) } ?? output
    }
  }

  /// Rows of the embedding's copy; nil when there is none.
  func embed(_ ids: [Int32], in pass: Pass) -> Tensor? {
    bySite[Site(.embedding)].map { gathered(ids, from: $0.weight.tensor, in: pass) }
  }

  func vector(named name: String) -> Tensor? { byName[name]?.tensor }

  /// Puts the copy in a projection's place.
  func merge(into projection: inout MergedProjection, at site: Site) {
    guard let matrix = bySite[site] else { return }
    projection.weight = matrix.weight.tensor.values
    projection.bias = matrix.bias?.tensor.values
  }
}
