import Foundation
import HoneFormats
import HoneText
import Testing

@testable import HoneData

/// The tokens of prompts and answers against what TRL makes of the same rows
/// (Scripts/reference/make_preference_data_fixtures.py).
@Suite struct PreferenceReferenceTests {
  private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
  private static let folder = "\(tests)/HoneDataTests/Fixtures/preferences"

  static var cases: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { $0.hasSuffix(".json") && $0 != "manifest.json" }.sorted()
  }

  @Test func `there are cases of every form`() {
    #expect(Self.cases.count >= 17)
  }

  @Test(arguments: cases) func `tokens are TRL's`(_ name: String) throws {
    let text = try String(contentsOfFile: "\(Self.folder)/\(name)", encoding: .utf8)
    let page = try JSONParser.parse(text)
    let tokenizer = try Tokenizer(folder: "\(Self.tests)/\(page["tokenizer"]?.string ?? "")")
    let template = try #require(page["template"]?.string ?? tokenizer.chatTemplate ?? tinyTemplate)
    let renderer = Renderer(
      tokenizer: tokenizer, template: try ChatTemplate(template),
      variables: specialTokens(tokenizer))
    var options = PreferenceOptions()
    options.maxTokens = page["max_tokens"]?.integer ?? 10_000
    options.truncationLimit = 1
    options.unpairs = page["unpairs"]?.bool == true

    let rows = try #require(page["rows"]?.array)
    let expected = try #require(page["expected"]?.array)
    #expect(rows.count == expected.count && !rows.isEmpty)
    for (row, expected) in zip(rows, expected) {
      let file = try DataFile(row.text())
      let reader = try PreferenceReader(
        source: RecordSources.open(file.path), renderer: renderer, options: options)
      let found = try reader.items(0).filter { $0.skip == nil }
      let wanted = try #require(expected.array)
      #expect(found.count == wanted.count, "\(row)")
      for (item, wanted) in zip(found, wanted) {
        #expect(item.prompt == ids(wanted["prompt"]), "\(row)")
        if let label = wanted["label"] {
          #expect(item.isDesirable == label.bool)
          #expect(item.sides.map(\.ids) == [ids(wanted["completion"])], "\(row)")
        } else {
          #expect(
            item.sides.map(\.ids) == [ids(wanted["chosen"]), ids(wanted["rejected"])], "\(row)")
        }
      }
    }
  }

  private func ids(_ value: JSONValue?) -> [Int32] {
    value?.array?.compactMap { $0.integer.map { Int32($0) } } ?? []
  }

  private var tinyTemplate: String? {
    try? String(contentsOfFile: "\(tinyFolder)/chat_template.jinja", encoding: .utf8)
  }
}
