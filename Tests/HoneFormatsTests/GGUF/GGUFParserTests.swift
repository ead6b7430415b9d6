import Testing

@testable import HoneFormats

/// What hostile or damaged bytes are answered with.
@Suite struct GGUFParserTests {
  @Test func `faults of the header are named`() {
    var builder = GGUFBuilder()
    let whole = builder.bytes
    builder.bytes = Array("GGU".utf8)
    #expect(
      builder.fault() == "m.gguf: byte 0: is not a GGUF file: it does not begin with \"GGUF\"")
    builder.bytes = Array("PK\u{3}\u{4}xxxxxxxxxxxxxxxxxxxx".utf8)
    #expect(
      builder.fault() == "m.gguf: byte 0: is not a GGUF file: it does not begin with \"GGUF\"")
    builder.bytes = Array(whole.prefix(7))
    #expect(
      builder.fault()
        == "m.gguf: byte 4: the file ends inside the header; it is cut short; fetch it again")
    builder.bytes = Array(whole.prefix(20))
    #expect(
      builder.fault()
        == "m.gguf: byte 16: the file ends inside the number of metadata entries; it is cut "
        + "short; fetch it again")
    #expect(
      GGUFBuilder(version: 1).fault()
        == "m.gguf: byte 4: is GGUF version 1, which nothing writes any more; convert the model "
        + "again; versions 2 and 3 are read")
    #expect(
      GGUFBuilder(version: UInt32(3).byteSwapped).fault()
        == "m.gguf: byte 4: is a big-endian GGUF file; convert it to little-endian with gguf's "
        + "own script")
    #expect(
      GGUFBuilder(version: 4).fault()
        == "m.gguf: byte 4: is GGUF version 4; versions 2 and 3 are read")
    #expect(
      GGUFBuilder(version: 0).fault()
        == "m.gguf: byte 4: is GGUF version 0; versions 2 and 3 are read")
  }

  @Test(arguments: [1, 1 << 40, 1 << 63, UInt64.max])
  func `counts beyond the file are errors`(count: UInt64) {
    #expect(
      GGUFBuilder(tensors: count).fault()
        == "m.gguf: byte 8: the number of tensors is \(count), more than the 8 bytes left can "
        + "hold; the file is damaged or cut short")
    #expect(
      GGUFBuilder(entries: count).fault()
        == "m.gguf: byte 16: the number of metadata entries is \(count), more than the 0 bytes "
        + "left can hold; the file is damaged or cut short")
    var builder = GGUFBuilder(entries: 1)
    builder.append(count)
    builder.append("12345")
    // One byte is left for a key of one byte; then the file goes on with nonsense.
    if count > 13 {
      #expect(
        builder.fault()
          == "m.gguf: byte 24: the length of the key of metadata entry 0 is \(count), more than "
          + "the 13 bytes left can hold; the file is damaged or cut short")
    }
    builder = GGUFBuilder(entries: 1)
    builder.array("k", .string, count: count)
    #expect(
      builder.fault()
        == "m.gguf: byte 41: the array length of metadata key \"k\" is \(count), more than the "
        + "0 bytes left can hold; the file is damaged or cut short")
  }

  @Test(arguments: GGUFValueType.allCases)
  func `arrays of every type are bounded by the file`(type: GGUFValueType) {
    var builder = GGUFBuilder(entries: 1)
    builder.array("k", type, count: UInt64.max / 8)
    builder.bytes += Array(repeating: 0, count: 64)
    #expect(
      builder.fault()
        == "m.gguf: byte 41: the array length of metadata key \"k\" is \(UInt64.max / 8), more "
        + "than the 64 bytes left can hold; the file is damaged or cut short")
  }

  @Test func `faults of metadata are named`() {
    var builder = GGUFBuilder(entries: 2)
    builder.entry("k", .uint8, UInt8(1))
    builder.entry("k", .uint8, UInt8(2))
    #expect(builder.fault() == "m.gguf: metadata key \"k\": stands twice in the file")

    builder = GGUFBuilder(entries: 1)
    builder.append("k")
    builder.append(UInt32(13))
    builder.append(UInt64(0))
    #expect(builder.fault() == "m.gguf: metadata key \"k\": has the unknown value type 13")

    builder = GGUFBuilder(entries: 1)
    builder.entry("k", .bool, UInt8(2))
    #expect(builder.fault() == "m.gguf: metadata key \"k\": is a bool with the value 2")

    builder = GGUFBuilder(entries: 1)
    builder.entry("key", .uint64, UInt32(2))
    #expect(
      builder.fault()
        == "m.gguf: byte 39: the file ends inside metadata key \"key\"; it is cut short; fetch "
        + "it again")

    builder = GGUFBuilder(entries: 1)
    builder.append("k")
    builder.append(GGUFValueType.string.rawValue)
    builder.append(UInt64(2))
    builder.bytes += [0xC3, 0x28]
    #expect(
      builder.fault()
        == "m.gguf: byte 45: the value of metadata key \"k\" is not valid UTF-8")

    builder = GGUFBuilder(entries: 1)
    builder.append(UInt64(1))
    builder.bytes += [0xFF]
    builder.append(UInt32(0))
    builder.append(UInt32(0))
    #expect(builder.fault() == "m.gguf: byte 32: the key of metadata entry 0 is not valid UTF-8")

    builder = GGUFBuilder(entries: 1)
    builder.entry(String(repeating: "k", count: 65_536), .uint8, UInt8(0))
    #expect(
      builder.fault()
        == "m.gguf: metadata entry 0: has a key of 65536 bytes; the format allows 65535")

    builder = GGUFBuilder(entries: 1)
    builder.array("k", .string, count: 2)
    builder.append("first")
    builder.append(UInt64.max)
    #expect(
      builder.fault()
        == "m.gguf: byte 62: the length of the element 1 of metadata key \"k\" is "
        + "18446744073709551615, more than the 0 bytes left can hold; the file is damaged or cut "
        + "short")
  }

  @Test func `nested arrays are read to a depth and a number`() throws {
    func nested(_ depth: Int) -> GGUFBuilder {
      var builder = GGUFBuilder(entries: 1)
      builder.array("k", depth == 1 ? .uint8 : .array, count: 1)
      for level in 1..<max(depth, 1) {
        builder.append((level == depth - 1 ? GGUFValueType.uint8 : .array).rawValue)
        builder.append(UInt64(1))
      }
      builder.append(UInt8(7))
      return builder
    }
    var array = try #require(try nested(4).open().metadata["k"]?.array)
    for _ in 0..<3 { array = try #require(array.arrays.first) }
    #expect(try array.integers() == [7])
    #expect(nested(5).fault() == "m.gguf: metadata key \"k\": nests arrays more than 4 deep")

    var builder = GGUFBuilder(entries: 1)
    builder.array("k", .array, count: 65_537)
    builder.bytes += Array(repeating: 0, count: 65_537 * 12)
    #expect(builder.fault() == "m.gguf: metadata key \"k\": holds more than 65536 arrays")
  }

  @Test(arguments: [0, 3, 48, 1 << 31])
  func `an alignment that is no power of two is an error`(alignment: UInt32) {
    var builder = GGUFBuilder(entries: 1)
    builder.entry("general.alignment", .uint32, alignment)
    #expect(
      builder.fault()
        == "m.gguf: metadata key \"general.alignment\": is \(alignment), not a power of two up to "
        + "2^30")
  }

  // MARK: Tensors

  private func tensorFault(
    _ dimensions: [UInt64], name: String = "a", type: UInt32 = 0, offset: UInt64 = 0
  ) -> String? {
    var builder = GGUFBuilder(tensors: 1)
    builder.tensor(name, dimensions, type: type, offset: offset)
    builder.data(Array(repeating: 0, count: 64))
    return builder.fault()
  }

  @Test func `faults of tensor descriptions are named`() {
    let long = String(repeating: "n", count: 65)
    #expect(
      tensorFault([1], name: long)
        == "m.gguf: tensor 0: has a name of 65 bytes; the format allows 64")
    #expect(tensorFault([1], name: String(long.dropLast())) == nil)
    #expect(
      tensorFault([1, 1, 1, 1, 1])
        == "m.gguf: tensor \"a\": has 5 dimensions; the format allows 4")
    #expect(tensorFault([1], type: 99) == "m.gguf: tensor \"a\": has the unknown type 99")
    #expect(
      tensorFault([1], type: 31)
        == "m.gguf: tensor \"a\": has the type Q4_0_4_4, which ggml no longer reads; quantise the "
        + "model again")
    #expect(
      tensorFault([33, 2], type: GGMLType.q4_1.rawValue)
        == "m.gguf: tensor \"a\": has rows of 33 elements, which do not divide into Q4_1 blocks "
        + "of 32")
    #expect(
      tensorFault([], type: GGMLType.q4_1.rawValue)
        == "m.gguf: tensor \"a\": has rows of 1 elements, which do not divide into Q4_1 blocks "
        + "of 32")
    #expect(
      tensorFault([1], offset: 8)
        == "m.gguf: tensor \"a\": begins at offset 8, which is not a multiple of the alignment 32")
  }

  @Test(
    arguments: [
      [1 << 63], [UInt64.max], [1 << 32, 1 << 32], [1 << 61, 1],
      [1 << 20, 1 << 20, 1 << 20, 1 << 20],
      [0, 1 << 40, 1 << 40],
    ] as [[UInt64]])
  func `sizes that overflow are errors`(dimensions: [UInt64]) {
    #expect(
      tensorFault(dimensions)
        == "m.gguf: tensor \"a\": has the dimensions \(dimensions), too many elements for any "
        + "memory")
  }

  @Test func `data past the file's end are named, with how many more`() {
    #expect(
      tensorFault([17])
        == "m.gguf: tensor \"a\": needs bytes past the file's end (offset 0, 68 bytes, 64 there); "
        + "the file is cut short; fetch it again")
    #expect(
      tensorFault([1], offset: UInt64.max - 31)
        == "m.gguf: tensor \"a\": needs bytes past the file's end (offset 18446744073709551584, 4 "
        + "bytes, 64 there); the file is cut short; fetch it again")
    var builder = GGUFBuilder(tensors: 3)
    builder.tensor("a", [1])
    builder.tensor("b", [1], offset: 32)
    builder.tensor("c", [1], offset: 64)
    builder.data([0, 0, 0, 0])
    #expect(
      builder.fault()
        == "m.gguf: tensor \"b\": needs, with 1 more tensors, bytes past the file's end (offset "
        + "32, 4 bytes, 4 there); the file is cut short; fetch it again")
  }

  @Test func `tensors that share bytes or a name are errors`() {
    var builder = GGUFBuilder(tensors: 2)
    builder.tensor("b", [9])
    builder.tensor("a", [1], offset: 32)
    builder.data(Array(repeating: 0, count: 64))
    #expect(builder.fault() == "m.gguf: tensor \"a\": shares bytes with tensor \"b\"")
    builder = GGUFBuilder(tensors: 2)
    builder.tensor("a", [1])
    builder.tensor("a", [1], offset: 32)
    builder.data(Array(repeating: 0, count: 64))
    #expect(builder.fault() == "m.gguf: tensor \"a\": stands twice in the file")
  }

  @Test func `every truncation of a file is an error`() throws {
    var builder = GGUFBuilder(tensors: 1, entries: 3)
    builder.entry("general.architecture", "llama")
    builder.array("tokens", .string, count: 2)
    builder.append("a")
    builder.append("bc")
    builder.entry("n", .float64, Double(1).bitPattern)
    builder.tensor("a", [8])
    builder.data(Array(repeating: 1, count: 32))
    _ = try builder.open()
    while !builder.bytes.isEmpty {
      builder.bytes.removeLast()
      #expect(builder.fault() != nil, "\(builder.bytes.count) bytes")
    }
  }
}
