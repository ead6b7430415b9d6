import HoneKernels

extension StorageFormat {
  /// Numbers as the bytes of a plain format, rounded to nearest.
  ///
  /// - Precondition: the format is f32, f16 or bf16.
  package func encode(_ values: [Float]) -> [UInt8] {
    precondition(isDense, "\(self) is not a plain format")
    let count = values.count
    return [UInt8](unsafeUninitializedCapacity: count * bytesPerBlock) { bytes, written in
      written = count * bytesPerBlock
      guard let target = UnsafeMutableRawPointer(bytes.baseAddress), count > 0 else { return }
      values.withUnsafeBufferPointer { values in
        guard let source = values.baseAddress else { return }
        switch self {
        case .f16:
          hk_f32_to_f16(source, Int64(count), target.assumingMemoryBound(to: UInt16.self))
        case .bf16:
          hk_f32_to_bf16(source, Int64(count), target.assumingMemoryBound(to: UInt16.self))
        default: target.copyMemory(from: source, byteCount: written)
        }
      }
    }
  }
}
