#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Makes folders, and says in the system's words why one cannot be.
package enum NewFolder {
  /// Makes a folder and those above it; one that is there already stays as it is.
  ///
  /// - Parameter advice: what to do where it cannot be made.
  /// - Throws: ``FormatError``.
  package static func make(_ path: String, advice: String = "choose another folder") throws {
    if isFolder(path) { return }
    var code = attempt(path)
    if code == ENOENT, let slash = path.lastIndex(where: { $0 == "/" }), slash > path.startIndex {
      try make(String(path[..<slash]), advice: advice)
      code = attempt(path)
    }
    // Another process may have been first.
    guard code == 0 || isFolder(path) else {
      throw FormatError(
        file: path, problem: "cannot be made: \(String(cString: strerror(code)))", advice: advice)
    }
  }

  private static func attempt(_ path: String) -> Int32 { mkdir(path, 0o777) == 0 ? 0 : errno }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
