/// One tensor of a GGUF file: its description, and its bytes in the mapped file.
///
/// It keeps the mapping alive, so it may outlive the ``GGUFFile`` that it came from.
package struct GGUFTensor: Sendable {
  package let name: String
  /// The sizes as the file has them, ne0 (a row's length) first.
  package let dimensions: [Int]
  package let type: GGMLType
  /// The file that holds the bytes; one part of a split model.
  package let file: MappedFile
  /// Where the bytes stand in ``file``.
  package let range: Range<Int>

  /// The row-major shape, rows first: ``dimensions`` reversed.
  package var shape: [Int] { dimensions.reversed() }

  package var elementCount: Int { dimensions.reduce(1, *) }

  /// The encoded numbers, valid while this tensor, its ``file`` or the ``GGUFFile`` lives.
  package var bytes: UnsafeRawBufferPointer { file.slice(range) }
}
