import Foundation
import HoneFormats

/// Where records come from: a file's objects, rows or texts, any of them at any time.
package protocol RecordSource: Sendable {
  var path: String { get }
  var count: Int { get }

  /// A record.
  ///
  /// - Throws: ``HoneFormats/FormatError`` with the line.
  func record(_ index: Int) throws -> JSONObject

  /// Where a record stands, for errors: `line 7`.
  func place(_ index: Int) -> String

  /// Whether a record's text begins and ends a document, or is a middle piece of one.
  func edges(_ index: Int) -> Edges
}

/// Whether a piece of a document has its beginning and its end.
package struct Edges: Sendable, Equatable {
  package var begins = true
  package var ends = true
}

extension RecordSource {
  package func edges(_ index: Int) -> Edges { Edges() }
}

package enum RecordSources {
  static let textSuffixes = ["txt", "md", "text"]
  static let tableSuffixes = ["jsonl", "ndjson", "json", "csv"]

  /// Opens a file, a folder with `train.jsonl` or the like, or a folder of text files.
  ///
  /// - Throws: ``DataError`` or ``HoneFormats/FormatError`` when it cannot be read as any format.
  package static func open(_ path: String) throws -> any RecordSource {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DataError(path, problem: "does not exist")
    }
    if isFolder.boolValue {
      if let folder = try DataFolder(path) { return try open(folder.train) }
      return try TextFiles(folder: path)
    }
    switch path.pathSuffix {
    case "jsonl", "ndjson": return try JSONLinesFile(path: path)
    case "json": return try JSONArrayFile(path: path)
    case "csv": return try CSVFile(path: path)
    case let suffix where textSuffixes.contains(suffix):
      return try TextFiles(files: [path], subject: path)
    default:
      throw DataError(
        path, problem: "is of no known kind",
        advice: "Hone reads .jsonl, .json, .csv, .txt and .md files, and folders of them")
    }
  }

  /// Whether a path is data, rather than a model, by its name or by the names in it.
  package static func looksLikeData(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
      isFolder.boolValue
    else { return isData(path) }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let isModel = names.contains {
      $0 == "config.json" || ["gguf", "safetensors"].contains($0.pathSuffix)
    }
    return !isModel && names.contains(where: isData)
  }

  private static func isData(_ name: String) -> Bool {
    (tableSuffixes + textSuffixes).contains(name.pathSuffix)
  }
}

extension String {
  /// What stands behind the last dot, in lower case.
  var pathSuffix: String {
    guard let dot = lastIndex(of: "."), !self[dot...].contains("/") else { return "" }
    return self[index(after: dot)...].lowercased()
  }
}
