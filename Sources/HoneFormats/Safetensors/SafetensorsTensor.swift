/// One tensor of a safetensors file: its description, and its bytes in the mapped file.
///
/// It keeps the mapping alive, so it may outlive the ``SafetensorsFile`` that it came from.
package struct SafetensorsTensor: Sendable {
  package let name: String
  package let type: SafetensorsType
  /// The row-major shape.
  package let shape: [Int]
  /// The file that holds the bytes; one shard of a large model.
  package let file: MappedFile
  /// Where the bytes stand in ``file``.
  package let range: Range<Int>

  package var elementCount: Int { shape.reduce(1, *) }

  /// The numbers, little-endian, valid while this tensor or its ``file`` lives.
  ///
  /// Old files do not align them to the size of an element.
  package var bytes: UnsafeRawBufferPointer { file.slice(range) }
}
