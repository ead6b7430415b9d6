import Foundation
import HoneFormats
import HoneText
import Testing

/// Templates that the fuzzer starts from, or once found: each is rendered or refused.
@Suite struct HostileTemplatesTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func files() -> [URL] {
    let folders = ["Tests/HoneTextTests/Fixtures/hostile/jinja", "Fuzz/Seeds/jinja"]
    return folders.flatMap {
      (try? FileManager.default.contentsOfDirectory(
        at: root.appending(path: $0), includingPropertiesForKeys: nil)) ?? []
    }.sorted { $0.path < $1.path }
  }

  @Test func `kept templates are rendered or refused`() throws {
    let files = Self.files()
    #expect(files.count > 40)
    for file in files {
      let parts = try Data(contentsOf: file).split(
        separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      let own = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : nil
      let text = own ?? #"{"messages": [{"role": "user", "content": "Hi"}], "xs": [3, 1]}"#
      do {
        let conversation = try Conversation(json: JSONParser.parse(text), file: "f.json")
        _ = try ChatTemplate(String(decoding: parts[0], as: UTF8.self)).render(conversation)
      } catch let error as TextError {
        #expect(!error.description.isEmpty)
      } catch is FormatError {}
    }
  }
}
