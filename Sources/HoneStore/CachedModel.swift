import Foundation
import HoneFormats
import HoneModels

/// A model that arrived whole, with what is needed to see at a glance that it still is.
///
/// It is kept as `manifest.json` in the model's own folder of the cache. Sizes and times are
/// compared at each start, contents only where those differ.
struct CachedModel: Equatable {
  struct File: Equatable {
    /// The path inside the model's folder.
    var path: String
    var byteCount: Int
    /// Nanoseconds since 1970.
    var modified: Int
    var sha256: String
  }

  /// The reference that it was fetched for.
  var source: String
  /// What to load, inside the model's folder: a GGUF file, or `.` for the folder.
  var model: String
  var files: [File]

  static let name = "manifest.json"

  /// The manifest of a folder, or nil where there is none that can be read.
  init?(folder: String) {
    guard let bytes = Disk.contents("\(folder)/\(Self.name)"),
      let json = try? JSONParser.parse(String(decoding: bytes, as: UTF8.self)),
      let source = json["source"]?.string, let model = json["model"]?.string,
      let files = json["files"]?.array
    else { return nil }
    self.source = source
    self.model = model
    self.files = []
    for file in files {
      guard let path = file["path"]?.string, let byteCount = file["bytes"]?.integer,
        let modified = file["modified_ns"]?.integer, let sha256 = file["sha256"]?.string
      else { return nil }
      self.files.append(
        File(path: path, byteCount: byteCount, modified: modified, sha256: sha256))
    }
  }

  init(source: String, model: String, files: [File]) {
    self.source = source
    self.model = model
    self.files = files
  }

  func write(in folder: String) throws {
    let files = files.map { file in
      JSONValue.object(
        JSONObject([
          ("path", .string(file.path)), ("bytes", .integer(file.byteCount)),
          ("modified_ns", .integer(file.modified)), ("sha256", .string(file.sha256)),
        ]))
    }
    let manifest = JSONValue.object(
      JSONObject([
        ("source", .string(source)), ("model", .string(model)), ("files", .array(files)),
      ]))
    try AtomicFile.write(
      manifest.bytes(.indented(by: 2)) + "\n".utf8, to: "\(folder)/\(Self.name)")
  }

  /// Whether every file is as it was when it was checked last.
  func isUntouched(in folder: String) -> Bool {
    files.allSatisfy { file in
      guard let status = Disk.status("\(folder)/\(file.path)") else { return false }
      return status == (file.byteCount, file.modified)
    }
  }

  /// Whether every file has its contents still, whatever its time says.
  func isWhole(in folder: String, listener: TransferListener) throws -> Bool {
    for file in files {
      let path = "\(folder)/\(file.path)"
      guard Disk.status(path)?.byteCount == file.byteCount,
        try FileDigest.sha256(of: path, listener: listener) == file.sha256
      else { return false }
    }
    return true
  }

  /// The same with the files' present times.
  func retimed(in folder: String) -> CachedModel {
    var copy = self
    for i in copy.files.indices {
      copy.files[i].modified =
        Disk.status("\(folder)/\(files[i].path)")?.modified ?? files[i].modified
    }
    return copy
  }
}
