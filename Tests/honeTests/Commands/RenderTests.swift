import Foundation
import Testing

@Suite struct RenderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `a template is rendered as it is, without a newline behind it`() throws {
    let template = try folder.write(
      """
      {{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{{ eos_token }}{% endfor %}\
      {% if add_generation_prompt %}[assistant]{% endif %}{{ strftime_now("%d.%m.%Y") }}{{ mood }}
      """, to: "t.jinja")
    let messages = try folder.write(
      """
      {"messages": [{"role": "user", "content": "Hej \\u00e5"}], "add_generation_prompt": true,
       "bos_token": "<s>", "eos_token": "</s>", "now": "2024-07-26", "mood": "!"}
      """, to: "m.json")
    #expect(
      try Program.run(["render", "--template", template, "--messages", messages])
        == Program.Outcome(code: 0, output: "<s>[user] Hej å</s>[assistant]26.07.2024!", error: ""))
  }

  @Test(arguments: ["tied", "gguf/tied-f32.gguf"]) func `a model brings its template and tokens`(
    name: String
  ) throws {
    let messages = try folder.write(
      #"{"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": true}"#,
      to: "m.json")
    let outcome = try Program.run(
      ["render", "--model", PackageFiles.tinyModel(name), "--messages", messages])
    #expect(
      outcome
        == Program.Outcome(
          code: 0, output: "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", error: ""))
  }

  @Test func `what is wrong in the template or the conversation is told with its place`() throws {
    let good = try folder.write(#"{"messages": []}"#, to: "good.json")
    let cases = [
      ("{% if %}", good, "t.jinja: line 1"), ("{{ raise_exception('No!') }}", good, "No!"),
      ("x", try folder.write("{", to: "bad.json"), "bad.json"),
      ("x", try folder.write("{}", to: "none.json"), #"none.json: has no "messages""#),
      ("x", "\(folder.path)/missing.json", "cannot be opened: No such file or directory"),
    ]
    for (source, messages, expected) in cases {
      let template = try folder.write(source, to: "t.jinja")
      let outcome = try Program.run(["render", "--template", template, "--messages", messages])
      #expect(outcome.code == 1)
      #expect(outcome.output == "")
      #expect(outcome.error.contains(expected))
    }
  }

  @Test func `a template or a model must be given, and not both`() throws {
    for arguments in [[], ["--template", "a", "--model", "b"]] {
      let outcome = try Program.run(["render", "--messages", "m.json"] + arguments)
      #expect(outcome.code == 2)
      #expect(outcome.error.hasPrefix("error: Give either --template or --model."))
    }
  }
}
