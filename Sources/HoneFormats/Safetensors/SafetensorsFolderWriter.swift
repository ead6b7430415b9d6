/// Writes a model's weights into a folder in Hugging Face layout, in shards where they are large.
package enum SafetensorsFolderWriter {
  /// - Parameters:
  ///   - folder: an existing folder.
  ///   - entries: the tensors, which fill the shards in this order.
  ///   - maximumShardBytes: the size that a shard does not pass, unless one tensor alone does.
  ///   - data: called once for each tensor, see ``SafetensorsWriter``.
  package static func write(
    to folder: String, _ entries: [SafetensorsWriter.Entry],
    maximumShardBytes: Int = 4_000_000_000, metadata: [String: String] = ["format": "pt"],
    data: (SafetensorsWriter.Entry, (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    var shards: [[SafetensorsWriter.Entry]] = [[]]
    var size = 0
    var total = 0
    for entry in entries {
      let bytes = entry.type.byteCount(shape: entry.shape) ?? 0
      if size > 0 && size + bytes > maximumShardBytes {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1].append(entry)
      size += bytes
      total += bytes
    }
    guard shards.count > 1 else {
      return try SafetensorsWriter.write(
        to: "\(folder)/\(SafetensorsFolder.singleName)", entries, metadata: metadata, data: data)
    }
    var places = JSONObject()
    for (index, shard) in shards.enumerated() {
      let name = "model-\(fiveDigits(index + 1))-of-\(fiveDigits(shards.count)).safetensors"
      try SafetensorsWriter.write(to: "\(folder)/\(name)", shard, metadata: metadata, data: data)
      for entry in shard { places[entry.name] = .string(name) }
    }
    let index = JSONValue.object(
      JSONObject([
        ("metadata", .object(JSONObject([("total_size", .integer(total))]))),
        ("weight_map", .object(places)),
      ]))
    try AtomicFile.write(
      index.bytes(.indented(by: 2), sortingKeys: true),
      to: "\(folder)/\(SafetensorsFolder.indexName)")
  }

  private static func fiveDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}
