import Foundation
import HoneFormats

/// What fetching asks of the file system, with errors that name the path.
package enum Disk {
  package static func createFolder(_ path: String) throws {
    try NewFolder.make(path, advice: "set HONE_CACHE or HF_HOME to a folder that you may write to")
  }

  package static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }

  package static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Deletes a file or folder, if there is one.
  package static func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Moves a file or folder to its final name in one step, in place of what had that name.
  package static func move(_ source: String, to destination: String) throws {
    guard rename(source, destination) == 0 else {
      throw ModelError(
        subject: destination, problem: "cannot be put in place: \(reason(errno))")
    }
  }

  /// The file's bytes, or nil where there is none.
  package static func contents(_ path: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path).map { Array($0) }
  }

  /// A regular file's size and the time of its last change in nanoseconds, or nil where there is
  /// no such file. Links are followed.
  package static func status(_ path: String) -> (byteCount: Int, modified: Int)? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    return (Int(status.st_size), Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec))
  }

  /// The bytes of all files below a folder.
  package static func byteCount(below folder: String) -> Int {
    fileSizes(below: folder).reduce(0, +)
  }

  /// The bytes of the largest file below a folder.
  package static func largestFile(below folder: String) -> Int {
    fileSizes(below: folder).max() ?? 0
  }

  private static func fileSizes(below folder: String) -> [Int] {
    guard let paths = FileManager.default.enumerator(atPath: folder) else { return [] }
    return paths.compactMap { path in
      (path as? String).flatMap { status("\(folder)/\($0)")?.byteCount }
    }
  }

  /// The bytes that may still be written to the disk that holds a folder, or nil where nobody says.
  package static func freeBytes(at folder: String) -> Int? {
    var folder = folder
    // A folder that is yet to be created lies on its parent's disk.
    while !exists(folder), folder.contains("/"), folder != "/" {
      folder = (folder as NSString).deletingLastPathComponent
    }
    var status = statvfs()
    guard statvfs(folder.isEmpty ? "." : folder, &status) == 0 else { return nil }
    return Int(
      clamping: UInt64(status.f_bavail).multipliedReportingOverflow(
        by: UInt64(status.f_frsize)
      ).partialValue)
  }

  /// Fails early where the disk has no room for that many more bytes.
  package static func requireSpace(_ needed: Int, in folder: String, for subject: String) throws {
    guard let free = freeBytes(at: folder), free < needed else { return }
    throw noSpace(subject, needed: needed, free: free, folder: folder)
  }

  package static func noSpace(
    _ subject: String, needed: Int? = nil, free: Int? = nil, folder: String
  )
    -> ModelError
  {
    let sizes =
      if let needed, let free { ": \(needed.asBytes) needed, \(free.asBytes) free" } else { "" }
    return ModelError(
      subject: subject, problem: "no space left on the disk of \(folder)\(sizes)",
      advice: "free some, or set HONE_CACHE (HF_HOME for hub models) to a folder on a larger disk")
  }

  package static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

  package static func reason(_ error: any Error) -> String {
    let error = error as NSError
    let below = error.userInfo[NSUnderlyingErrorKey] as? NSError
    return [below, error].compactMap { $0 }.first { $0.domain == NSPOSIXErrorDomain }
      .map { reason(Int32($0.code)) } ?? error.localizedDescription
  }
}

extension Int {
  /// A size in words: 98.4 MB.
  package var asBytes: String {
    var size = Double(self)
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
      if size < 999.5 || unit == "TB" {
        return unit == "bytes" || size >= 99.95
          ? "\(Int(size.rounded())) \(unit)" : "\((size * 10).rounded() / 10) \(unit)"
      }
      size /= 1000
    }
    return "\(self) bytes"
  }
}
