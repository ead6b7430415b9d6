import Foundation
import HoneModels

/// The folder in which Hone keeps what it need not fetch or compute twice.
///
/// `$HONE_CACHE`, else `$XDG_CACHE_HOME/hone`, else `~/.cache/hone`.
package struct CacheFolder: Sendable {
  package let path: String

  package init(environment: [String: String]) throws {
    if let path = environment["HONE_CACHE"], !path.isEmpty {
      self.path = path
    } else {
      path = try Self.userCaches(environment: environment) + "/hone"
    }
  }

  /// The folder that holds every program's caches of this user.
  static func userCaches(environment: [String: String]) throws -> String {
    // The base directory specification: a relative path is to be ignored.
    if let path = environment["XDG_CACHE_HOME"], path.hasPrefix("/") { return path }
    if let home = environment["HOME"], !home.isEmpty { return home + "/.cache" }
    throw ModelError(
      subject: "cache", problem: "neither HONE_CACHE nor XDG_CACHE_HOME nor HOME is set",
      advice: "set HONE_CACHE to a folder")
  }
}
