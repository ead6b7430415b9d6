import CSQLite

/// A SQLite database, for one thread at a time.
final class Database {
  /// What SQLite says went wrong.
  struct Failure: Error {
    /// The primary result code: `SQLITE_FULL`.
    let code: Int32
    let message: String
  }

  enum Value {
    case blob([UInt8])
    case text(String)
    case integer(Int64)
  }

  /// A row of what a statement gives, while it is read.
  struct Row {
    fileprivate let statement: OpaquePointer

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func text(_ column: Int32) -> String {
      guard let text = sqlite3_column_text(statement, column) else { return "" }
      let count = Int(sqlite3_column_bytes(statement, column))
      return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }

    /// The bytes of a column, which are there until the row is left.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
      let bytes = sqlite3_column_blob(statement, column)
      return UnsafeRawBufferPointer(
        start: bytes, count: bytes == nil ? 0 : Int(sqlite3_column_bytes(statement, column)))
    }
  }

  private let handle: OpaquePointer
  /// Statements that were prepared before, by their text.
  private var statements: [String: OpaquePointer] = [:]

  /// Opens a file, made where there is none; with an empty path a temporary one, which is gone when
  /// it is closed.
  init(path: String) throws(Failure) {
    var handle: OpaquePointer?
    let code = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil)
    guard let handle, code == SQLITE_OK else {
      defer { sqlite3_close_v2(handle) }
      throw Failure(code: code & 0xff, message: String(cString: sqlite3_errstr(code)))
    }
    self.handle = handle
  }

  deinit {
    for statement in statements.values { sqlite3_finalize(statement) }
    sqlite3_close_v2(handle)
  }

  /// Runs one statement to its end.
  ///
  /// - Parameter values: what stands for its question marks, in their order.
  /// - Returns: the first column of the first row as text; nil for no row, or null.
  @discardableResult
  func run(_ sql: String, _ values: Value...) throws(Failure) -> String? {
    var first: String?
    var isFirst = true
    try rows(sql, values) { row in
      if isFirst, sqlite3_column_type(row.statement, 0) != SQLITE_NULL { first = row.text(0) }
      isFirst = false
    }
    return first
  }

  /// Runs one statement to its end and shows each row that it gives.
  ///
  /// - Parameter values: what stands for its question marks, in their order.
  func rows(_ sql: String, _ values: [Value], _ body: (Row) -> Void) throws(Failure) {
    let statement = try prepared(sql)
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    for (index, value) in values.enumerated() {
      try check(bind(value, at: Int32(index + 1), of: statement))
    }
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { return }
      guard code == SQLITE_ROW else { throw failure(code) }
      body(Row(statement: statement))
    }
  }

  /// Runs what is done as a whole or, should it fail or the process be killed, not at all.
  func transaction(_ body: () throws -> Void) throws {
    try run("BEGIN IMMEDIATE")
    do {
      try body()
      try run("COMMIT")
    } catch {
      // Some failures have rolled back already; the first one is what the caller has to know.
      _ = try? run("ROLLBACK")
      throw error
    }
  }

  private func prepared(_ sql: String) throws(Failure) -> OpaquePointer {
    if let statement = statements[sql] { return statement }
    var statement: OpaquePointer?
    try check(sqlite3_prepare_v2(handle, sql, -1, &statement, nil))
    guard let statement else { preconditionFailure("there is no statement in '\(sql)'") }
    statements[sql] = statement
    return statement
  }

  private func bind(_ value: Value, at index: Int32, of statement: OpaquePointer) -> Int32 {
    // SQLite copies the bytes: they are only there during the call.
    let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    switch value {
    case .blob(let bytes):
      return sqlite3_bind_blob64(statement, index, bytes, UInt64(bytes.count), copied)
    case .text(let text):
      return sqlite3_bind_text64(
        statement, index, text, UInt64(text.utf8.count), copied, UInt8(SQLITE_UTF8))
    case .integer(let integer): return sqlite3_bind_int64(statement, index, integer)
    }
  }

  private func check(_ code: Int32) throws(Failure) {
    guard code == SQLITE_OK else { throw failure(code) }
  }

  private func failure(_ code: Int32) -> Failure {
    Failure(code: code & 0xff, message: String(cString: sqlite3_errmsg(handle)))
  }
}
