import HoneFormats

extension FuzzTarget {
  /// Opens a safetensors file and reads all that it holds.
  static let safetensors = FuzzTarget(name: "safetensors") { bytes in
    let file = MappedFile(copying: bytes, named: "m.safetensors")
    guard let safetensors = try? SafetensorsFile(file) else { return }
    var size = 0
    for tensor in safetensors.tensors {
      precondition(safetensors.tensor(named: tensor.name) != nil)
      checksum(tensor.bytes)
      size += tensor.bytes.count
    }
    // The tensors and the header are the whole file.
    let header = bytes.loadUnaligned(as: UInt64.self)
    precondition(size + Int(header) + 8 == bytes.count)
  }
}
