import Foundation
import HoneFormats
import Testing

@testable import HoneText

/// Prints how fast tokenizers load and encode; asserts nothing about time.
///
/// Runs when HONE_BENCHMARK_TEXT names a text file. HONE_BENCHMARK_TOKENIZERS may list folders and
/// GGUF files, separated by colons, to be measured besides SmolLM2.
@Suite(.serialized, .enabled(if: benchmarkText != nil)) struct TokenizerSpeedTests {
  static let paths: [String] =
    [TokenizerFixtures.smollm2?.path].compactMap(\.self)
    + (ProcessInfo.processInfo.environment["HONE_BENCHMARK_TOKENIZERS"] ?? "")
    .split(separator: ":").map(String.init)

  static func open(_ path: String) throws -> Tokenizer {
    path.hasSuffix(".gguf")
      ? try Tokenizer(gguf: try GGUFFile(path: path)) : try Tokenizer(folder: path)
  }

  static func median(of count: Int, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    var times: [Double] = []
    for _ in 0..<count { times.append(try clock.measure(body) / .seconds(1)) }
    return times.sorted()[count / 2]
  }

  @Test(arguments: paths) func speed(path: String) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: benchmarkText!)))
    let loading = try Self.median(of: 7) { _ = try Self.open(path) }
    let tokenizer = try Self.open(path)
    let clock = ContinuousClock()
    let cold = clock.measure { _ = tokenizer.encode(Array(bytes.prefix(20_000))) } / .seconds(1)
    var count = 0
    let encoding = Self.median(of: 7) { count = tokenizer.encode(bytes).count }
    let ids = tokenizer.encode(bytes)
    let decoding = Self.median(of: 3) { _ = tokenizer.decodedBytes(ids) }
    func number(_ value: Double) -> String { String(format: "%.2f", value) }
    print(
      """
      \(path): load \(number(loading * 1000)) ms, first 20 kB \(number(cold * 1000)) ms, \
      encode \(number(Double(count) / encoding / 1e6)) M tokens/s \
      (\(number(Double(bytes.count) / encoding / 1e6)) MB/s, \
      \(number(Double(bytes.count) / Double(count))) bytes a token), \
      decode \(number(Double(count) / decoding / 1e6)) M tokens/s
      """)
  }
}

private let benchmarkText = ProcessInfo.processInfo.environment["HONE_BENCHMARK_TEXT"]
