import Foundation
import Testing

@testable import HoneSynthesis

@Suite struct IngestTests {
  private func read(_ folder: Folder, _ personalData: PersonalData? = nil) async throws
    -> Ingest.Result
  {
    try await Ingest(personalData: personalData).documents(at: [folder.path])
  }

  @Test func `headings of Markdown and HTML stay with what stands under them`() async throws {
    let folder = try Folder([
      "a.md": "# Boats\n\nOf wood.\n\n## Oars\n\nOf ash {and {{tar}}}.\n",
      "b.html": """
      <html><head><title>Piers</title><style>p {color: red}</style></head><body>
      <h1>Piers</h1><p>North &amp; south.</p><script>var x = 1;</script><h2>Lamps</h2><p>Two.</p>
      </body></html>
      """,
    ])
    let documents = try await read(folder).documents
    #expect(documents.map(\.path) == ["a.md", "b.html"])
    let sections = documents.map { document in
      document.sections.map { section in
        let bytes = Array(document.text.utf8)[section.range]
        return section.headings.joined(separator: " > ") + ": "
          + String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      }
    }
    #expect(sections[0] == ["Boats: Of wood.", "Boats > Oars: Of ash {and {{tar}}}."])
    #expect(sections[1] == ["Piers: North & south.", "Piers > Lamps: Two."])
  }

  @Test func `other encodings are read, and told`() async throws {
    let folder = try Folder()
    try folder.write(Array("Käse".utf8), to: "utf8.txt")
    try folder.write([0x4B, 0xE4, 0x73, 0x65], to: "latin.txt")
    try folder.write([0xFF, 0xFE, 0x4B, 0, 0xE4, 0, 0x73, 0, 0x65, 0, 0x21, 0], to: "utf16.txt")
    let result = try await read(folder)
    #expect(
      Dictionary(uniqueKeysWithValues: result.documents.map { ($0.path, $0.text) })
        .mapValues { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        == ["utf8.txt": "Käse", "latin.txt": "Käse", "utf16.txt": "Käse!"])
    #expect(result.report.encodings.count == 2)
    #expect(result.report.lines.contains { $0.contains("latin.txt is not UTF-8") })
  }

  @Test func `what cannot be read is passed over with its reason in a folder`() async throws {
    let folder = try Folder(["good.txt": "Boats are of wood.", "empty.txt": "", "no.xyz": "a"])
    try folder.write([0, 1, 2, 3, 0, 0, 255, 0], to: "binary.txt")
    try folder.write(Array("hidden".utf8), to: ".hidden.txt")
    try folder.write(Array("no pdf".utf8), to: "fake.pdf")
    let result = try await read(folder)
    #expect(result.documents.map(\.path) == ["good.txt"])
    let skipped = result.report.skipped.map { URL(fileURLWithPath: $0.path).lastPathComponent }
    #expect(skipped.sorted() == ["binary.txt", "empty.txt", "fake.pdf"])
    #expect(result.report.unknownKinds == ["xyz": 1])
    #expect(result.report.hiddenCount == 1)
  }

  @Test func `a file that is named and cannot be read is an error`() async throws {
    let folder = try Folder(["empty.txt": ""])
    for (name, expected) in [("empty.txt", "is empty"), ("missing.txt", "missing.txt")] {
      do {
        _ = try await Ingest().documents(at: ["\(folder.path)/\(name)"])
        Issue.record("\(name) was read")
      } catch {
        #expect("\(error)".contains(expected), "\(error)")
      }
    }
  }

  @Test func `personal data is masked before anything sees it`() async throws {
    let folder = try Folder([
      "a.txt": "Write to mette@lorn.example or pay to DE89 3704 0044 0532 0130 00, not to 1234."
    ])
    let result = try await read(folder, PersonalData(.mask))
    let text = try #require(result.documents.first?.text)
    #expect(!text.contains("mette@") && text.contains("[email]"))
    #expect(!text.contains("3704") && text.contains("[iban]"))
    #expect(text.contains("1234"))
    #expect(result.report.personalData == [.email: 1, .iban: 1])
  }
}
