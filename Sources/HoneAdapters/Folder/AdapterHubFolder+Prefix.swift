import HoneFormats
import HoneModels
import HoneTensors

/// Prefix tuning in AdapterHub's folder: `PrefixTuningConfig` of adapters 1.3.
///
/// There a sequence's own positions start at 0, and here, as in peft, after the prefix's. Rotary angles
/// are relative, so keys turned by as many positions as there are give the same. `adapters` itself can
/// save prefixes as a pickle only, as its safetensors writer refuses the memory that blocks share; it
/// reads what Hone writes.
extension AdapterHubFolder {
  private static func path(_ name: String) -> String {
    "model.prefix_tuning.prefix_tunings.\(name).self_prefix"
  }

  // MARK: Reading

  static func prefix(
    _ folder: AdapterReader, _ config: AdapterReader, name: String, _ contents: AdapterContents,
    model: LanguageModel
  ) -> AdapterContents {
    let spec = model.spec
    let count =
      config.read("prefix_length", .integer(1...65536), default: .integer(30)).integer ?? 30
    config.allow(
      "flat", only: .bool(true),
      because: "eject the prefix in adapters, which leaves the numbers that its network gives")
    config.allow("leave_out", only: .array([]))
    config.allow("use_gating", only: .bool(false))
    config.allow("dropout", only: .number(0), .integer(0))
    // Of a network that is gone, of models with an encoder, and of gates that are off.
    for key in [
      "bottleneck_size", "non_linearity", "encoder_prefix", "cross_prefix", "shared_gating",
      "init_weights_seed",
    ] {
      config.ignore(key)
    }
    let columns = 2 * spec.layerCount * spec.keyValueWidth
    if spec.headDimension * spec.headCount != spec.hiddenSize {
      folder.note("adapters has no prefixes for heads that are wider than the rows")
    }
    let entry = folder.entry("\(path(name)).control_trans", shape: [count * columns])
    return AdapterContents(
      config: JSONObject([("peft_type", .string("PREFIX_TUNING"))]),
      entries: entry.map {
        [
          .init(
            PromptFolder.tensorName, shape: [count, columns],
            .plain(turned($0.values, rows: count, by: count, spec: spec)))
        ]
      } ?? [])
  }

  // MARK: Writing

  static func contents(
    of adapter: PrefixTuning, subject: String, model: LanguageModel
  ) throws -> AdapterContents {
    let spec = model.spec
    guard spec.headDimension * spec.headCount == spec.hiddenSize,
      let rows = try adapter.folder().entries.first
    else {
      throw AdapterError(
        subject, problem: "adapters has no prefixes for heads that are wider than the rows")
    }
    let count = adapter.positionsAhead
    return AdapterContents(
      config: config(
        [
          ("architecture", .string("prefix_tuning")), ("bottleneck_size", .integer(512)),
          ("cross_prefix", .bool(true)), ("dropout", .number(0)), ("encoder_prefix", .bool(true)),
          ("flat", .bool(true)), ("init_weights_seed", .null), ("leave_out", .array([])),
          ("non_linearity", .string("tanh")), ("prefix_length", .integer(count)),
          ("shared_gating", .bool(true)), ("use_gating", .bool(false)),
        ], spec: spec),
      entries: [
        .init(
          "\(path(name)).control_trans", shape: [rows.shape.reduce(1, *)],
          .plain(turned(rows.values, rows: count, by: -count, spec: spec)))
      ])
  }

  /// Keys turned as if they stood some positions further on; values stay.
  private static func turned(
    _ values: [Float], rows: Int, by positions: Int, spec: DecoderSpec
  ) -> [Float] {
    guard let rotary = spec.rotary else { return values }
    let table = RotaryTable(rotary)
    table.grow(to: abs(positions) + 1)
    let (pairs, width) = (table.pairCount, spec.keyValueWidth)
    var values = values
    for row in 0..<rows {
      for layer in 0..<spec.layerCount {
        for head in 0..<spec.keyValueHeadCount {
          let start =
            (row * 2 * spec.layerCount + 2 * layer) * width + head * spec.headDimension
          for pair in 0..<pairs {
            let cosine = table.cosines[abs(positions) * pairs + pair]
            let sine = table.sines[abs(positions) * pairs + pair] * (positions < 0 ? -1 : 1)
            let (one, two) = (values[start + pair], values[start + pair + pairs])
            values[start + pair] = one * cosine - two * sine
            values[start + pair + pairs] = two * cosine + one * sine
          }
        }
      }
    }
    return values
  }
}
