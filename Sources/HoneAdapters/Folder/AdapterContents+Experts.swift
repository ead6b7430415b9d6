import HoneFormats
import HoneModels

/// Experts as peft 0.21 trains them over transformers 5: through `target_parameters`, the two
/// parameters of three axes that hold the matrices of all experts of a block.
///
/// `lora_A` of a parameter has the experts' rows one below the other; column `rank · experts + expert`
/// of `lora_B` belongs to an expert (`ParamWrapper` in peft's `tuners/lora/layer.py`). Gate and up are
/// one parameter there, `gate_up_proj`, and share their `A`; the other's tensors, `down_proj`'s, stand
/// around it, whose name then has `base_layer`.
extension AdapterContents {
  /// Whether they hold such a LoRA.
  var hasStackedExperts: Bool { !(config["target_parameters"]?.array ?? []).isEmpty }

  /// The same LoRA with matrices for each expert, as transformers 4 and Hone call them; gate and up
  /// get a copy of their `A` each, so the network computes the same and learns more freely.
  ///
  /// - Throws: ``AdapterError`` for parameters that are none of experts, and tensors that do not fit.
  func separatingExperts(of spec: DecoderSpec, subject: String) throws -> AdapterContents {
    guard let rule = spec.experts else {
      throw AdapterError(
        subject, problem: "target_parameters: the network has no experts",
        advice: "the adapter belongs to another model")
    }
    let names = (config["target_parameters"]?.array ?? []).compactMap(\.string)
    let stacks = [Stack(spec, isDown: false), Stack(spec, isDown: true)].filter { stack in
      names.contains { $0 == stack.name || $0.hasSuffix(".\(stack.name)") }
    }
    let unknown = names.filter { name in
      !["gate_up_proj", "down_proj"].contains { name == $0 || name.hasSuffix(".\($0)") }
    }
    guard unknown.isEmpty else {
      throw AdapterError(
        subject,
        faults: unknown.map { "target_parameters: \($0) is no parameter that experts have" },
        advice: "Hone reads gate_up_proj and down_proj of experts")
    }
    var result = self
    var used: Set<String> = []
    var patterns = [
      "rank_pattern": config["rank_pattern"]?.object ?? JSONObject(),
      "alpha_pattern": config["alpha_pattern"]?.object ?? JSONObject(),
    ]
    for stack in stacks {
      let rank = try number("r", "rank_pattern", for: stack.name, default: 8, subject)
      let alpha = try number("lora_alpha", "alpha_pattern", for: stack.name, default: 8, subject)
      let own = JSONObject([(stack.pattern, .whole(rank))])
      patterns["rank_pattern"] = own.merging(patterns["rank_pattern"])
      patterns["alpha_pattern"] = JSONObject([(stack.pattern, .whole(alpha))])
        .merging(patterns["alpha_pattern"])
      for layer in 0..<spec.layerCount where spec.hasExperts(layer) {
        let wraps = stacks.count > 1 && !stack.isDown
        let path =
          "base_model.model.\(spec.names.block(layer))mlp.experts." + (wraps ? "base_layer." : "")
        let whole = Int(rank)
        let down = try matrix(
          "\(path)lora_A.weight", [whole * rule.count, stack.inputs], subject)
        let up = try matrix(
          "\(path)lora_B.weight", [stack.outputs, whole * rule.count], subject)
        used.formUnion(["\(path)lora_A.weight", "\(path)lora_B.weight"])
        result.entries += stack.entries(down, up, rank: whole, layer: layer)
      }
    }
    result.entries.removeAll { used.contains($0.name) }
    result.config["rank_pattern"] = patterns["rank_pattern"].map { .object($0) }
    result.config["alpha_pattern"] = patterns["alpha_pattern"].map { .object($0) }
    result.config["target_parameters"] = .null
    result.config["target_modules"] = .array(
      try (modules(of: spec, subject) + stacks.flatMap(\.paths)).map { .string($0) })
    return result
  }

  /// The modules that are no experts, which transformers 5 does not have as modules.
  private func modules(of spec: DecoderSpec, _ subject: String) throws -> [String] {
    let targets: SettingValues.Names? =
      switch config["target_modules"] {
      case .string(let text): .one(text)
      case .array(let names): .list(names.compactMap(\.string))
      default: nil
      }
    guard let targets, !targets.all.isEmpty else { return [] }
    let selection = try ModuleSelection(targets, of: subject)
    return spec.sites.filter { $0.expert == nil && $0.kind != .router && selection.selects($0) }
      .map(\.path)
  }

  private func number(
    _ key: String, _ pattern: String, for name: String, default usual: Double, _ subject: String
  ) throws -> Double {
    let numbers = (config[pattern]?.object ?? JSONObject()).map { ($0.0, $0.1.double ?? 0) }
    let own = try NumbersByModule(numbers, of: subject).value(for: "model.mlp.experts.\(name)")
    let value = own ?? config[key]?.double ?? usual
    guard value >= 0, value <= 65536, key != "r" || Int(exactly: value).map({ $0 > 0 }) == true
    else {
      throw AdapterError(subject, problem: "\(key): is \(value) for \(name)")
    }
    return value
  }

  private func matrix(_ name: String, _ shape: [Int], _ subject: String) throws -> [Float] {
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw AdapterError(subject, problem: "\(name): missing, expected \(shape)")
    }
    guard entry.shape == shape else {
      throw AdapterError(
        subject, problem: "\(name): has shape \(entry.shape), expected \(shape)")
    }
    return entry.values
  }
}

/// A parameter of three axes.
private struct Stack {
  let spec: DecoderSpec
  let isDown: Bool
  let count: Int
  let inputs: Int
  let outputs: Int

  init(_ spec: DecoderSpec, isDown: Bool) {
    self.spec = spec
    self.isDown = isDown
    count = spec.experts?.count ?? 0
    let inner = spec.experts?.intermediateSize ?? 0
    inputs = isDown ? inner : spec.hiddenSize
    outputs = isDown ? spec.hiddenSize : 2 * inner
  }

  var name: String { isDown ? "down_proj" : "gate_up_proj" }
  var kinds: [Site.Kind] { isDown ? [.expertDown] : [.expertGate, .expertUp] }

  /// The modules of each expert.
  var paths: [String] {
    (0..<spec.layerCount).filter(spec.hasExperts).flatMap { layer in
      (0..<count).flatMap { expert in
        kinds.map { spec.site($0, layer: layer, expert: expert).path }
      }
    }
  }

  /// A regular expression for them.
  var pattern: String {
    let names = kinds.compactMap { spec.names.projections[$0] }.joined(separator: "|")
    return "experts\\.\\d+\\.(\(names))"
  }

  func entries(
    _ down: [Float], _ up: [Float], rank: Int, layer: Int
  ) -> [AdapterContents.Entry] {
    let part = outputs / kinds.count
    return (0..<count).flatMap { expert in
      kinds.enumerated().flatMap { index, kind -> [AdapterContents.Entry] in
        let path =
          "base_model.model.\(spec.site(kind, layer: layer, expert: expert).path)"
        let rows = expert * rank * inputs..<(expert + 1) * rank * inputs
        let own = (index * part..<(index + 1) * part).flatMap { row in
          (0..<rank).map { up[row * rank * count + $0 * count + expert] }
        }
        return [
          .init("\(path).lora_A.weight", shape: [rank, inputs], .plain(Array(down[rows]))),
          .init("\(path).lora_B.weight", shape: [part, rank], .plain(own)),
        ]
      }
    }
  }
}

extension JSONObject {
  /// These members and, behind them, another's.
  fileprivate func merging(_ other: JSONObject?) -> JSONObject {
    var result = self
    for (key, value) in other ?? JSONObject() where result[key] == nil { result[key] = value }
    return result
  }
}
