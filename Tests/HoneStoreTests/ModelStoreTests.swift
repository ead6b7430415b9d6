import Foundation
import HoneModels
import Testing

@testable import HoneStore

@Suite struct ModelStoreTests {
  private func message(_ text: String, _ environment: [String: String] = [:]) async -> String {
    do {
      let model = try await ModelStore(environment: environment)
        .locate(ModelReference(parsing: text))
      return "\(model)"
    } catch {
      return "\(error)"
    }
  }

  @Test func `folders and GGUF files are taken as they are`() async throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "m.GGUF")
    #expect(
      await message(folder.path) == """
        \(folder.path): holds no model; a model's folder has config.json and model.safetensors or \
        its index
        """)
    try folder.write([1], to: "tokenizer.json")
    let store = ModelStore(environment: [:])
    #expect(
      try await store.locate(.path(folder.path)) == LocalModel(path: folder.path, layout: .folder))
    #expect(
      try await store.locate(.path("\(folder.path)/m.GGUF"))
        == LocalModel(path: "\(folder.path)/m.GGUF", layout: .gguf))
  }

  @Test func `another file is refused, with the way that it would do`() async throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "model.safetensors")
    #expect(
      await message("\(folder.path)/model.safetensors") == """
        \(folder.path)/model.safetensors: is neither a folder nor a .gguf file; give the folder \
        that holds it, with its config.json
        """)
  }

  @Test(arguments: [
    ("smollm-135m", "did you mean smollm2-135m?"),
    ("gemma-3-270", "did you mean gemma-3-270m?"),
    ("someone/something", "a model of the hub is written hf:someone/something"),
    (
      "nothing",
      """
      give a folder, a .gguf file, hf:owner/name, pip:package==version or one of smollm2-135m, \
      gemma-3-270m, qwen2.5-coder-0.5b
      """
    ),
  ]) func `a missing file brings the nearest sense of its name`(
    text: String, advice: String
  ) async {
    #expect(await message(text) == "\(text): there is no such file or folder; \(advice)")
  }

  @Test func `without any place for a cache the variable is named`() async {
    #expect(
      await message("pip:a==1") == """
        cache: neither HONE_CACHE nor XDG_CACHE_HOME nor HOME is set; set HONE_CACHE to a folder
        """)
  }

  @Test func `caches stand where the variables say`() throws {
    let path = { try ModelStore.cacheFolder(environment: $0) }
    #expect(try path(["HONE_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"]) == "/c")
    #expect(try path(["XDG_CACHE_HOME": "/x", "HOME": "/h"]) == "/x/hone")
    #expect(try path(["XDG_CACHE_HOME": "relative", "HOME": "/h"]) == "/h/.cache/hone")
    let hub = { try ModelStore.hubCacheFolder(environment: $0) }
    #expect(try hub(["HF_HUB_CACHE": "/c", "HF_HOME": "/f"]) == "/c")
    #expect(try hub(["HF_HOME": "/f", "XDG_CACHE_HOME": "/x"]) == "/f/hub")
    #expect(try hub(["XDG_CACHE_HOME": "/x", "HOME": "/h"]) == "/x/huggingface/hub")
    #expect(try hub(["HOME": "/h"]) == "/h/.cache/huggingface/hub")
  }

  @Test(arguments: [
    (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (98_362_432, "98.4 MB"),
    (253_113_024, "253 MB"), (999_600_000, "1.0 GB"), (5_000_000_000_000, "5.0 TB"),
  ]) func `sizes are given in three digits`(count: Int, expected: String) {
    #expect(count.asBytes == expected)
  }
}
