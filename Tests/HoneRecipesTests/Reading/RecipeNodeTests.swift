import Foundation
import Testing

@testable import HoneRecipes

@Suite struct RecipeNodeTests {
  private func fault(_ text: String) throws -> String? {
    do {
      _ = try RecipeNode.parse(text, file: "a.yaml")
      return nil
    } catch let error as RecipeError { return error.description }
  }

  @Test func `aliases of aliases are refused before they are followed`() throws {
    var bomb = "a0: &a0 [x]\n"
    for level in 1...40 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    bomb += "? *a40\n: 1\n? *a40\n: 2\n"
    let start = Date()
    #expect(try fault(bomb)?.contains("has aliases, which recipes do not know") == true)
    #expect(Date().timeIntervalSince(start) < 1)
  }

  @Test func `few aliases are refused where they stand`() throws {
    #expect(
      try fault("a: &x [1]\nb: *x")
        == "a.yaml:1:4: has an anchor or alias, which recipes do not know; write the value out")
  }

  @Test func `asterisks that are no aliases are text`() throws {
    let lines = (0..<40).map { "  * point \($0), 2*a, \"*b\", **c**" }.joined(separator: "\n")
    #expect(try fault("a: |\n\(lines)\n") == nil)
  }

  @Test(arguments: ["[", "{a: ", "- ", "? "]) func `deep nesting neither crashes nor takes long`(
    opening: String
  ) throws {
    let start = Date()
    for depth in [100, 1_000, 20_000] {
      #expect(try fault(String(repeating: opening, count: depth)) != nil)
    }
    #expect(Date().timeIntervalSince(start) < 5)
  }

  @Test func `a long text is refused unread`() throws {
    #expect(
      try fault("a: " + String(repeating: "x", count: 300_000))
        == "a.yaml:1:1: is 300003 bytes long, too much for a recipe")
  }

  @Test func `a text of nothing but a comment has no content`() throws {
    #expect(try RecipeNode.parse("# nothing\n", file: "a.yaml") == nil)
    #expect(try RecipeNode.parse("", file: "a.yaml") == nil)
  }

  @Test func `every node knows its place`() throws {
    let root = try #require(
      try RecipeNode.parse("a:\n  b: [1,\n      two]\n", file: "a.yaml"))
    let list = try #require(root["a"]?["b"])
    #expect(list.origin == .file(line: 2, column: 6))
    guard case .list(let nodes) = list.content else {
      Issue.record("no list")
      return
    }
    #expect(nodes.map(\.origin) == [.file(line: 2, column: 7), .file(line: 3, column: 7)])
  }

  @Test func `a path is set through words, sections and nothing`() throws {
    var root = try #require(try RecipeNode.parse("method: lora\nb: {c: 1}", file: "a.yaml"))
    let two = RecipeNode(origin: .override("x"), content: .scalar(.integer(2)))
    root.set(["method", "lora", "rank"], to: two)
    root.set(["b", "d"], to: two)
    root.set(["e", "f"], to: two)
    root.set(["b", "c"], to: two)
    #expect(
      root.value.text()
        == #"{"method":{"lora":{"rank":2}},"b":{"c":2,"d":2},"e":{"f":2}}"#)
  }

  @Test func `whatever the text is, reading it ends`() throws {
    let recipe = Array(RecipeTests.least.utf8) + Array("training: {epochs: 3, seed: 7}\n".utf8)
    let pieces = Array("[]{}:,-?&*!|>'\"%@`#\n \t~<=.0e\\u{7f}x".utf8)
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    for _ in 0..<2_000 {
      var bytes = recipe
      for _ in 0...random(6) {
        let position = random(bytes.count)
        switch random(3) {
        case 0: bytes.insert(pieces[random(pieces.count)], at: position)
        case 1: bytes[position] = UInt8(random(128))
        default: bytes.remove(at: position)
        }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      do {
        let read = try Recipe(parsing: text, file: "a.yaml", folder: "/desk", overrides: [text])
        Issue.record("an override without a key was taken: \(read.file)")
      } catch let error as RecipeError {
        #expect(!error.faults.isEmpty && !error.description.isEmpty)
      }
    }
  }
}
