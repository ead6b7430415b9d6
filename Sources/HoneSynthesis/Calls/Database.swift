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
  }

  private let handle: OpaquePointer
  /// Statements that were prepared before, by their text.
  private var statements: [String: OpaquePointer] = [:]

  /// Opens a file, made where there is none.
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
    let statement = try prepared(sql)
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    for (index, value) in values.enumerated() {
      try check(bind(value, at: Int32(index + 1), of: statement))
    }
    var first: String?
    var isFirst = true
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { return first }
      guard code == SQLITE_ROW else { throw failure(code) }
      if isFirst, let text = sqlite3_column_text(statement, 0) {
        first = String(
          decoding: UnsafeBufferPointer(
            start: text, count: Int(sqlite3_column_bytes(statement, 0))), as: UTF8.self)
      }
      isFirst = false
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
    }
  }

  private func check(_ code: Int32) throws(Failure) {
    guard code == SQLITE_OK else { throw failure(code) }
  }

  private func failure(_ code: Int32) -> Failure {
    Failure(code: code & 0xff, message: String(cString: sqlite3_errmsg(handle)))
  }
}
