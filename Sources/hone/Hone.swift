import HoneModels
import HoneTensors

@main
struct Hone {
  static func main() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let clock = ContinuousClock()
    var start = clock.now
    let model = try LanguageModel(gguf: CommandLine.arguments[1], engine: engine)
    print("load", clock.now - start)
    let ids = CommandLine.arguments[2].split(separator: ",").map { Int32($0)! }
    start = clock.now
    let pass = Pass(engine)
    let hidden = model.decoder.hiddenStates(TokenBatch([ids]), adapter: NoAdapter(), in: pass)
    let lp = model.decoder.logProbabilities(
      of: Array(ids.dropFirst()), after: hidden.rows(0..<ids.count - 1), adapter: NoAdapter(),
      in: pass)
    print("score", clock.now - start)
    print(lp)
    for _ in 0..<3 {
      let ids512 = (0..<512).map { _ in Int32.random(in: 0..<49000) }
      start = clock.now
      _ = model.decoder.hiddenStates(TokenBatch([ids512]), adapter: NoAdapter(), in: pass)
      print("prefill512", clock.now - start)
    }
    let cache = KeyValueCache(for: model.spec, sequenceCapacity: 200, compute: .auto)
    var out: [Int32] = []
    var batch = TokenBatch([ids])
    for step in 0..<64 {
      if step == 1 { start = clock.now }
      let hidden = model.decoder.hiddenStates(
        batch, adapter: NoAdapter(), cache: cache, in: pass)
      let last = hidden.shape[0] - 1
      let logits = model.decoder.logits(
        hidden.rows(last..<last + 1), adapter: NoAdapter(), in: pass
      ).values
      let best = logits.indices.max { logits[$0] < logits[$1] }!
      out.append(Int32(best))
      batch = TokenBatch(
        ids: [Int32(best)], sequences: [.init(rows: 0..<1, position: cache.counts[0])])
    }
    print("decode 63", clock.now - start, out)
  }
}
