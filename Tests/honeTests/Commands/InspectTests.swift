import Foundation
import HoneFormats
import Testing

@Suite struct InspectTests {
  @Test(arguments: ["tied", "sharded", "rope-scaled", "gguf/tied-f32.gguf"])
  func `a model's files are summed up in tables`(name: String) throws {
    let outcome = try Program.run(["inspect", PackageFiles.tinyModel(name)])
    #expect(outcome.code == 0)
    #expect(outcome.error == "")
    try Snapshot.expect(
      outcome.output.replacingOccurrences(of: PackageFiles.root, with: "ROOT"),
      "inspect-\(name.replacingOccurrences(of: "/", with: "-"))")
  }

  @Test func `as JSON the sums agree with the file`() throws {
    let outcome = try Program.run(
      ["inspect", "--json", PackageFiles.tinyModel("tied") + "/model.safetensors"])
    let json = try JSONParser.parse(outcome.output)
    let storage = try #require(json["storage"]?.array)
    #expect(storage.count == 1)
    #expect(storage[0]["type"] == .string("F32"))
    #expect(storage[0]["bytes"]?.integer == 4 * (json["parameters"]?.integer ?? 0))
    #expect(json["runs"] == .bool(false))
  }

  @Test func `each tensor's type is listed, and a mixture's experts are counted`() throws {
    for path in ["mixtral", "mixtral/model.gguf"] {
      let model = "\(PackageFiles.root)/Tests/HoneModelsTests/Fixtures/families/\(path)"
      let page = try Program.run(["inspect", model])
      #expect(page.output.contains(", 4 experts, 2 a token\n"), "\(page.output)")
      let json = try JSONParser.parse(Program.run(["inspect", "--json", model]).output)
      #expect(json["experts"]?.integer == 4 && json["experts_used"]?.integer == 2)
      let tensors = try #require(json["tensors"]?.array)
      let parameters = tensors.reduce(0) { sum, tensor in
        let size = tensor["shape"]?.array?.reduce(1) { $0 * ($1.integer ?? 0) } ?? 0
        return sum + size * (tensor["count"]?.integer ?? 0)
      }
      #expect(parameters == json["parameters"]?.integer)
      let layers = tensors.filter {
        $0["name"]?.string?.contains("attn_q.w") == true
          || $0["name"]?.string?.contains("q_proj.w") == true
      }
      #expect(layers.map { $0["layers"] } == [.array([.integer(0), .integer(1)])])
    }
  }

  @Test func `a folder without a model and a damaged file are errors`() throws {
    let folder = try TemporaryFolder()
    let empty = try Program.run(["inspect", folder.path])
    #expect(empty.code == 1)
    #expect(
      empty.error == """
        error: \(folder.path): holds no model; a model's folder has config.json and \
        model.safetensors or its index

        """)
    let damaged = try Program.run(["inspect", try folder.write("GGUF\u{3}", to: "cut.gguf")])
    #expect(damaged.code == 1)
    #expect(damaged.error.hasPrefix("error: \(folder.path)/cut.gguf: "))
  }

  @Test func `data is counted, and what is learned is marked`() throws {
    let folder = try TemporaryFolder()
    let line = #"{"prompt": "2 + 2 =", "completion": " 4"}"#
    _ = try folder.write(line + "\n", to: "valid.jsonl")
    let file = try folder.write(line + "\n" + line + "\n", to: "train.jsonl")
    let model = PackageFiles.tinyModel("tied")
    let outcome = try Program.run(["inspect", folder.path, "--model", model, "--examples", "1"])
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("format      prompt_completion"))
    #expect(outcome.output.contains("duplicates  1"))
    #expect(outcome.output.contains("valid       1 examples, 1 of them also trained on"))
    #expect(outcome.output.contains("2 + 2 =⟦ 4<|im_end|>⟧"))

    let json = try Program.run(["inspect", file, "--model", model, "--json"])
    #expect(try JSONParser.parse(json.output)["examples"]?.integer == 2)

    let bad = try folder.write("{\"text\": 3}\n", to: "bad.jsonl")
    let refused = try Program.run(["inspect", bad, "--model", model])
    #expect(refused.code == 1)
    #expect(refused.error == "error: \(bad): line 1: \"text\" is not text\n")
  }

  @Test func `pairs are counted on either side, and what is held out is compared`() throws {
    let folder = try TemporaryFolder()
    let line = #"{"prompt": "2 + 2 =", "chosen": " 4", "rejected": " five"}"#
    let other = #"{"prompt": "3 + 3 =", "chosen": " 6", "rejected": " six"}"#
    _ = try folder.write(line + "\n" + other + "\n", to: "valid.jsonl")
    _ = try folder.write(line + "\n" + line + "\n", to: "train.jsonl")
    let model = PackageFiles.tinyModel("tied")
    let outcome = try Program.run(["inspect", folder.path, "--model", model, "--examples", "1"])
    #expect(outcome.code == 0 && outcome.error == "")
    #expect(outcome.output.contains("format      preference\n"))
    #expect(outcome.output.contains("pairs       2\n"))
    #expect(
      outcome.output.contains("by length   chosen longer 0, shorter 2, equal 0: tells 100.0 %\n"))
    #expect(outcome.output.contains("valid       2 pairs, 1 of their prompts also trained on\n"))
    #expect(outcome.output.contains("note: 1 pairs are repeated\n"))
    #expect(
      outcome.output.contains(
        """
        line 1: 7 tokens of prompt, 3 chosen, 6 rejected
        2 + 2 =
        chosen:   ⟦ 4<|im_end|>⟧
        rejected: ⟦ five<|im_end|>⟧

        """))

    let json = try JSONParser.parse(
      Program.run(["inspect", folder.path, "--model", model, "--json"]).output)
    #expect(json["pairs"]?.integer == 2 && json["duplicates"]?.integer == 1)
    #expect(json["valid"]?["prompts_also_trained"]?.integer == 1)
    #expect(json["fault"]?.isNull == true)
  }

  @Test func `answers with labels are told from examples by the label`() throws {
    let folder = try TemporaryFolder()
    let model = PackageFiles.tinyModel("tied")
    let file = try folder.write(
      """
      {"prompt": "2 + 2 =", "completion": " 4", "label": true}
      {"prompt": "2 + 2 =", "completion": " 5", "label": false}
      """, to: "labels.jsonl")
    let found = try Program.run(["inspect", file, "--model", model])
    #expect(found.code == 0 && found.output.contains("answers     2, 1 of them desirable\n"))
    #expect(found.output.contains("undesirable\n2 + 2 =⟦ 5<|im_end|>⟧"))
    let named = try Program.run(
      ["inspect", file, "--model", model, "--format", "prompt_completion"])
    #expect(named.code == 0 && named.output.contains("format      prompt_completion\n"))
    let other = try folder.write(
      #"{"prompt": "2 + 2 =", "completion": " 4", "label": "sums"}"#, to: "sums.jsonl")
    let example = try Program.run(["inspect", other, "--model", model])
    #expect(example.code == 0 && example.output.contains("format      prompt_completion\n"))
  }

  @Test func `preferences that cannot be learned from are an error behind the counts`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      #"{"prompt": "a", "chosen": "b", "rejected": "b"}"#, to: "pairs.jsonl")
    let outcome = try Program.run(
      ["inspect", file, "--model", PackageFiles.tinyModel("tied")])
    #expect(outcome.code == 1)
    #expect(outcome.output.contains("left out    1\n"))
    #expect(outcome.output.contains("note: 1 left out: equal sides (line 1)\n"))
    #expect(outcome.error.contains("1 of 1 pairs cannot be learned from"))
  }
}
