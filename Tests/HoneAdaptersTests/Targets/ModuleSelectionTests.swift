import HoneFormats
import HoneModels
import Testing

@testable import HoneAdapters

@Suite struct ModuleSelectionTests {
  private let spec = DecoderSpec(
    vocabularySize: 100, hiddenSize: 32, intermediateSize: 64, layerCount: 12, headCount: 4,
    keyValueHeadCount: 2, headDimension: 8, normEpsilon: 1e-5, contextLength: 64,
    rotary: RotarySpec(base: 10_000, dimension: 8), tiesHead: true)

  private func paths(
    _ targets: SettingValues.Names, excluding excluded: SettingValues.Names? = nil,
    layers: [Int]? = nil, layersPattern: [String] = [], saved: [String] = []
  ) throws -> [String] {
    try ModuleSelection(
      targets, excluding: excluded, layers: layers, layersPattern: layersPattern, saved: saved,
      of: "lora"
    ).sites(of: spec).map(\.path)
  }

  private func error(_ targets: SettingValues.Names, layers: [Int]? = nil) -> String {
    do { return "\(try paths(targets, layers: layers))" } catch { return "\(error)" }
  }

  @Test func `a list chooses by the ends of paths`() throws {
    #expect(try paths(.list(["q_proj"])).count == 12)
    #expect(try paths(.list(["self_attn.q_proj", "lm_head"])).last == "lm_head")
    #expect(try paths(.list(["layers.1.mlp.up_proj"])) == ["model.layers.1.mlp.up_proj"])
    // Only whole parts of a path count: 11 does not end with 1.
    #expect(try paths(.list(["1.mlp.up_proj"])) == ["model.layers.1.mlp.up_proj"])
    #expect(throws: AdapterError.self) { try paths(.list(["_proj"])) }
  }

  @Test func `a string is an expression for whole paths`() throws {
    #expect(try paths(.one(#".*\.(q|k)_proj"#)).count == 24)
    #expect(try paths(.one(#"model\.layers\.(?:[0-9])\.mlp\..+"#)).count == 30)
    #expect(try paths(.one(#"(?!.*gate).*_proj"#)).count == 72)
    #expect(error(.one("q_proj")).contains("nothing of the network is chosen"))
  }

  @Test func `all-linear is every projection but the head`() throws {
    let all = try paths(.one("All-Linear"))
    #expect(all.count == 84)
    #expect(!all.contains("lm_head") && !all.contains("model.embed_tokens"))
  }

  @Test func `what is excluded, saved whole or in other layers is left out`() throws {
    #expect(
      try paths(.one("all-linear"), excluding: .list(["q_proj", "3.mlp.up_proj"])).count == 71)
    #expect(try paths(.one("all-linear"), excluding: .one(#".*layers\.1\d?\..*"#)).count == 63)
    #expect(try paths(.one("all-linear"), saved: ["mlp"]).count == 48)
    #expect(try paths(.list(["v_proj"]), layers: [0, 11]).count == 2)
    #expect(
      try paths(.list(["v_proj", "lm_head"]), layers: [2], layersPattern: ["layers"]).count == 1)
    #expect(throws: AdapterError.self) {
      try paths(.list(["v_proj"]), layers: [2], layersPattern: ["blocks"])
    }
  }

  @Test func `what chooses nothing is named, with the nearest that there is`() {
    let names =
      "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, embed_tokens, lm_head"
    #expect(
      error(.list(["q_porj", "qkv", "o_proj"])) == """
        lora: 2 faults:
          target_modules: nothing is called q_porj; did you mean q_proj?
          target_modules: nothing is called qkv; the network has \(names)
        """)
    #expect(
      error(.list(["q_proj"]), layers: [1, 12, 40]) == """
        lora: 2 faults:
          layers_to_transform: there is no layer 12, the last is 11
          layers_to_transform: there is no layer 40, the last is 11; the network has \(names)
        """)
    #expect(
      error(.one(".*q_proj"), layers: [1]) == """
        lora: layers_to_transform: needs target_modules to be a list; list the modules, or choose \
        the layers in the regular expression
        """)
    for text in ["(q_proj", ".*(?<!gate)_proj"] {
      #expect(
        error(.one(text)).hasPrefix("lora: \(text): cannot be read as a regular expression"))
    }
  }

  @Test func `patterns give numbers to the ends of paths, the first that matches counts`() throws {
    let numbers = try NumbersByModule(
      [("layers.1.*", 3), ("q_proj", 2), ("^model.*down_proj", 5)], of: "lora")
    #expect(numbers.value(for: "model.layers.1.self_attn.q_proj") == 3)
    #expect(numbers.value(for: "model.layers.2.self_attn.q_proj") == 2)
    // As in peft, `^` meets only the path's beginning.
    #expect(numbers.value(for: "model.layers.2.mlp.down_proj") == 5)
    #expect(numbers.value(for: "model.layers.2.mlp.up_proj") == nil)
    // A dot is any character, and the whole last part must match.
    #expect(try NumbersByModule([("proj", 1)], of: "").value(for: "a.q_proj") == nil)
  }
}
