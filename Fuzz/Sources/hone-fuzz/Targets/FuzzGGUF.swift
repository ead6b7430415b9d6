import HoneFormats

extension FuzzTarget {
  /// Opens a GGUF file and reads all that it holds.
  static let gguf = FuzzTarget(name: "gguf") { bytes in
    let file = MappedFile(copying: bytes, named: "m-00001-of-00002.gguf")
    // A split model's second part is the same bytes again.
    guard let gguf = try? GGUFFile(file, openPart: { MappedFile(copying: bytes, named: $0) })
    else { return }
    for (key, value) in gguf.metadata {
      _ = value.description
      _ = try? gguf.metadata.uint(key)
      _ = try? gguf.metadata.float(key)
      if let array = value.array { read(array) }
    }
    for tensor in gguf.tensors {
      _ = tensor.shape
      precondition(tensor.bytes.count == 0 || tensor.elementCount > 0)
      checksum(tensor.bytes)
    }
  }

  private static func read(_ array: GGUFArray) {
    for index in 0..<array.count { _ = try? array.value(at: index) }
    _ = try? array.strings()
    _ = try? array.integers()
    _ = try? array.floats()
    for inner in array.arrays { read(inner) }
  }

  /// Touches every byte, so that the sanitizer sees a range that is out of bounds.
  static func checksum(_ bytes: UnsafeRawBufferPointer) {
    var sum: UInt8 = 0
    for byte in bytes { sum &+= byte }
    withExtendedLifetime(sum) {}
  }
}
