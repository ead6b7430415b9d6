import Testing

@testable import HoneTensors

@Suite struct TapeTests {
  /// A small network: norm, gate and up with updates, gated unit, residual; its loss's gradients.
  private func gradients(
    keeping: Tape.Keeping = .whole, recomputing: Bool = false, training: Int = 4, threads: Int = 2
  ) -> (output: [Float], gradients: [[Float]?], recorded: Int) {
    let engine = Engine(threads: threads, compute: .f32)
    func tensor(_ rows: Int, _ columns: Int, _ name: String) -> Tensor {
      engine.tensor([rows, columns], Matrix.random(rows, columns, name).floats)
    }
    let table = tensor(24, 24, "table")
    let weight = Weight(
      rows: 24, columns: 24, format: .f32,
      bytes: UnsafeRawBufferPointer(start: table.pointer, count: table.byteCount), owner: table)
    let norm = tensor(1, 24, "norm")
    let input = tensor(9, 24, "x")
    let parameters = (0..<4).map {
      $0 % 2 == 0 ? tensor(3, 24, "p\($0)") : tensor(24, 3, "p\($0)")
    }
    for parameter in parameters.suffix(training) { parameter.needsGradient = true }
    func block(_ down: Tensor, _ up: Tensor, _ stream: Tensor, _ pass: Pass) -> Tensor {
      let normalised = rmsNormalized(stream, weight: norm, epsilon: 1e-5, in: pass)
      let dropped = dropped(normalised, probability: 0.1, place: 1, in: pass)
      let outputs = projected(
        normalised, through: [weight, weight],
        lowRank: [LowRank(down: down, up: up, scale: 1, input: dropped), nil], in: pass)
      return added(stream, gatedUnit(gate: outputs[0], up: outputs[1], in: pass), in: pass)
    }
    let tape = Tape(keeping: keeping)
    let pass = Pass(
      engine, tape: tape, random: RandomSource(seed: 3, purpose: "dropout"))
    var stream = input
    for layer in 0..<2 {
      let run = { block(parameters[layer * 2], parameters[layer * 2 + 1], $0, $1) }
      stream = recomputing ? recomputed(stream, in: pass, run) : run(stream, pass)
    }
    let recorded = tape.count
    let found = tape.gradients(
      of: stream, seed: tensor(9, 24, "seed"), in: engine)
    return (stream.values, parameters.map { found[$0]?.values }, recorded)
  }

  @Test func `threads change no bit`() {
    let one = gradients(threads: 1)
    for threads in [2, 3] {
      let other = gradients(threads: threads)
      #expect(one.output == other.output)
      #expect(one.gradients == other.gradients)
    }
  }

  @Test func `blocks that run again give the same bits`() {
    let plain = gradients()
    let again = gradients(recomputing: true)
    #expect(plain.gradients.allSatisfy { $0 != nil })
    #expect(plain.output == again.output)
    #expect(plain.gradients == again.gradients)
    #expect(again.recorded == 2)
  }

  @Test func `half the memory costs little exactness`() throws {
    let plain = gradients()
    let compact = gradients(keeping: .compact)
    #expect(plain.output == compact.output)
    for (expected, found) in zip(plain.gradients, compact.gradients) {
      let (expected, found) = (try #require(expected), try #require(found))
      let size = expected.map(abs).max() ?? 0
      for (a, b) in zip(expected, found) { #expect(abs(a - b) <= 2e-3 * size) }
      #expect(expected != found, "nothing was compacted")
    }
  }

  @Test func `nothing below the first trained layer is recorded`() {
    let all = gradients()
    let last = gradients(training: 2)
    #expect(last.gradients[0] == nil && last.gradients[1] == nil)
    #expect(last.gradients[2] == all.gradients[2])
    #expect(last.recorded < all.recorded)
    #expect(gradients(training: 0).recorded == 0)
    #expect(gradients(recomputing: true, training: 2).recorded == 1)
  }
}
