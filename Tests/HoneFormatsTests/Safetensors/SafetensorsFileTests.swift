import Foundation
import Testing

@testable import HoneFormats

@Suite struct SafetensorsFileTests {
  /// The bytes of a file with this header.
  private func bytes(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
    let length = length ?? UInt64(header.utf8.count)
    return withUnsafeBytes(of: length.littleEndian) { Array($0) } + Array(header.utf8)
      + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
  }

  private func open(_ header: String, data: Int = 0) throws -> SafetensorsFile {
    try SafetensorsFile(MappedFile(copying: bytes(header, data: data), named: "m.safetensors"))
  }

  private func tensor(
    _ type: String, _ shape: String, _ offsets: String, data: Int
  ) -> String? {
    fault {
      try open(
        #"{"a":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}}"#, data: data)
    }
  }

  // MARK: Well-formed files

  @Test func `the reference's file of every type is read as it was written`() throws {
    let path = SharedFiles.fixtures.appending(path: "reference/types.safetensors").path
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["format": "pt"])
    let types: [(String, SafetensorsType)] = [
      ("bool", .bool), ("uint8", .u8), ("int8", .i8), ("float8_e5m2", .f8_e5m2),
      ("float8_e4m3fn", .f8_e4m3), ("float8_e8m0fnu", .f8_e8m0),
      ("float8_e4m3fnuz", .f8_e4m3fnuz), ("float8_e5m2fnuz", .f8_e5m2fnuz), ("int16", .i16),
      ("uint16", .u16), ("float16", .f16), ("bfloat16", .bf16), ("int32", .i32),
      ("uint32", .u32), ("float32", .f32), ("complex64", .c64), ("float64", .f64),
      ("int64", .i64), ("uint64", .u64),
    ]
    for (name, type) in types {
      let tensor = try #require(file.tensor(named: name))
      #expect(tensor.type == type)
      #expect(tensor.shape == [2, 3])
      #expect(tensor.elementCount == 6)
      let expected = (0..<6 * type.bitCount / 8).map { UInt8(type == .bool ? $0 % 2 : $0) }
      #expect(Array(tensor.bytes) == expected, "\(name)")
    }
    let scalar = try #require(file.tensor(named: "scalar"))
    #expect(scalar.shape == [])
    #expect(scalar.bytes.loadUnaligned(as: Float.self) == 1.5)
    let empty = try #require(file.tensor(named: "empty"))
    #expect(empty.shape == [0, 4])
    #expect(empty.bytes.isEmpty)
    #expect(file.tensors.count == types.count + 2)
    #expect(file.tensor(named: "nothing") == nil)
  }

  @Test func `types below a byte fill whole bytes`() throws {
    let file = try open(
      """
      {"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]},
      "b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[3,6]},
      "c":{"dtype":"F6_E3M2","shape":[8],"data_offsets":[6,12]}}
      """, data: 12)
    #expect(file.tensors.map(\.type) == [.f4, .f6_e2m3, .f6_e3m2])
    #expect(
      tensor("F4", "[3]", "[0,2]", data: 2)
        == "m.safetensors: tensor \"a\": has the shape [3] of F4, which is no possible number of "
        + "bytes")
  }

  @Test func `a file without tensors is well-formed`() throws {
    #expect(try open("{}").tensors.isEmpty)
    #expect(try open(#"{"__metadata__":{"a":"b"}}  "#).metadata == ["a": "b"])
  }

  @Test func `tensors come in the order of their data`() throws {
    let file = try open(
      """
      {"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},\
      "empty":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},\
      "a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}
      """, data: 3)
    #expect(file.tensors.map(\.name) == ["a", "empty", "b"])
    #expect(file.tensors.map { Array($0.bytes) } == [[0], [], [1, 2]])
  }

  // MARK: Headers

  @Test func `faults of the header's length are named`() {
    func fault(_ bytes: [UInt8]) -> String? {
      HoneFormatsTests.fault {
        try SafetensorsFile(MappedFile(copying: bytes, named: "m.safetensors"))
      }
    }
    #expect(
      fault([1, 2, 3])
        == "m.safetensors: byte 0: the file ends inside the header's length; it is cut short; "
        + "fetch it again")
    #expect(
      fault(bytes("{}", length: 3))
        == "m.safetensors: byte 8: the file ends inside the header of 3 bytes; it is cut short; "
        + "fetch it again")
    #expect(
      fault(bytes("{}", length: 100_000_001))
        == "m.safetensors: byte 0: the header's length is 100000001, more than 100000000; "
        + "it is damaged or not a safetensors file")
    #expect(
      fault(bytes("{}", length: UInt64.max))
        == "m.safetensors: byte 0: the header's length is 18446744073709551615, more than "
        + "100000000; it is damaged or not a safetensors file")
    let notABrace =
      "m.safetensors: byte 8: the header does not begin with '{'; it is damaged or not a "
      + "safetensors file"
    #expect(fault(bytes("", data: 4)) == notABrace)
    #expect(fault(bytes(" {}")) == notABrace)
    #expect(fault(bytes("[]")) == notABrace)
  }

  @Test(arguments: [
    ("{", "m.safetensors: header: line 1, column 2: expected a quoted key"),
    ("{}\0", "m.safetensors: header: line 1, column 3: unexpected text after the JSON value"),
    (
      #"{"a":1,"a":1}"#,
      "m.safetensors: header: line 1, column 14: the key \"a\" stands twice in the object that "
        + "ends here"
    ),
    (
      #"{"a":[[[[[[[[[[]]]]]]]]]]}"#,
      "m.safetensors: header: line 1, column 13: nested more than 8 levels deep"
    ),
    ("{\"__metadata__\":null}", "m.safetensors: __metadata__: is not an object of strings"),
    (
      "{\"__metadata__\":{\"n\":1}}",
      "m.safetensors: __metadata__: the value of \"n\" is not a string"
    ),
    ("{\"a\":1}", "m.safetensors: tensor \"a\": is not described by an object"),
    ("{\"a\":{}}", "m.safetensors: tensor \"a\": has no \"dtype\" string"),
    (
      "{\"a\":{\"dtype\":\"U8\",\"x\":1}}", "m.safetensors: tensor \"a\": has the unknown key \"x\""
    ),
    (
      "{\"a\":{\"dtype\":\"U8\"}}",
      "m.safetensors: tensor \"a\": has no \"shape\" of non-negative integers"
    ),
    (
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}",
      "m.safetensors: tensor \"a\": has no \"data_offsets\" of two non-negative integers"
    ),
  ])
  func `faults of the header are named`(header: String, expected: String) {
    #expect(fault { try open(header) } == expected)
  }

  // MARK: Tensors

  @Test func `faults of types, shapes and offsets are named`() {
    let prefix = "m.safetensors: tensor \"a\": "
    let shape = prefix + "has no \"shape\" of non-negative integers"
    let offsets = prefix + "has no \"data_offsets\" of two non-negative integers"
    #expect(tensor("C128", "[1]", "[0,1]", data: 1) == prefix + "has the unknown type \"C128\"")
    #expect(tensor("U8", "[-1]", "[0,1]", data: 1) == shape)
    #expect(tensor("U8", "[1.0]", "[0,1]", data: 1) == shape)
    #expect(tensor("U8", "[9223372036854775808]", "[0,1]", data: 1) == shape)
    #expect(tensor("U8", "[1]", "[0]", data: 1) == offsets)
    #expect(tensor("U8", "[1]", "[0,1,2]", data: 1) == offsets)
    #expect(tensor("U8", "[1]", "[-1,0]", data: 1) == offsets)
    #expect(
      tensor("F32", "[4294967296,4294967296]", "[0,4]", data: 4)
        == prefix + "has the shape [4294967296, 4294967296] of F32, which is no possible number "
        + "of bytes")
    #expect(
      tensor("F32", "[0,4294967296,4294967296]", "[0,0]", data: 0)
        == prefix + "has the shape [0, 4294967296, 4294967296] of F32, which is no possible "
        + "number of bytes")
    #expect(
      tensor("U8", "[1]", "[1,0]", data: 1)
        == prefix + "begins at offset 1 and ends before it, at 0")
    #expect(
      tensor("U8", "[9]", "[0,9]", data: 8)
        == prefix + "ends at offset 9, past the 8 bytes of data; the file is cut short; fetch it "
        + "again")
    #expect(
      tensor("F32", "[2]", "[0,4]", data: 4)
        == prefix + "has 4 bytes, but the shape [2] of F32 takes 8")
  }

  @Test func `overlaps, holes and leftovers are named`() {
    func two(_ first: String, _ second: String, data: Int) -> String? {
      fault {
        try open(
          """
          {"a":{"dtype":"U8","shape":[2],"data_offsets":\(first)},\
          "b":{"dtype":"U8","shape":[2],"data_offsets":\(second)}}
          """, data: data)
      }
    }
    #expect(
      two("[0,2]", "[1,3]", data: 3)
        == "m.safetensors: tensor \"b\": shares bytes with tensor \"a\"")
    #expect(
      two("[0,2]", "[0,2]", data: 2)
        == "m.safetensors: tensor \"b\": shares bytes with tensor \"a\"")
    #expect(
      two("[0,2]", "[5,7]", data: 7)
        == "m.safetensors: tensor \"b\": follows a hole of 3 bytes in the data")
    #expect(
      two("[1,3]", "[3,5]", data: 5)
        == "m.safetensors: tensor \"a\": follows a hole of 1 bytes in the data")
    #expect(
      two("[0,2]", "[2,4]", data: 6)
        == "m.safetensors: has 2 bytes after the last tensor's data")
  }
}
