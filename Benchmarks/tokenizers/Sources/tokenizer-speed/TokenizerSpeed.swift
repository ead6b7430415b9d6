import Foundation
import HoneFormats
import HoneText

/// Prints how fast tokenizers load, encode and decode, on one core:
/// `tokenizer-speed TEXT FIXTURES [MODEL...]`.
///
/// Each MODEL is a GGUF file or a folder. FIXTURES is the folder `tokenizer-kinds` of HoneText's
/// tests: its small tokenizers are measured too, and a byte-level GGUF's vocabulary with each
/// pre-tokeniser there.
@main
struct TokenizerSpeed {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count >= 2 else {
      print("usage: tokenizer-speed TEXT FIXTURES [MODEL...]")
      exit(2)
    }
    let text = [UInt8](try Data(contentsOf: URL(filePath: arguments[1])))
    func fixture(_ name: String) throws -> JSONValue {
      try JSONParser.parse(contentsOf: MappedFile(path: "\(arguments[2])/\(name)"))
    }
    let preTokenizers = try fixture("pre-tokenizers.json")
    for path in arguments.dropFirst(2) {
      guard path.hasSuffix(".gguf") else {
        try measure(path, text) { try Tokenizer(folder: path) }
        continue
      }
      let file = try GGUFFile(path: path)
      try measure(path, text) { try Tokenizer(gguf: file) }
      guard try file.metadata.string("tokenizer.ggml.model") == "gpt2" else { continue }
      guard var json = try TokenizerFiles(gguf: file, contextLength: 0).tokenizer.object else {
        continue
      }
      for entry in preTokenizers.array ?? [] {
        for key in ["normalizer", "pre_tokenizer"] { json[key] = entry["tokenizer"]?[key] }
        let bytes = JSONValue.object(json).bytes(.compact)
        try measure("  with \(entry["name"]?.string ?? "?")", text) {
          try bytes.withUnsafeBytes { try Tokenizer(json: $0, file: path) }
        }
      }
    }
    for entry in try fixture("kinds.json").array ?? [] {
      guard let name = entry["name"]?.string, var json = entry["tokenizer"]?.object,
        let modelFile = entry["model"]?.string, var model = try fixture(modelFile).object
      else { continue }
      for (key, value) in entry["options"]?.object ?? JSONObject() { model[key] = value }
      json["model"] = .object(model)
      let bytes = JSONValue.object(json).bytes(.compact)
      try measure("small \(name)", text) {
        try bytes.withUnsafeBytes { try Tokenizer(json: $0, file: name) }
      }
    }
  }

  static func measure(_ name: String, _ text: [UInt8], _ open: () throws -> Tokenizer) throws {
    let loading = try median(of: 3) { _ = try open() }
    let tokenizer = try open()
    var ids = tokenizer.encode(text)
    let encoding = median(of: 7) { ids = tokenizer.encode(text) }
    let decoding = median(of: 3) { _ = tokenizer.decodedBytes(ids) }
    func number(_ value: Double) -> String { String(format: "%.2f", value) }
    print(
      """
      \(name): load \(number(loading * 1000)) ms, encode \(number(Double(ids.count) / encoding / 1e6)) \
      M tokens/s (\(number(Double(text.count) / encoding / 1e6)) MB/s), \
      decode \(number(Double(ids.count) / decoding / 1e6)) M tokens/s
      """)
  }

  static func median(of count: Int, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    var times: [Double] = []
    for _ in 0..<count { times.append(try clock.measure(body) / .seconds(1)) }
    return times.sorted()[count / 2]
  }
}
