import HoneFormats
import HoneTensors
import Testing

@testable import HoneModels

/// What a short convolution sees: its own sequence, as far back as it goes.
@Suite struct ShortConvolutionTests {
  private let engine = Engine(threads: 2, compute: .f32)

  private func model(_ name: String) throws -> LanguageModel {
    try LanguageModel(folder: fixture("families/\(name)"), engine: engine)
  }

  private func logits(
    _ batch: TokenBatch, _ model: LanguageModel, cache: KeyValueCache? = nil
  ) -> [Float] {
    let pass = Pass(engine)
    return model.decoder.logits(
      model.decoder.hiddenStates(batch, adapter: NoAdapter(), cache: cache, in: pass),
      adapter: NoAdapter(), in: pass
    ).values
  }

  private func isClose(_ one: some Sequence<Float>, _ other: some Sequence<Float>) -> Bool {
    let (one, other) = (Array(one), Array(other))
    return one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 }
  }

  private let ids = (0..<20).map { Int32($0 * 7 % 200) }

  @Test(arguments: ["lfm2", "lfm2-biased"], [1, 2, 12])
  func `a shared prefix, and what slots hold of their own, are seen`(
    name: String, prefix: Int
  ) throws {
    let model = try model(name)
    let width = model.spec.vocabularySize
    let cache = KeyValueCache(
      for: model.spec, sequences: 2, sequenceCapacity: 20, prefixCapacity: prefix, compute: .f32)
    _ = logits(TokenBatch([Array(ids[..<prefix])]), model, cache: cache)
    cache.sharePrefix()
    let others: [Int32] = [9, 8, 7, 6, 5, 4]
    // The slots differ in length, so that each must look at its own end.
    let first = Array(ids[prefix..<prefix + 3])
    _ = logits(
      TokenBatch(ids: others, sequences: [.init(rows: 0..<6, slot: 1)]), model, cache: cache)
    _ = logits(
      TokenBatch(ids: first, sequences: [.init(rows: 0..<3, slot: 0)]), model, cache: cache)
    let found = logits(
      TokenBatch(
        ids: [ids[prefix + 3], 3],
        sequences: [
          .init(rows: 0..<1, position: 3, slot: 0), .init(rows: 1..<2, position: 6, slot: 1),
        ]), model, cache: cache)
    let one = logits(TokenBatch([Array(ids[..<(prefix + 4)])]), model)
    let other = logits(TokenBatch([Array(ids[..<prefix]) + others + [3]]), model)
    #expect(isClose(found, one.suffix(width) + other.suffix(width)))
  }

  @Test func `a sequence that was cut goes on as if it had ended there`() throws {
    let model = try model("lfm2")
    let cache = KeyValueCache(for: model.spec, sequenceCapacity: 20, compute: .f32)
    _ = logits(TokenBatch([ids]), model, cache: cache)
    cache.truncate(0, to: 5)
    let found = logits(
      TokenBatch(ids: [1, 2, 3], sequences: [.init(rows: 0..<3, position: 5)]), model,
      cache: cache)
    let whole = logits(TokenBatch([Array(ids[..<5]) + [1, 2, 3]]), model)
    #expect(isClose(found, whole.suffix(found.count)))
  }

  @Test(arguments: [1, 2, 5]) func `continuations see the end of their beginning`(
    length: Int
  ) throws {
    let model = try model("lfm2")
    let (beginning, continuations) = (Array(ids[..<length]), [[4, 5, 6], [7], [8, 9] as [Int32]])
    let found = logits(TokenBatch([(beginning, continuations)]), model)
    var expected = logits(TokenBatch([beginning]), model)
    for continuation in continuations {
      let whole = logits(TokenBatch([beginning + continuation]), model)
      expected += whole.suffix(continuation.count * model.spec.vocabularySize)
    }
    #expect(isClose(found, expected))
  }

  @Test func `the cache holds what the convolution sees in the keys' place`() throws {
    let spec = try model("lfm2").spec
    let cache = KeyValueCache(for: spec, sequenceCapacity: 10, compute: .f32)
    // Two blocks convolve over the hidden width, one has keys and values of two heads of 6.
    #expect(cache.byteCount == 10 * 4 * (2 * 24 + 2 * 12))
  }
}
