import Foundation
import HoneFormats
import HoneModels

/// The Hugging Face cache, which this program shares with the Python tools.
///
///     hub/models--owner--name/blobs/ETAG            contents, under their checksum
///                             snapshots/COMMIT/FILE links into blobs
///                             refs/REVISION         the commit that a branch or tag meant last
///     hub/.locks/models--owner--name/ETAG.lock
struct HubCache: Sendable {
  let path: String

  /// `$HF_HUB_CACHE`, else `$HF_HOME/hub`, else `huggingface/hub` among the user's caches.
  init(environment: [String: String]) throws {
    if let path = environment["HF_HUB_CACHE"], !path.isEmpty {
      self.path = path
    } else {
      path = try Self.home(environment: environment) + "/hub"
    }
  }

  /// Where the Hugging Face tools keep caches and the token.
  static func home(environment: [String: String]) throws -> String {
    if let home = environment["HF_HOME"], !home.isEmpty { return home }
    return try CacheFolder.userCaches(environment: environment) + "/huggingface"
  }

  /// The token that says who asks: `$HF_TOKEN`, else the file that `hf auth login` writes.
  static func token(environment: [String: String]) -> String? {
    if let token = environment["HF_TOKEN"], !token.isEmpty { return token }
    let file =
      environment["HF_TOKEN_PATH"] ?? (try? home(environment: environment)).map { $0 + "/token" }
    guard let file, let bytes = Disk.contents(file) else { return nil }
    let token = String(decoding: bytes, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    return token.isEmpty ? nil : token
  }

  func folder(of repository: String) -> String {
    "\(path)/models--\(repository.replacingOccurrences(of: "/", with: "--"))"
  }

  func snapshot(of repository: String, commit: String) -> String {
    "\(folder(of: repository))/snapshots/\(commit)"
  }

  func blob(of repository: String, tag: String) -> String {
    "\(folder(of: repository))/blobs/\(tag)"
  }

  func lock(of repository: String, tag: String) -> String {
    "\(path)/.locks/models--\(repository.replacingOccurrences(of: "/", with: "--"))/\(tag).lock"
  }

  /// The commit that a revision meant when the hub was asked last.
  func commit(of revision: String, in repository: String) -> String? {
    if Self.isCommit(revision) { return revision }
    guard let bytes = Disk.contents("\(folder(of: repository))/refs/\(revision)") else {
      return nil
    }
    let commit = String(decoding: bytes, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    return commit.isPlainName ? commit : nil
  }

  func remember(_ commit: String, as revision: String, in repository: String) async throws {
    guard !Self.isCommit(revision) else { return }
    let path = "\(folder(of: repository))/refs/\(revision)"
    guard Disk.contents(path).map({ String(decoding: $0, as: UTF8.self) }) != commit else { return }
    try Disk.createFolder((path as NSString).deletingLastPathComponent)
    let lock = lock(of: repository, tag: "ref-\(revision.replacingOccurrences(of: "/", with: "-"))")
    try await FileLock.hold(lock) {
      try AtomicFile.write(Array(commit.utf8), to: path)
    }
  }

  /// Makes a blob visible as a file of a snapshot.
  func link(_ file: String, to tag: String, in repository: String, commit: String) throws {
    let path = "\(snapshot(of: repository, commit: commit))/\(file)"
    try Disk.createFolder((path as NSString).deletingLastPathComponent)
    let up = String(repeating: "../", count: 2 + file.split(separator: "/").count - 1)
    let partial = "\(path).partial-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    guard symlink("\(up)blobs/\(tag)", partial) == 0 else {
      throw ModelError(subject: path, problem: "cannot be linked: \(Disk.reason(errno))")
    }
    try Disk.move(partial, to: path)
  }

  static func isCommit(_ revision: String) -> Bool {
    revision.utf8.count == 40 && revision.allSatisfy { $0.isHexDigit }
  }
}
