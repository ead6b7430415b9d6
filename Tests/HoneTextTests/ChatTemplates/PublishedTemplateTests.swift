import Foundation
import HoneFormats
import HoneText
import Testing

/// Files that lie beside the checkout and are not part of it.
enum Shared {
  static let templates: URL? = {
    var folder = URL(filePath: #filePath).deletingLastPathComponent()
    while !FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path),
      folder.path != "/"
    {
      folder.deleteLastPathComponent()
    }
    let root =
      ProcessInfo.processInfo.environment["HONE_SHARED"].map { URL(filePath: $0) }
      ?? folder.deletingLastPathComponent().appending(path: "shared")
    let templates = root.appending(path: "templates")
    guard FileManager.default.fileExists(atPath: templates.appending(path: "expected.json").path)
    else {
      print("SKIPPED: the published templates are absent; set HONE_SHARED to their folder")
      return nil
    }
    return templates
  }()
}

@Suite struct PublishedTemplateTests {
  /// The expected text, or the error that transformers gives.
  private static func outcome(_ expected: JSONValue) -> String {
    if let text = expected["text"]?.string { return text }
    let error = expected["error"]?.string ?? ""
    let own = "TemplateError: "
    return "ERROR " + (error.hasPrefix(own) ? String(error.dropFirst(own.count)) : error)
  }

  private static func outcome(_ template: ChatTemplate, _ conversation: Conversation) -> String {
    do {
      return try template.render(conversation)
    } catch let error as TextError {
      return "ERROR " + error.problem
    } catch {
      return "ERROR of another type: \(error)"
    }
  }

  @Test(.enabled(if: Shared.templates != nil))
  func `every published template renders as in transformers`() throws {
    let folder = try #require(Shared.templates)
    let expected = try JSONParser.parse(
      String(contentsOf: folder.appending(path: "expected.json"), encoding: .utf8))
    let cases = try #require(expected["cases"]?.object)
    let tokens = try #require(expected["tokens"]?.object)
    let now = try #require(expected["now"])
    var count = 0
    for (file, outcomes) in try #require(expected["expected"]?.object) {
      let source = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      let template = try ChatTemplate(source, name: file)
      for (name, input) in cases {
        var object = try #require(input.object)
        for (token, value) in tokens { object[token] = value }
        object["now"] = now
        let conversation = try Conversation(json: .object(object), file: "expected.json")
        let wanted = Self.outcome(try #require(outcomes[name]))
        #expect(
          Array(Self.outcome(template, conversation).utf8) == Array(wanted.utf8),
          "\(file), \(name)")
        count += 1
      }
    }
    #expect(count == 210)
  }
}
