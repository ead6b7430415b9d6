import Testing

@testable import HoneRecipes

@Suite struct RecipeErrorTests {
  private func message(_ text: String) -> String {
    do {
      _ = try Recipe(parsing: text, file: "acme.yaml", folder: "/desk")
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func `all faults are told at once, each with its place`() {
    let text = """
      modle: smollm2-135m
      method:
        lora: {rank: 0, alpa: 32, dropout: lots}
      data:
        train: [a, b]
        max_tokens: 1.5
      training:
        epochs: 2
        steps: 10
        learning_rate: -1
        schedule: cosin
        warmup: 2.5
        early_stopping: 3
        seed:
      output: 7
      """
    #expect(
      message(text) == """
        acme.yaml has 14 faults:
          acme.yaml:1:1: modle is not a key of a recipe; did you mean model?
          acme.yaml:1:1: model is not set; name the model to customise
          acme.yaml:3:16: method.lora.rank is 0, expected an integer from 1 to 65536
          acme.yaml:3:19: method.lora.alpa is not a key of method.lora; did you mean alpha?
          acme.yaml:3:38: method.lora.dropout is "lots", expected a number from 0 to 0.99
          acme.yaml:5:10: data.train is ["a", "b"], expected a path, or none
          acme.yaml:6:15: data.max_tokens is 1.5, expected an integer from 2 to 1048576
          acme.yaml:9:10: training.steps stands beside training.epochs; keep one
          acme.yaml:10:18: training.learning_rate is -1, expected a number from 1e-12 to 10, or none
          acme.yaml:11:13: training.schedule is "cosin", expected one of constant, linear, cosine; \
        did you mean cosine?
          acme.yaml:12:11: training.warmup is 2.5, expected a share below 1 or a whole number of steps
          acme.yaml:13:19: training.early_stopping needs held-out data; set data.valid
          acme.yaml:14:8: training.seed is empty, expected an integer from 0 on
          acme.yaml:15:9: output is 7, expected a path, or none
        """)
  }

  @Test(arguments: [
    ("", "acme.yaml has 3 faults"),
    ("- a\n- b", "acme.yaml:1:1: is not a recipe; see `hone recipes show lora`"),
    ("lora", "acme.yaml:1:1: is not a recipe; see `hone recipes show lora`"),
    ("a: 1\nb: 2\na: 3", "acme.yaml:1:1: has \"a\" twice in one place; keep one"),
    ("a: {b: 1, \"b\": 2}", "acme.yaml:1:5: has \"b\" twice in one place; keep one"),
    ("a: [1", "acme.yaml:2:1: is not YAML: while parsing a flow sequence"),
    ("a:\n\tb: 1", "acme.yaml:2:1: is not YAML: while scanning for the next token"),
    ("a: 1\n---\nb: 2", "acme.yaml:2:1: is not YAML: expected a single document"),
    ("a: &x 1", "acme.yaml:1:4: has an anchor or alias, which recipes do not know"),
    ("a: *x", "acme.yaml:1:4: is not YAML: found undefined alias"),
    ("a: !!int \"7\"", "acme.yaml:1:4: has a tag, which recipes do not know; leave out the tag"),
    ("[a]: 1", "acme.yaml:1:1: has a list or a mapping for a key; a key is a name"),
    ("a: \u{1}", "acme.yaml:1:1: is not YAML: control characters are not allowed"),
  ]) func `what is no recipe is told with its line`(text: String, expected: String) {
    #expect(message(text).hasPrefix(expected), "\(message(text))")
  }

  @Test(arguments: [
    ("method: dora2", "acme.yaml:1:9: method has \"dora2\", which is no method"),
    ("method: {lora: {}, ia3: {}}", "acme.yaml:1:9: method is more than one: lora, ia3"),
    ("method: [lora]", "acme.yaml:1:9: method is not a method; name one of lora"),
    ("method: {lora: 7}", "acme.yaml:1:16: method.lora is 7, expected keys and values"),
  ]) func `a method that is none names those that are`(text: String, expected: String) {
    let message = message("\(text)\nmodel: smollm2-135m\ndata: {train: t}")
    #expect(message.hasPrefix(expected), "\(message)")
  }

  @Test(arguments: [
    ("epochs: 2\n  steps: 10", "acme.yaml:6:10: training.steps stands beside training.epochs"),
    ("warmup: 2.5", "acme.yaml:5:11: training.warmup is 2.5, expected a share below 1 or a whole"),
    ("memory: yes", "acme.yaml:5:11: training.memory is \"yes\", expected one of fast, saving"),
    (
      "learning_rate: .inf", "acme.yaml:5:18: training.learning_rate is \".inf\", expected a number"
    ),
    ("learning_rate: 1e999", "acme.yaml:5:18: training.learning_rate is \"1e999\", expected"),
    ("seed: 99999999999999999999", "acme.yaml:5:9: training.seed is 1e+20, expected an integer"),
    ("\"a\\eb\": 1", "acme.yaml:5:3: training.\"a\\u{1b}b\" is not a key of training"),
  ]) func `values that cannot be are told`(training: String, expected: String) {
    let message = message(RecipeTests.least + "training:\n  \(training)")
    #expect(message.hasPrefix(expected), "\(message)")
  }

  @Test func `a flag in an older spelling gets the newer one`() {
    let message = message(
      "model: smollm2-135m\nmethod: lora\ndata: {train: t.jsonl, packing: No}")
    #expect(
      message == """
        acme.yaml:3:33: data.packing is "No", expected true or false; write false
        """)
  }

  @Test func `a model that is no reference is told with its line`() {
    let message = message("method: lora\nmodel: hf:x/y/z@main\ndata: {train: t.jsonl}")
    #expect(message.hasPrefix("acme.yaml:2:8: model is no reference: "), "\(message)")
  }
}
