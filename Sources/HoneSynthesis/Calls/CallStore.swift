import CSQLite
import HoneFormats
import Synchronization

/// What a teacher has answered, kept so that no call is made twice.
///
/// A SQLite file with one row a call. The key is a digest of everything that changes an answer (the
/// model's checksum, the tokens, the sampling, the grammar, the seed) and of nothing else, so a run
/// that is killed, resumed or changed in a later step makes only the calls that are new.
package final class CallStore: Sendable {
  /// How keys are made; a change of what they cover changes it, so that old answers are not taken.
  static let version = 1

  package let path: String
  private let database: Mutex<Database>

  /// Opens a store, made where there is none.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a file that is no store, or a damaged one.
  package init(path: String) throws {
    self.path = path
    do throws(Database.Failure) {
      database = Mutex(try Self.opened(path))
    } catch {
      throw Self.fault(path, error)
    }
    if let problem = try attempt(Self.prepare) { throw Self.fault(path, problem) }
  }

  private static func opened(_ path: String) throws(Database.Failure) -> sending Database {
    try Database(path: path)
  }

  /// Makes the table of a new store and checks an old one; gives what is wrong with it.
  private static func prepare(_ database: Database) throws -> String? {
    // Write-ahead: a killed process loses at most the transaction it was in.
    try database.run("PRAGMA journal_mode = WAL")
    try database.run("PRAGMA synchronous = NORMAL")
    var problem: String?
    try database.transaction {
      let stored = try database.run("PRAGMA user_version") ?? "0"
      if stored == "0", try database.run("SELECT count(*) FROM sqlite_master") == "0" {
        try database.run(
          "CREATE TABLE calls (key BLOB PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID")
        try database.run("PRAGMA user_version = \(version)")
      } else if stored != "\(version)" {
        problem = "is a store of version \(stored)"
      } else {
        let check = try database.run("PRAGMA quick_check") ?? "no answer"
        if check != "ok" { problem = "is damaged: \(check)" }
      }
    }
    return problem
  }

  private static func fault(_ path: String, _ problem: String) -> FormatError {
    FormatError(
      file: path, problem: problem,
      advice: "remove it; its calls are then made again")
  }

  private static func fault(_ path: String, _ failure: Database.Failure) -> FormatError {
    switch failure.code {
    case SQLITE_NOTADB: fault(path, "is no store of calls")
    case SQLITE_CORRUPT: fault(path, "is damaged")
    case SQLITE_FULL:
      FormatError(
        file: path, problem: "cannot be written: the disk is full",
        advice: "make room, then go on with the run")
    case SQLITE_BUSY, SQLITE_LOCKED:
      FormatError(
        file: path, problem: "is in use by another process", advice: "wait until it has ended")
    default: FormatError(file: path, problem: "cannot be used: \(failure.message)")
    }
  }

  private func attempt<Result: Sendable>(_ body: (Database) throws -> Result) throws -> Result {
    do {
      return try database.withLock { try body($0) }
    } catch let failure as Database.Failure {
      throw Self.fault(path, failure)
    }
  }

  /// The answers of those keys that have one.
  package func answers(_ keys: [CallKey]) throws -> [CallKey: JSONValue] {
    try attempt { database in
      var found: [CallKey: JSONValue] = [:]
      for key in keys where found[key] == nil {
        guard
          let text = try database.run("SELECT answer FROM calls WHERE key = ?", .blob(key.bytes))
        else { continue }
        guard let value = try? JSONParser.parse(text) else {
          throw Self.fault(path, "holds an answer that is not JSON")
        }
        found[key] = value
      }
      return found
    }
  }

  /// Keeps answers; all of them or, should the process be killed, none.
  package func keep(_ answers: [(key: CallKey, answer: JSONValue)]) throws {
    guard !answers.isEmpty else { return }
    try attempt { database in
      try database.transaction {
        for (key, answer) in answers {
          try database.run(
            "INSERT OR REPLACE INTO calls (key, answer) VALUES (?, ?)", .blob(key.bytes),
            .text(answer.text()))
        }
      }
    }
  }

  /// How many answers there are.
  package func count() throws -> Int {
    try attempt { try $0.run("SELECT count(*) FROM calls").flatMap { Int($0) } ?? 0 }
  }
}
