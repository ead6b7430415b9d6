import HoneFormats

extension RotarySpec {
  /// A `rope_scaling` of `config.json`; null for none.
  func configuration(file: String) throws -> JSONValue {
    func object(_ kind: String, _ members: [(String, JSONValue)]) -> JSONValue {
      .object(JSONObject([("rope_type", .string(kind))] + members))
    }
    switch scaling {
    case .none: return .null
    case .linear(let factor): return object("linear", [("factor", .number(Double(factor)))])
    case .dynamic(let factor, _): return object("dynamic", [("factor", .number(Double(factor)))])
    case .longRoPE(let rule):
      func list(_ numbers: [Float]) -> JSONValue { .array(numbers.map { .number(Double($0)) }) }
      return object(
        "longrope",
        [
          ("short_factor", list(rule.short)), ("long_factor", list(rule.long)),
          ("original_max_position_embeddings", .integer(rule.originalContext)),
          ("attention_factor", .number(Double(rule.magnitude))),
        ])
    case .yarn(let yarn):
      return object(
        "yarn",
        [
          ("factor", .number(Double(yarn.factor))),
          ("original_max_position_embeddings", .integer(yarn.originalContext)),
          ("beta_fast", .number(Double(yarn.fast))), ("beta_slow", .number(Double(yarn.slow))),
          ("attention_factor", .number(Double(magnitude))), ("truncate", .bool(yarn.rounds)),
        ])
    case .llama3(let factor, let low, let high, let context):
      return object(
        "llama3",
        [
          ("factor", .number(Double(factor))), ("low_freq_factor", .number(Double(low))),
          ("high_freq_factor", .number(Double(high))),
          ("original_max_position_embeddings", .integer(context)),
        ])
    case .factors(let factors):
      // A GGUF keeps only each pair's divisor. Published rules blend between wavelengths of the
      // original context and a quarter of it; which context that is, is tried.
      var rule = self
      let factor = factors.max() ?? 1
      for context in (4...20).map({ 1 << $0 }) {
        rule.scaling = .llama3(
          factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: context)
        let isSame = zip(rule.frequencies, frequencies).allSatisfy {
          abs($0 - $1) <= 1e-4 * abs($1)
        }
        if isSame { return try rule.configuration(file: file) }
      }
      throw ModelError(
        subject: file, place: "rope_freqs.weight",
        problem: "its rotary frequencies follow no rule that config.json can state",
        advice: "use the model's folder in Hugging Face layout as the base")
    }
  }
}
