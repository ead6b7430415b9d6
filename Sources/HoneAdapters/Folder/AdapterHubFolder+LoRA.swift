import HoneFormats
import HoneModels
import HoneTensors

/// LoRA and (IA)³ in AdapterHub's folder: `LoRAConfig` of adapters 1.3.
extension AdapterHubFolder {
  /// The places of a block in the order of the configuration.
  private static let attention: [(letter: String, kind: Site.Kind)] = [
    ("q", .query), ("k", .key), ("v", .value),
  ]

  // MARK: Reading

  static func lora(
    _ folder: AdapterReader, _ config: AdapterReader, name: String, _ contents: AdapterContents,
    spec: DecoderSpec
  ) -> AdapterContents {
    func flag(_ key: String, _ value: Bool) -> Bool {
      config.read(key, .flag, default: .bool(value)).bool ?? value
    }
    let scales =
      config.read("composition_mode", .choice(["add", "scale"]), default: .string("add")).string
      == "scale"
    let rank = config.read("r", .integer(1...65536), default: .integer(scales ? 1 : 8)).integer ?? 8
    let alpha =
      config.read("alpha", .number(-1e6...1e6), default: .integer(scales ? 1 : 8)).double ?? 8
    let dropout = config.read("dropout", .number(0...0.99), default: .number(0))
    let letters =
      config.read("attn_matrices", .names, default: .array(["q", "v"].map { .string($0) })).array?
      .compactMap(\.string) ?? []
    for letter in letters where !attention.contains(where: { $0.letter == letter }) {
      config.note("attn_matrices: \(letter) is none of q, k and v")
    }
    let leftOut =
      config.read("leave_out", .integers, default: .array([])).array?.compactMap(\.integer) ?? []
    var kinds: [Site.Kind] = []
    if flag("selfattn_lora", true) {
      kinds += attention.filter { letters.contains($0.letter) }.map(\.kind)
    }
    if flag("intermediate_lora", false) { kinds.append(.down) }
    if flag("output_lora", false) { kinds.append(.up) }
    for key in ["use_gating", "use_dora"] { config.allow(key, only: .bool(false)) }
    for key in ["vera_b", "vera_d"] { config.allow(key, only: .null) }
    // How the numbers started, and how they were kept.
    for key in ["init_weights", "init_weights_seed", "dtype"] { config.ignore(key) }
    let sites = spec.sites.filter { site in
      kinds.contains(site.kind) && !leftOut.contains(site.layer ?? -1)
    }
    var entries: [AdapterContents.Entry] = []
    for site in sites {
      let size = spec.size(of: site)
      let (path, own) = ("\(site.path).loras.\(name)", "base_model.model.\(site.path)")
      if scales {
        guard let entry = folder.entry("\(path).lora_B", shape: [size.outputs, 1]) else { continue }
        entries.append(
          .init("\(own).ia3_l", shape: entry.shape, .plain(entry.values.map { $0 * Float(alpha) })))
      } else {
        for (part, shape) in [("A", [rank, size.inputs]), ("B", [size.outputs, rank])] {
          guard let entry = folder.entry("\(path).lora_\(part)", shape: shape) else { continue }
          entries.append(.init("\(own).lora_\(part).weight", shape: shape, entry.numbers))
        }
      }
    }
    let targets = JSONValue.array(sites.map { .string($0.path) })
    let peft: [(String, JSONValue)] =
      scales
      ? [("peft_type", .string("IA3")), ("feedforward_modules", .array([]))]
      : [
        ("peft_type", .string("LORA")), ("r", .integer(rank)), ("lora_alpha", .number(alpha)),
        ("lora_dropout", dropout),
      ]
    return AdapterContents(
      config: JSONObject(peft + [("target_modules", targets)]), entries: entries)
  }

  // MARK: Writing

  /// - Parameter changed: what is changed at all.
  private static func config(
    _ mode: String, rank: Int, alpha: JSONValue, dropout: Double, changed: [Site],
    spec: DecoderSpec
  ) -> JSONObject {
    let kinds = Set(changed.map(\.kind))
    let letters = attention.filter { kinds.contains($0.kind) }.map { JSONValue.string($0.letter) }
    let leftOut = (0..<spec.layerCount).filter { layer in !changed.contains { $0.layer == layer } }
    return config(
      [
        ("alpha", alpha), ("architecture", .string("lora")), ("attn_matrices", .array(letters)),
        ("composition_mode", .string(mode)), ("dropout", .number(dropout)), ("dtype", .null),
        ("init_weights", .string(mode == "add" ? "lora" : "ia3")), ("init_weights_seed", .null),
        ("intermediate_lora", .bool(kinds.contains(.down))),
        ("leave_out", .array(leftOut.map { .integer($0) })),
        ("output_lora", .bool(kinds.contains(.up))), ("r", .integer(rank)),
        ("selfattn_lora", .bool(!letters.isEmpty)), ("use_dora", .bool(false)),
        ("use_gating", .bool(false)), ("vera_b", .null), ("vera_d", .null),
      ], spec: spec)
  }

  /// All places that the configuration says, which are more than those that are changed where blocks
  /// differ.
  private static func places(_ changed: [Site], spec: DecoderSpec) -> [Site] {
    let (kinds, layers) = (Set(changed.map(\.kind)), Set(changed.compactMap(\.layer)))
    return spec.sites.filter { site in
      kinds.contains(site.kind) && site.layer.map(layers.contains) == true
    }
  }

  /// What `adapters` has no place for.
  private static func faults(_ sites: [Site]) -> [String] {
    let known = attention.map(\.kind) + [.up, .down]
    return sites.filter { !known.contains($0.kind) }.map {
      "\($0.path): adapters has no LoRA there, only at q_proj, k_proj, v_proj, up_proj and down_proj"
    }
  }

  static func contents(
    of lora: LoRA, subject: String, model: LanguageModel
  ) throws -> AdapterContents {
    var faults = faults(lora.modules.map(\.site))
    if !lora.saved.isEmpty { faults.append("modules_to_save: adapters has no such thing") }
    if !lora.replaced.isEmpty { faults.append("brings an embedding or head of its own") }
    if lora.modules.isEmpty { faults.append("changes no projection") }
    guard faults.isEmpty else { throw AdapterError(subject, faults: faults) }
    let spec = model.spec
    let rank = lora.modules.map(\.rank).max() ?? 1
    // One scale serves all places; where they differ, it goes into the outer matrices.
    let scale = lora.modules[0].scale
    let alpha = Double(scale) * Double(rank)
    let isUniform = lora.modules.allSatisfy { $0.rank == rank && $0.scale == scale }
    let entries = places(lora.modules.map(\.site), spec: spec).flatMap { site in
      let (size, path) = (spec.size(of: site), "\(site.path).loras.\(name)")
      let change =
        lora.modules.first { $0.site == site }.map { module in
          let factor = isUniform ? 1 : module.scale
          return CombinedChange(
            rank: module.rank, down: module.down.tensor.values,
            up: module.up.tensor.values.map { $0 * factor }
          ).padded(to: rank)
        }
        ?? CombinedChange(
          rank: rank, down: Array(repeating: 0, count: rank * size.inputs),
          up: Array(repeating: 0, count: rank * size.outputs))
      return [
        AdapterContents.Entry("\(path).lora_A", shape: [rank, size.inputs], .plain(change.down)),
        AdapterContents.Entry("\(path).lora_B", shape: [size.outputs, rank], .plain(change.up)),
      ]
    }
    return AdapterContents(
      config: config(
        "add", rank: rank, alpha: isUniform ? .whole(alpha) : .integer(rank),
        dropout: lora.options.dropout, changed: lora.modules.map(\.site), spec: spec),
      entries: entries)
  }

  /// What rescales the input of `down_proj` rescales, the same, what `up_proj` gives.
  static func contents(
    of ia3: IA3, subject: String, model: LanguageModel
  ) throws -> AdapterContents {
    let spec = model.spec
    var faults: [String] = []
    if !ia3.saved.isEmpty { faults.append("modules_to_save: adapters has no such thing") }
    var factors: [Site: [Float]] = [:]
    for module in ia3.modules {
      var site = module.site
      if module.scalesInput {
        guard site.kind == .down else {
          faults.append(
            "\(site.path): adapters rescales what a projection gives, not what it takes")
          continue
        }
        site = Site(.up, layer: site.layer)
      }
      faults += Self.faults([site])
      let values = module.vector.tensor.values
      factors[site] = factors[site].map { zip($0, values).map { $0 * $1 } } ?? values
    }
    guard faults.isEmpty else { throw AdapterError(subject, faults: faults) }
    let changed = spec.sites.filter { factors[$0] != nil }
    return AdapterContents(
      config: config(
        "scale", rank: 1, alpha: .integer(1), dropout: 0, changed: changed, spec: spec),
      entries: places(changed, spec: spec).map { site in
        let count = spec.size(of: site).outputs
        return .init(
          "\(site.path).loras.\(name).lora_B", shape: [count, 1],
          .plain(factors[site] ?? Array(repeating: 1, count: count)))
      })
  }
}
