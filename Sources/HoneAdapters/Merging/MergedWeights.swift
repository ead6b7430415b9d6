import HoneModels
import HoneTensors

/// The weights of a model with adapters merged in, made one at a time as they are asked for.
///
/// Several adapters are added up: each one's change of the base counts as if it were alone, times a
/// weight.
struct MergedWeights {
  let model: LanguageModel
  let adapters: [any TrainableAdapter]
  /// How much of each one's change counts.
  let weights: [Double]
  private let engine: Engine
  /// The projections by what their tensors' names begin with.
  private let sites: [String: Site]
  /// Kinds of projections that have a bias after merging, in the base or from an adapter; of a
  /// group that the family's configuration turns on together, all.
  let biasKinds: Set<Site.Kind>
  /// The configuration's keys of such groups.
  let biasKeys: [String]
  /// Whether the head is the embedding after merging too.
  let tiesHead: Bool

  init(
    _ model: LanguageModel, adapters: [any TrainableAdapter], weights: [Double], engine: Engine
  ) throws {
    self.model = model
    self.adapters = adapters
    self.weights = weights
    self.engine = engine
    let spec = model.spec
    sites = Dictionary(
      spec.sites.map { (spec.storedPath($0), $0) }, uniquingKeysWith: { first, _ in first })
    tiesHead =
      spec.tiesHead
      && (adapters.isEmpty
        || Self.merged(Site(.embedding), model, adapters, weights).weight
          == Self.merged(Site(.head), model, adapters, weights).weight)
    var kinds: Set<Site.Kind> = []
    for site in spec.sites where Self.hasBias(site, model, adapters) { kinds.insert(site.kind) }
    let groups = Architectures.named(model.architecture).biasKeys
      .filter { group in group.kinds.contains(where: kinds.contains) }
    let placed = Set(groups.flatMap(\.kinds))
    let homeless = kinds.filter { kind in
      !placed.contains(kind) && model.decoder.projection(at: spec.firstSite(kind)).bias == nil
    }
    guard homeless.isEmpty else {
      throw AdapterError(
        model.path,
        faults: homeless.map { spec.listName($0) }.sorted().map {
          "\($0): the adapter gives it a bias, and the \(model.architecture) family has none there"
        }, advice: "use the adapter unmerged")
    }
    biasKinds = kinds.union(placed)
    biasKeys = groups.map(\.key)
  }

  /// The names and shapes of all tensors, in the order of a Hugging Face file.
  var entries: [(name: String, shape: [Int])] {
    let spec = model.spec
    var entries: [(String, [Int])] = spec.sites.flatMap { site -> [(String, [Int])] in
      if site.kind == .head && tiesHead { return [] }
      let size = spec.size(of: site)
      let shape = isTransposed(site) ? [size.inputs, size.outputs] : [size.outputs, size.inputs]
      let path = spec.storedPath(site)
      let weight = ("\(path).weight", shape)
      let bias = biasKinds.contains(site.kind) ? [("\(path).bias", [size.outputs])] : []
      return [weight] + bias
    }
    entries += spec.vectorNames.map { ($0, model.decoder.vector(named: $0).shape.axes) }
    return entries
  }

  /// The numbers of one of ``entries``.
  func values(of name: String) -> [Float] {
    if model.spec.vectorNames.contains(name) { return vector(named: name) }
    let isBias = name.hasSuffix(".bias")
    guard let site = sites[String(name.dropLast(isBias ? ".bias".count : ".weight".count))] else {
      preconditionFailure("there is no tensor \(name)")
    }
    let projection = Self.merged(site, model, adapters, weights)
    if !isBias {
      return isTransposed(site) ? projection.transposedWeight : projection.weight
    }
    return projection.bias ?? Array(repeating: 0, count: projection.rows)
  }

  /// Whether a folder of the family keeps a projection as inputs by outputs.
  private func isTransposed(_ site: Site) -> Bool {
    site.layer != nil && model.spec.names.storesInputsFirst
  }

  private func vector(named name: String) -> [Float] {
    let base = model.decoder.vector(named: name)
    let pass = Pass(engine)
    let original = base.values
    return zip(adapters, weights).reduce(into: original) { sum, item in
      let changed = item.0.vector(base, named: name, in: pass).values
      if isAlone {
        sum = changed
      } else {
        let weight = Float(item.1)
        for index in sum.indices { sum[index] += weight * (changed[index] - original[index]) }
      }
    }
  }

  /// Whether one adapter's change counts as it is, so that no number is rounded on a way round.
  private var isAlone: Bool { weights == [1] }

  private static func merged(
    _ site: Site, _ model: LanguageModel, _ adapters: [any TrainableAdapter], _ weights: [Double]
  ) -> MergedProjection {
    let base = MergedProjection(model.decoder.projection(at: site))
    var sum = base
    for (adapter, weight) in zip(adapters, weights) {
      if weights == [1] {
        adapter.merge(into: &sum, at: site)
      } else {
        var alone = base
        adapter.merge(into: &alone, at: site)
        sum.add(alone, less: base, times: Float(weight))
      }
    }
    return sum
  }

  /// Whether a site has a bias when merged.
  private static func hasBias(
    _ site: Site, _ model: LanguageModel, _ adapters: [any TrainableAdapter]
  ) -> Bool {
    let base = model.decoder.projection(at: site)
    return base.bias != nil || adapters.contains { $0.addsBias(at: site) }
  }
}

extension MergedProjection {
  fileprivate var transposedWeight: [Float] {
    (0..<rows * columns).map { weight[$0 % rows * columns + $0 / rows] }
  }

  /// Adds a multiple of what another has more than a third.
  fileprivate mutating func add(
    _ other: MergedProjection, less base: MergedProjection, times factor: Float
  ) {
    for index in weight.indices {
      weight[index] += factor * (other.weight[index] - base.weight[index])
    }
    guard let added = other.bias else { return }
    let old = base.bias ?? Array(repeating: 0, count: rows)
    var sum = bias ?? Array(repeating: 0, count: rows)
    for index in sum.indices { sum[index] += factor * (added[index] - old[index]) }
    bias = sum
  }
}

extension DecoderSpec {
  fileprivate func firstSite(_ kind: Site.Kind) -> Site {
    sites.first { $0.kind == kind } ?? site(kind)
  }
}
