import HoneFormats
import HoneModels
import HoneTensors

/// Folders of AdapterHub's `adapters` with methods that peft has too: read as if peft had written
/// them, and written from what peft would be given.
///
/// `adapters` 1.3 knows a LoRA at five places of a block: queries, keys, values, the `intermediate`
/// place, which on Llama is `down_proj`, and the `output` one, which is `up_proj`. (IA)³ is its LoRA
/// with `composition_mode: scale`, which rescales what these give.
enum AdapterHubFolder {
  static let version = "adapters.1.3.0"
  /// What tensors' names call an adapter that Hone writes.
  static let name = "default"

  /// Whether a folder has to be turned into peft's.
  static func concerns(_ contents: AdapterContents) -> Bool {
    contents.kind == .adapterHub && architecture(of: contents) != nil
  }

  private static func architecture(of contents: AdapterContents) -> String? {
    contents.config["config"]?["architecture"]?.string
  }

  /// The same adapter in peft's names.
  ///
  /// - Throws: ``AdapterError`` with all that Hone does not have.
  static func peft(
    _ contents: AdapterContents, for model: LanguageModel, subject: String
  ) throws -> AdapterContents {
    let reader = AdapterReader(contents, subject: subject)
    let name = reader.read("name", .text, default: .string(Self.name)).string ?? Self.name
    for key in ["model_class", "model_name", "version"] { reader.ignore(key) }
    reader.allow(
      "model_type", only: .string(model.architecture),
      because: "the model's is \(model.architecture)")
    if let size = reader.read("hidden_size", .integer(1...(1 << 30)), default: .null).integer,
      size != model.spec.hiddenSize
    {
      reader.note("hidden_size: is \(size), and the model's is \(model.spec.hiddenSize)")
    }
    let config = reader.section("config")
    config.ignore("architecture")
    let peft: AdapterContents
    switch architecture(of: contents) {
    case "lora": peft = lora(reader, config, name: name, contents, spec: model.spec)
    case "prefix_tuning":
      peft = prefix(reader, config, name: name, contents, model: model)
    case let other:
      throw AdapterError(
        subject, problem: "architecture: is \(other ?? "null"), which Hone does not read",
        advice: "of AdapterHub's it reads bottleneck adapters, lora and prefix_tuning")
    }
    try reader.finish()
    return peft
  }

  /// A configuration around a method's own.
  static func config(_ own: [(String, JSONValue)], spec: DecoderSpec) -> JSONObject {
    JSONObject([
      ("config", .object(JSONObject(own))), ("hidden_size", .integer(spec.hiddenSize)),
      ("model_class", .string("LlamaForCausalLM")), ("model_type", .string("llama")),
      ("name", .string(name)), ("version", .string(version)),
    ])
  }

  /// What an adapter looks like in AdapterHub's folder.
  ///
  /// - Throws: ``AdapterError`` with all that cannot be said there.
  static func contents(
    of adapter: any TrainableAdapter, subject: String, model: LanguageModel
  ) throws -> AdapterContents {
    guard model.architecture == "llama" else {
      throw AdapterError(
        subject, problem: "adapters places its modules otherwise on \(model.architecture)")
    }
    var contents: AdapterContents
    switch adapter {
    case let lora as LoRA: contents = try self.contents(of: lora, subject: subject, model: model)
    case let ia3 as IA3: contents = try self.contents(of: ia3, subject: subject, model: model)
    case let prefix as PrefixTuning:
      contents = try self.contents(of: prefix, subject: subject, model: model)
    case is Bottleneck: return try adapter.folder()
    default:
      throw AdapterError(
        subject, problem: "is \(adapter.methodName), which has no form in adapters",
        advice: "bottleneck, ia3, lora and prefix_tuning have")
    }
    contents.kind = .adapterHub
    return contents
  }
}
