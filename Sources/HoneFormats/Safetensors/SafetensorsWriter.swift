/// Writes safetensors files as the reference implementation does, byte for byte.
///
/// Tensors stand in the order of their types, widest first, then of their names; the header is
/// padded with spaces so that the data begin at a multiple of 8 bytes. The metadata, which the
/// reference writes in no certain order, are sorted.
package enum SafetensorsWriter {
  /// What the header says of a tensor.
  package struct Entry: Equatable, Sendable {
    package var name: String
    package var type: SafetensorsType
    package var shape: [Int]

    package init(name: String, type: SafetensorsType, shape: [Int]) {
      self.name = name
      self.type = type
      self.shape = shape
    }
  }

  /// How many bytes a file takes.
  package static func size(of entries: [Entry], metadata: [String: String] = [:]) -> Int {
    let (header, sizes) = header(of: entries, metadata: metadata)
    return header.count + sizes.reduce(0, +)
  }

  /// Writes a file that appears whole or not at all.
  ///
  /// - Parameters:
  ///   - entries: the tensors, in any order.
  ///   - metadata: the header's `__metadata__`; transformers asks for `["format": "pt"]`.
  ///   - data: called once for each tensor in the file's order; it hands the tensor's bytes,
  ///     little-endian and row by row, to the function it is given, in as many pieces as it likes.
  /// - Throws: ``FormatError`` when the disk is full or the file cannot be written, and what `data`
  ///   throws. The target is then as it was before.
  package static func write(
    to path: String, _ entries: [Entry], metadata: [String: String] = [:],
    data: (Entry, (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let ordered = entries.sorted {
      $0.type == $1.type
        ? $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) : $0.type.rank > $1.type.rank
    }
    let (header, sizes) = header(of: ordered, metadata: metadata)
    let file = try AtomicFile(path: path, expectedSize: header.count + sizes.reduce(0, +))
    try file.write(header)
    for (entry, size) in zip(ordered, sizes) {
      var written = 0
      try data(entry) { bytes in
        written += bytes.count
        precondition(
          written <= size, "tensor \(entry.name) takes \(size) bytes, \(written) were given")
        try file.write(bytes)
      }
      precondition(
        written == size, "tensor \(entry.name) takes \(size) bytes, \(written) were given")
    }
    try file.commit()
  }

  /// The header with its length before it, and each tensor's size in bytes.
  private static func header(
    of entries: [Entry], metadata: [String: String]
  ) -> (bytes: [UInt8], sizes: [Int]) {
    var object = JSONObject()
    if !metadata.isEmpty {
      let members = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      object["__metadata__"] = .object(JSONObject(members.map { ($0.key, .string($0.value)) }))
    }
    var sizes: [Int] = []
    var offset = 0
    for entry in entries {
      guard let size = entry.type.byteCount(shape: entry.shape) else {
        preconditionFailure("tensor \(entry.name): \(entry.shape) of \(entry.type) has no size")
      }
      precondition(object[entry.name] == nil, "tensor \(entry.name) is given twice")
      object[entry.name] = .object(
        JSONObject([
          ("dtype", .string(entry.type.rawValue)),
          ("shape", .array(entry.shape.map { .integer($0) })),
          ("data_offsets", .array([.integer(offset), .integer(offset + size)])),
        ]))
      sizes.append(size)
      offset += size
    }
    var header = JSONValue.object(object).bytes(.compact)
    header += Array(repeating: UInt8(ascii: " "), count: -header.count & 7)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    return (length + header, sizes)
  }
}
