import Foundation
import HoneFormats
import Testing

@testable import HoneSynthesis

@Suite struct CallStoreTests {
  private func folder() throws -> String {
    let path = NSTemporaryDirectory() + "call-store-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private func key(_ name: String) -> CallKey { CallKey([("name", Array(name.utf8))]) }

  @Test func `What is kept is found again after closing`() throws {
    let path = try folder() + "/calls.sqlite"
    try CallStore(path: path).keep([(key("a"), .string("one")), (key("b"), .integer(2))])
    let store = try CallStore(path: path)
    let found = try store.answers([key("a"), key("b"), key("c")])
    #expect(found == [key("a"): .string("one"), key("b"): .integer(2)])
    #expect(try store.count() == 2)
  }

  @Test func `A file that is no store is refused with advice`() throws {
    let path = try folder() + "/calls.sqlite"
    try Data(String(repeating: "not a database ", count: 100).utf8)
      .write(to: URL(fileURLWithPath: path))
    #expect {
      try CallStore(path: path)
    } throws: { error in
      "\(error)" == "\(path): is no store of calls; remove it; its calls are then made again"
    }
  }

  @Test func `A store in which another writes is refused until it has ended`() throws {
    let path = try folder() + "/calls.sqlite"
    let store = try CallStore(path: path)
    let other = try Database(path: path)
    try other.run("BEGIN IMMEDIATE")
    #expect {
      try store.keep([(key("a"), .string("one"))])
    } throws: { error in
      "\(error)" == "\(path): is in use by another process; wait until it has ended"
    }
    try other.run("ROLLBACK")
    try store.keep([(key("a"), .string("one"))])
    #expect(try store.count() == 1)
  }

  @Test func `Answers of which one cannot be kept are all left out`() throws {
    let database = try Database(path: folder() + "/calls.sqlite")
    try database.run("CREATE TABLE calls (key BLOB PRIMARY KEY, answer TEXT NOT NULL)")
    #expect(throws: Database.Failure.self) {
      try database.transaction {
        try database.run("INSERT INTO calls VALUES (?, ?)", .blob([1]), .text("a"))
        try database.run("INSERT INTO calls VALUES (?, ?)", .blob([1]), .text("b"))
      }
    }
    #expect(try database.run("SELECT count(*) FROM calls") == "0")
  }

  @Test func `A store with damaged pages is refused`() throws {
    let path = try folder() + "/calls.sqlite"
    do {
      let store = try CallStore(path: path)
      try store.keep((0..<2000).map { (key("\($0)"), .string("answer \($0)")) })
    }
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes.count > 40_000)
    for index in 8192..<24_576 { bytes[index] = UInt8(index % 251) }
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(throws: FormatError.self) { try CallStore(path: path) }
  }

  @Test func `Keys of parts that run into each other differ`() {
    #expect(
      CallKey([("a", [1, 2]), ("b", [3])]) != CallKey([("a", [1]), ("b", [2, 3])]))
  }
}
