import Testing

@testable import HoneFormats

@Suite struct GGUFMetadataTests {
  /// A file with one value of each type.
  private func metadata() throws -> GGUFMetadata {
    var builder = GGUFBuilder(entries: 15)
    builder.entry("u8", .uint8, UInt8(200))
    builder.entry("i8", .int8, Int8(-3))
    builder.entry("u16", .uint16, UInt16(60_000))
    builder.entry("i16", .int16, Int16(-300))
    builder.entry("u32", .uint32, UInt32(4_000_000_000))
    builder.entry("i32", .int32, Int32(-70_000))
    builder.entry("f32", .float32, Float(1.5).bitPattern)
    builder.entry("bool", .bool, UInt8(1))
    builder.entry("text", "café")
    builder.entry("u64", .uint64, UInt64.max)
    builder.entry("i64", .int64, Int64.min)
    builder.entry("f64", .float64, Double(0.1).bitPattern)
    builder.array("strings", .string, count: 3)
    builder.append("a")
    builder.append("")
    builder.append(UInt64(2))
    builder.bytes += [0xC3, 0x28]
    builder.array("ints", .int32, count: 2)
    builder.append(Int32(-1))
    builder.append(Int32(5))
    builder.array("floats", .float32, count: 2)
    builder.append(Float(0.5).bitPattern)
    builder.append(Float(-2).bitPattern)
    return try builder.open().metadata
  }

  @Test func `every type is read, in the file's order`() throws {
    let metadata = try metadata()
    #expect(
      metadata.keys == [
        "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "text", "u64", "i64", "f64",
        "strings", "ints", "floats",
      ])
    #expect(
      metadata.prefix(12).map(\.1) == [
        .uint8(200), .int8(-3), .uint16(60_000), .int16(-300), .uint32(4_000_000_000),
        .int32(-70_000), .float32(1.5), .bool(true), .string("café"), .uint64(.max),
        .int64(.min), .float64(0.1),
      ])
    #expect(
      metadata.map { "\($0.1)" } == [
        "200", "-3", "60000", "-300", "4000000000", "-70000", "1.5", "true", "\"café\"",
        "18446744073709551615", "-9223372036854775808", "0.1", "[3 x string]", "[2 x int32]",
        "[2 x float32]",
      ])
  }

  @Test func `typed access converts, and answers nil for missing keys`() throws {
    let metadata = try metadata()
    #expect(try metadata.requireUInt("u8") == 200)
    #expect(try metadata.uint("u32") == 4_000_000_000)
    #expect(try metadata.requireFloat("f32") == 1.5)
    #expect(try metadata.requireFloat("f64") == 0.1)
    #expect(try metadata.float("i16") == -300)
    #expect(try metadata.float("u64") == 0x1p64)
    #expect(try metadata.requireBool("bool"))
    #expect(try metadata.requireString("text") == "café")
    #expect(try metadata.requireIntegers("ints") == [-1, 5])
    #expect(try metadata.requireFloats("floats") == [0.5, -2])
    #expect(try metadata.uint("none") == nil)
    #expect(try metadata.string("none") == nil)
    #expect(try metadata.stringArray("none") == nil)
  }

  @Test func `missing keys and other types are named`() throws {
    let metadata = try metadata()
    func check(_ expected: String, _ body: () throws -> some Any) {
      #expect(fault(body) == "m.gguf: metadata key \(expected)")
    }
    check("\"none\": is missing") { try metadata.requireUInt("none") }
    check("\"none\": is missing") { try metadata.requireStringArray("none") }
    check("\"i8\": expected a non-negative integer, found -3 (int8)") {
      try metadata.requireUInt("i8")
    }
    check("\"u64\": expected a non-negative integer, found 18446744073709551615 (uint64)") {
      try metadata.uint("u64")
    }
    check("\"text\": expected a non-negative integer, found a string") {
      try metadata.uint("text")
    }
    check("\"bool\": expected a string, found true (bool)") { try metadata.string("bool") }
    check("\"u8\": expected a bool, found 200 (uint8)") { try metadata.bool("u8") }
    check("\"text\": expected a number, found a string") { try metadata.float("text") }
    check("\"ints\": expected an array of strings, found an array of int32") {
      try metadata.stringArray("ints")
    }
    check("\"strings\": expected an array of integers, found an array of string") {
      try metadata.integers("strings")
    }
    check("\"u8\": expected an array of integers, found 200 (uint8)") {
      try metadata.integers("u8")
    }
    check("\"ints\": expected an array of floating-point numbers, found an array of int32") {
      try metadata.floats("ints")
    }
  }

  @Test func `strings are decoded on demand and bytes are there in any case`() throws {
    let array = try metadata().requireStringArray("strings")
    #expect(array.count == 3)
    #expect(try array.string(at: 0) == "a")
    #expect(try array.value(at: 1) == .string(""))
    #expect(Array(array.bytes(at: 2)) == [0xC3, 0x28])
    #expect(
      fault { try array.strings() }
        == "m.gguf: metadata key \"strings\", element 2: is not valid UTF-8")
  }

  @Test func `elements of every number type convert`() throws {
    func array(_ type: GGUFValueType, _ bytes: [UInt8], count: UInt64 = 1) throws -> GGUFArray {
      var builder = GGUFBuilder(entries: 1)
      builder.array("k", type, count: count)
      builder.bytes += bytes
      return try #require(try builder.open().metadata["k"]?.array)
    }
    #expect(try array(.uint8, [255, 1], count: 2).integers() == [255, 1])
    #expect(try array(.int8, [255]).integers() == [-1])
    #expect(try array(.uint16, [0, 255]).integers() == [0xFF00])
    #expect(try array(.int16, [0, 255]).integers() == [-256])
    #expect(try array(.uint32, [0, 0, 0, 128]).integers() == [1 << 31])
    #expect(try array(.uint64, [1, 0, 0, 0, 0, 0, 0, 0]).integers() == [1])
    #expect(try array(.int64, Array(repeating: 255, count: 8)).integers() == [-1])
    #expect(try array(.bool, [1]).value(at: 0) == .bool(true))
    #expect(try array(.float64, [0, 0, 0, 0, 0, 0, 240, 63]).floats() == [1])
    #expect(try array(.float64, [0, 0, 0, 0, 0, 0, 240, 63]).value(at: 0) == .float64(1))
    #expect(
      fault { try array(.uint64, Array(repeating: 255, count: 8)).integers() }
        == "m.gguf: metadata key \"k\", element 0: does not fit 63 bits")
    #expect(try array(.uint8, [1]) == array(.uint8, [1]))
    #expect(try array(.uint8, [1]) != array(.int8, [1]))
  }
}
