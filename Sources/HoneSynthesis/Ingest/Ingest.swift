import Foundation
import HoneData
import HoneFormats

/// Reads files and folders as documents, in an order that depends on their names alone.
package struct Ingest: Sendable {
  /// The documents, by their paths, and what became of the rest.
  package struct Result: Sendable {
    package var documents: [Document]
    package var report: IngestReport
  }

  private let reader: DocumentReader

  /// - Parameter personalData: what is done to personal data before anything else sees it.
  package init(personalData: PersonalData? = nil) {
    reader = DocumentReader(personalData: personalData)
  }

  /// Reads what paths name.
  ///
  /// A file that is named must be readable. In a folder, files that cannot be read are passed over
  /// and reported; hidden files and folders are passed over, and links to folders not followed.
  /// - Throws: ``SynthesisError`` when a path is missing, a named file cannot be read, or nothing is
  ///   left.
  package func documents(at paths: [String]) async throws -> Result {
    var report = IngestReport()
    var documents: [Document] = []
    var digests: [String: String] = [:]
    for path in paths {
      for file in try files(at: path, report: &report) {
        guard let reading = try await read(file, report: &report) else { continue }
        let document = reading.document
        if let first = digests[document.digest] {
          report.skipped.append(.init(path: file.path, reason: "is the same file as \(first)"))
          continue
        }
        digests[document.digest] = document.path
        report.note(reading, path: file.path)
        documents.append(document)
      }
    }
    guard !documents.isEmpty else {
      throw SynthesisError(
        paths.isEmpty ? "documents" : paths.joined(separator: ", "),
        problem: report.skipped.first.map { "no document can be read: \($0.path) \($0.reason)" }
          ?? "there is no document",
        advice: "Hone reads \(Self.kinds)")
    }
    // Two folders may hold files of the same name; a document is known by its path.
    var taken: Set<String> = []
    for document in documents where !taken.insert(document.path).inserted {
      throw SynthesisError(
        document.path, problem: "is the name of two documents",
        advice: "name one folder above both")
    }
    return Result(documents: documents, report: report)
  }

  private static let kinds = DocumentReader.suffixes.keys.sorted().map { ".\($0)" }
    .joined(separator: " ")

  private struct File {
    var path: String
    /// The path below what was named.
    var name: String
    var kind: Document.Kind
    var isNamed: Bool
  }

  private func read(_ file: File, report: inout IngestReport) async throws
    -> DocumentReader.Reading?
  {
    do {
      return try await reader.read(file.path, name: file.name, kind: file.kind)
    } catch let error where !file.isNamed && !(error is CancellationError) {
      var reason = "\(error)"
      if reason.hasPrefix("\(file.path): ") { reason.removeFirst(file.path.count + 2) }
      report.skipped.append(.init(path: file.path, reason: reason))
      return nil
    }
  }

  private func files(at path: String, report: inout IngestReport) throws -> [File] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw SynthesisError(path, problem: "does not exist")
    }
    guard isFolder.boolValue else {
      guard let kind = Self.kind(of: path) else {
        throw SynthesisError(
          path, problem: "is of no known kind", advice: "Hone reads \(Self.kinds)")
      }
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return [File(path: path, name: name, kind: kind, isNamed: true)]
    }
    var files: [File] = []
    try walk(path, below: "", files: &files, report: &report)
    return files
  }

  private func walk(
    _ folder: String, below prefix: String, files: inout [File], report: inout IngestReport
  ) throws {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw SynthesisError(folder, problem: "cannot be listed")
    }
    for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      if name.hasPrefix(".") {
        report.hiddenCount += 1
        continue
      }
      let path = "\(folder)/\(name)"
      let type =
        (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType
      if type == .typeDirectory {
        try walk(path, below: "\(prefix)\(name)/", files: &files, report: &report)
      } else if let kind = Self.kind(of: name) {
        files.append(File(path: path, name: prefix + name, kind: kind, isNamed: false))
      } else {
        report.unknownKinds[Self.suffix(of: name), default: 0] += 1
      }
    }
  }

  private static func kind(of path: String) -> Document.Kind? {
    DocumentReader.suffixes[suffix(of: path)]
  }

  private static func suffix(of path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    return name.lastIndex(of: ".").map { name[name.index(after: $0)...].lowercased() } ?? ""
  }
}
