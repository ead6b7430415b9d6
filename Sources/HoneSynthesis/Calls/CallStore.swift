import Foundation
import GRDB
import HoneFormats

/// What a teacher has answered, kept so that no call is made twice.
///
/// A SQLite file with one row a call. The key is a digest of everything that changes an answer (the
/// model's checksum, the tokens, the sampling, the grammar, the seed) and of nothing else, so a run
/// that is killed, resumed or changed in a later step makes only the calls that are new.
package final class CallStore: Sendable {
  /// How keys are made; a change of what they cover changes it, so that old answers are not taken.
  static let version = 1

  package let path: String
  private let queue: DatabaseQueue

  /// Opens a store, made where there is none.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a file that is no store, or a damaged one.
  package init(path: String) throws {
    self.path = path
    do {
      var configuration = Configuration()
      // Write-ahead: a killed process loses at most the transaction it was in.
      configuration.journalMode = .wal
      configuration.prepareDatabase { database in
        try database.execute(sql: "PRAGMA synchronous = NORMAL")
      }
      queue = try DatabaseQueue(path: path, configuration: configuration)
      let problem = try queue.write { database -> String? in
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if version == 0, tables == 0 {
          try database.execute(
            sql: "CREATE TABLE calls (key BLOB PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID")
          try database.execute(sql: "PRAGMA user_version = \(Self.version)")
          return nil
        }
        guard version == Self.version else { return "is a store of version \(version)" }
        let check = try String.fetchOne(database, sql: "PRAGMA quick_check") ?? "no answer"
        return check == "ok" ? nil : "is damaged: \(check)"
      }
      if let problem { throw Self.fault(path, problem) }
    } catch let error as DatabaseError {
      throw Self.fault(path, error)
    }
  }

  private static func fault(_ path: String, _ problem: String) -> FormatError {
    FormatError(
      file: path, problem: problem,
      advice: "remove it; its calls are then made again")
  }

  private static func fault(_ path: String, _ error: DatabaseError) -> FormatError {
    switch error.resultCode {
    case .SQLITE_NOTADB: fault(path, "is no store of calls")
    case .SQLITE_CORRUPT: fault(path, "is damaged")
    case .SQLITE_FULL:
      FormatError(
        file: path, problem: "cannot be written: the disk is full",
        advice: "make room, then go on with the run")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      FormatError(
        file: path, problem: "is in use by another process", advice: "wait until it has ended")
    default:
      FormatError(
        file: path, problem: "cannot be used: \(error.message ?? "\(error.resultCode)")")
    }
  }

  private func attempt<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as DatabaseError { throw Self.fault(path, error) }
  }

  /// The answers of those keys that have one.
  package func answers(_ keys: [CallKey]) throws -> [CallKey: JSONValue] {
    try attempt {
      try queue.read { database in
        let statement = try database.cachedStatement(
          sql: "SELECT answer FROM calls WHERE key = ?")
        var found: [CallKey: JSONValue] = [:]
        for key in keys where found[key] == nil {
          guard let text = try String.fetchOne(statement, arguments: [Data(key.bytes)]) else {
            continue
          }
          guard let value = try? JSONParser.parse(text) else {
            throw Self.fault(path, "holds an answer that is not JSON")
          }
          found[key] = value
        }
        return found
      }
    }
  }

  /// Keeps answers; all of them or, should the process be killed, none.
  package func keep(_ answers: [(key: CallKey, answer: JSONValue)]) throws {
    guard !answers.isEmpty else { return }
    try attempt {
      try queue.write { database in
        let statement = try database.cachedStatement(
          sql: "INSERT OR REPLACE INTO calls (key, answer) VALUES (?, ?)")
        for (key, answer) in answers {
          try statement.execute(arguments: [Data(key.bytes), answer.text()])
        }
      }
    }
  }

  /// How many answers there are.
  package func count() throws -> Int {
    try attempt {
      try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM calls") ?? 0 }
    }
  }
}
