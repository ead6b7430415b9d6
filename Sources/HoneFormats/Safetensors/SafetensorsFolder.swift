/// A model's weights in a folder in Hugging Face layout: one `model.safetensors`, or shards which
/// `model.safetensors.index.json` lists.
///
/// The index's `metadata` are not read: published ones often give a wrong `total_size`.
package final class SafetensorsFolder: Sendable {
  package static let singleName = "model.safetensors"
  package static let indexName = "model.safetensors.index.json"

  package let path: String
  package let files: [SafetensorsFile]
  /// The tensors of all files, file by file in the order of their data.
  package let tensors: [SafetensorsTensor]
  private let positions: [String: Int]

  /// Opens the weights of a folder. Where both kinds stand in it, the single file is taken.
  ///
  /// - Throws: ``FormatError``. When index and shards disagree, it names every disagreement.
  package init(path: String) throws {
    self.path = path
    let prefix = path.hasSuffix("/") ? path : path + "/"
    if MappedFile.exists(prefix + Self.singleName) {
      files = [try SafetensorsFile(path: prefix + Self.singleName)]
    } else if MappedFile.exists(prefix + Self.indexName) {
      files = try Self.shards(of: prefix)
    } else {
      throw FormatError(
        file: path, problem: "holds neither \(Self.singleName) nor \(Self.indexName)")
    }
    tensors = files.flatMap(\.tensors)
    positions = Dictionary(
      zip(tensors.map(\.name), tensors.indices), uniquingKeysWith: { first, _ in first })
  }

  package func tensor(named name: String) -> SafetensorsTensor? {
    positions[name].map { tensors[$0] }
  }

  /// Opens the shards and compares what they hold with what the index says, both ways.
  private static func shards(of prefix: String) throws -> [SafetensorsFile] {
    let indexPath = prefix + indexName
    let index = try JSONParser.parse(
      contentsOf: MappedFile(path: indexPath), duplicateKeys: .rejected)
    guard case .object(let map)? = index["weight_map"], map.count > 0 else {
      throw FormatError(file: indexPath, problem: "has no \"weight_map\" of tensor names")
    }
    var faults: [String] = []
    var expected: [String: Set<String>] = [:]
    for (tensor, value) in map {
      guard let shard = value.string, isPlainName(shard) else {
        faults.append("tensor \(FormatError.quoted(tensor)) is not mapped to the name of a file")
        continue
      }
      expected[shard, default: []].insert(tensor)
    }
    var files: [SafetensorsFile] = []
    for shard in expected.keys.sorted() {
      do {
        let file = try SafetensorsFile(path: prefix + shard)
        files.append(file)
        let found = Set(file.tensors.map(\.name))
        for name in expected[shard, default: []].subtracting(found).sorted() {
          faults.append("tensor \(FormatError.quoted(name)) is not in \(shard)")
        }
        for name in found.subtracting(expected[shard, default: []]).sorted() {
          let place = map[name]?.string.map { "the index says \($0)" } ?? "the index has no such"
          faults.append("\(shard) holds tensor \(FormatError.quoted(name)), but \(place)")
        }
      } catch let error as FormatError {
        faults.append(error.description)
      }
    }
    guard faults.isEmpty else {
      // A wrong index may be wrong about thousands of tensors; a screenful is enough.
      let shown = faults.prefix(40).joined(separator: "\n  ")
      let more = faults.count > 40 ? "\n  and \(faults.count - 40) more" : ""
      throw FormatError(
        file: indexPath, problem: "does not agree with its shards:\n  \(shown)\(more)")
    }
    return files
  }

  /// Whether the index's text names a file in the folder itself.
  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.contains("/") && !name.contains("\0")
  }
}
