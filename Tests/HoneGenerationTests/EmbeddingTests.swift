import HoneModels
import HoneTensors
import Testing

@testable import HoneGeneration

@Suite struct EmbeddingTests {
  @Test func `an embedding is the mean of the text's own states, the same bits on any threads`()
    throws
  {
    let (prefix, text) = (TinyModels.ids(2, from: 50), TinyModels.ids(9))
    var found: [[Float]] = []
    for threads in [1, 2] {
      let engine = Engine(threads: threads)
      let model = try TinyModels.load("gguf/tied-q8_0.gguf", engine: engine)
      let embedding = try Generator(model, engine: engine).embedding(of: text, after: prefix)
      let hidden = model.decoder.hiddenStates(
        TokenBatch([prefix + text]), adapter: NoAdapter(), in: Pass(engine))
      let (states, width) = (hidden.values, hidden.shape[1])
      #expect(embedding.count == width)
      for column in embedding.indices {
        var sum: Float = 0
        for row in prefix.count..<hidden.shape[0] { sum += states[row * width + column] }
        #expect(abs(embedding[column] - sum / Float(text.count)) < 1e-5)
      }
      found.append(embedding)
    }
    #expect(found[0] == found[1])
  }

  @Test func `a text that is empty or too long is refused`() throws {
    let engine = Engine(threads: 1)
    let model = try TinyModels.load("tied", engine: engine)
    let generator = Generator(model, engine: engine)
    let context = model.spec.contextLength
    #expect(throws: GenerationError(problem: "the text is empty")) {
      try generator.embedding(of: [], after: TinyModels.ids(1))
    }
    #expect(throws: GenerationError.self) {
      try generator.embedding(of: TinyModels.ids(context), after: TinyModels.ids(1))
    }
  }
}
