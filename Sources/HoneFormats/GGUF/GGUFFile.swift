/// A GGUF file, version 2 or 3, memory-mapped and validated before anything of it is used.
///
/// A model that is split into parts (`name-00001-of-00003.gguf`) is opened by its first part and
/// read as one: the metadata are the first part's, the tensors are those of all parts.
///
/// Follows the specification in ggml's `docs/gguf.md`.
package final class GGUFFile: Sendable {
  package let path: String
  package let version: Int
  /// What tensor offsets are multiples of, in bytes.
  package let alignment: Int
  package let metadata: GGUFMetadata
  /// All tensors in the file's order.
  package let tensors: [GGUFTensor]
  private let positions: [String: Int]

  /// Opens a file, with its further parts when it is split.
  ///
  /// - Throws: ``FormatError`` that names the byte, key or tensor at fault.
  package convenience init(path: String) throws {
    try self.init(MappedFile(path: path)) { try MappedFile(path: $0) }
  }

  /// Reads a file that is already mapped.
  ///
  /// - Parameter openPart: opens a further part of a split model.
  package init(_ file: MappedFile, openPart: (String) throws -> MappedFile) throws {
    let first = try GGUFParser.parse(file)
    var tensors = first.tensors
    let partPaths = try GGUFSplit.furtherParts(of: file.path, metadata: first.metadata)
    for (index, partPath) in partPaths.enumerated() {
      let part = try GGUFParser.parse(try openPart(partPath))
      try GGUFSplit.check(part.metadata, of: partPath, is: index + 1, of: partPaths.count + 1)
      tensors += part.tensors
    }
    positions = try Dictionary(
      zip(tensors.map(\.name), tensors.indices),
      uniquingKeysWith: { first, second in
        throw FormatError(
          file: tensors[second].file.path,
          place: "tensor \(FormatError.quoted(tensors[first].name))",
          problem: "stands twice in the file")
      })
    try GGUFSplit.check(tensorCount: tensors.count, metadata: first.metadata, of: file.path)
    path = file.path
    version = first.version
    alignment = first.alignment
    metadata = first.metadata
    self.tensors = tensors
  }

  package func tensor(named name: String) -> GGUFTensor? { positions[name].map { tensors[$0] } }
}
