import CSQLite
import HoneFormats

/// Rows that need not outlive their user, in a temporary file that nothing else sees: memory holds
/// only some megabytes of them.
final class TemporaryDatabase {
  private let database: Database

  /// - Parameter table: the statement that makes the table.
  /// - Throws: ``HoneFormats/FormatError``, as ``rows(_:_:_:)`` does.
  init(_ table: String) throws {
    do throws(Database.Failure) {
      database = try Database(path: "")
      try database.run("PRAGMA cache_size = -16384")
      // It is gone with the process whatever happens.
      try database.run("PRAGMA journal_mode = OFF")
      try database.run(table)
      // One transaction for all: each of its own would look through the pages that are held.
      try database.run("BEGIN")
    } catch {
      throw Self.fault(error)
    }
  }

  /// Runs one statement to its end and shows each row that it gives.
  ///
  /// - Parameter values: what stands for its question marks, in their order.
  func rows(
    _ sql: String, _ values: [Database.Value] = [], _ body: (Database.Row) -> Void = { _ in }
  ) throws {
    do throws(Database.Failure) {
      try database.rows(sql, values, body)
    } catch {
      throw Self.fault(error)
    }
  }

  private static func fault(_ failure: Database.Failure) -> FormatError {
    FormatError(
      file: "the temporary folder",
      problem: failure.code == SQLITE_FULL
        ? "cannot be written: the disk is full" : "cannot be used: \(failure.message)",
      advice: "make room there, or name another in TMPDIR, then go on with the run")
  }
}
