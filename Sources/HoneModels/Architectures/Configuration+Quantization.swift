import HoneFormats

extension Configuration {
  /// What a folder's weights are quantised with, as its configuration says: `gptq, 4 bits`; nil for
  /// weights in full precision.
  package var quantization: String? {
    guard let config = try? object("quantization_config") else {
      return has("quantization_config") ? "an unknown method" : nil
    }
    let method = (try? config.string("quant_method")) ?? "an unknown method"
    let first = try? config.object("config_groups")?.object("group_0")?.object("weights")
    let bits =
      (try? config.int("bits")) ?? (try? config.int("w_bit")) ?? (try? first?.int("num_bits"))
      ?? ((try? config.bool("load_in_4bit")) == true ? 4 : nil)
      ?? ((try? config.bool("load_in_8bit")) == true ? 8 : nil)
    return bits.map { "\(method), \($0) bits" } ?? method
  }

  /// Refuses a folder whose weights are quantised: GPTQ, AWQ, compressed-tensors, bitsandbytes and the
  /// like each pack them in a way of their own.
  ///
  /// - Parameter tensors: the names of all tensors, which tell where the configuration does not.
  func refuseQuantization(of tensors: some Sequence<String>) throws {
    let found =
      quantization
      ?? (tensors.contains { $0.hasSuffix(".qweight") } ? "gptq or awq" : nil)
    guard let found else { return }
    throw ModelError(
      subject: file, place: "\"quantization_config\"",
      problem: "the weights are quantised (\(found)), and Hone reads folders in F32, F16 or BF16",
      advice: """
        take the model's GGUF file, or its folder in full precision, which `weights: nf4` \
        quantises while it is loaded
        """)
  }
}
