import Foundation
import HoneFormats
import HoneModels

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What the bytes of an HTTP answer go into, as they come.
///
/// Called on one queue, one call at a time.
protocol Receiver: AnyObject {
  /// The answer begins.
  func begin(_ response: HTTPURLResponse) throws
  /// - Parameter isBehind: whether many more pieces wait already.
  func receive(_ bytes: UnsafeRawBufferPointer, isBehind: Bool) throws
}

/// An answer's bytes in memory, for the hub's own words.
final class Body: Receiver {
  var bytes: [UInt8] = []
  /// The largest known listing has a few megabytes.
  private let limit = 64 << 20

  func begin(_ response: HTTPURLResponse) { bytes.removeAll() }

  func receive(_ piece: UnsafeRawBufferPointer, isBehind: Bool) throws {
    guard bytes.count + piece.count <= limit else {
      throw ModelError(subject: "hub", problem: "its answer has more than \(limit.asBytes)")
    }
    bytes += piece
  }
}

/// A file that grows with the bytes that come, and its checksum with it.
///
/// Pieces that nobody has taken yet wait in memory. So when they come faster than a checksum can be
/// computed, the rest of the file is only written, and read again for the checksum at the end.
final class FileSink: Receiver {
  private let path: String
  private let file: HubClient.File
  private let listener: TransferListener
  private let descriptor: Int32
  private var hash = SHA256()
  /// How many bytes the checksum knows.
  private var hashedCount = 0
  private(set) var byteCount = 0
  /// What the server said instead of sending the file.
  private(set) var complaint: [UInt8] = []
  private var takes = false

  /// Opens the file and reads what an earlier try left in it.
  init(path: String, file: HubClient.File, listener: @escaping TransferListener) throws {
    self.path = path
    self.file = file
    self.listener = listener
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw ModelError(subject: path, problem: "cannot be written: \(Disk.reason(errno))")
    }
    // No status: not a regular file, so nothing was left in it.
    guard let size = Disk.status(path)?.byteCount else { return }
    if size > file.byteCount {
      try restart()
    } else {
      byteCount = size
      try hashRest()
    }
  }

  /// Brings the checksum up to what the file holds.
  private func hashRest() throws {
    try FileDigest.read(path, from: hashedCount) { bytes, position in
      hash.update(bytes)
      hashedCount = position
      report(.checking, hashedCount)
    }
  }

  deinit { close(descriptor) }

  func restart() throws {
    // A device cannot be cut, and needs it not.
    guard ftruncate(descriptor, 0) == 0 || errno == EINVAL else {
      throw ModelError(subject: path, problem: "cannot be cut: \(Disk.reason(errno))")
    }
    hash = SHA256()
    hashedCount = 0
    byteCount = 0
  }

  func begin(_ response: HTTPURLResponse) throws {
    complaint = []
    takes = response.statusCode == 200 || response.statusCode == 206
    guard takes else { return }
    let tag = response.value(forHTTPHeaderField: "ETag")?
      .replacingOccurrences(of: "W/", with: "").trimmingCharacters(in: ["\""])
    // Only a Git hash names the contents: stores of large files have tags of their own.
    if file.sha256 == nil, let tag, tag.utf8.count == 40, tag != file.tag {
      throw ModelError(
        subject: file.path, problem: "changed at its source while it was fetched",
        advice: "try again")
    }
    if response.statusCode == 200 {
      if byteCount > 0 { try restart() }
    } else {
      let range = response.value(forHTTPHeaderField: "Content-Range") ?? ""
      guard range.hasPrefix("bytes \(byteCount)-") else {
        throw ModelError(
          subject: file.path, problem: "the server sends another part than was asked for (\(range))"
        )
      }
    }
  }

  func receive(_ bytes: UnsafeRawBufferPointer, isBehind: Bool) throws {
    guard takes else {
      complaint += bytes.prefix(4096 - min(4096, complaint.count))
      return
    }
    guard byteCount + bytes.count <= file.byteCount else {
      try restart()
      throw ModelError(
        subject: file.path, problem: "more than the announced \(file.byteCount) bytes came")
    }
    var rest = bytes
    while !rest.isEmpty {
      let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(byteCount))
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        let folder = (path as NSString).deletingLastPathComponent
        if errno == ENOSPC || errno == EDQUOT {
          throw Disk.noSpace(
            file.path, needed: file.byteCount - byteCount,
            free: Disk.freeBytes(at: folder) ?? 0, folder: folder)
        }
        throw ModelError(subject: path, problem: "cannot be written: \(Disk.reason(errno))")
      }
      if hashedCount == byteCount, !isBehind {
        hash.update(UnsafeRawBufferPointer(rebasing: rest[..<written]))
        hashedCount += written
      }
      byteCount += written
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
    report(.downloading, byteCount)
  }

  /// Checks the whole and hands it to the disk.
  func finish(subject: String) throws {
    if hashedCount < byteCount { try hashRest() }
    let sum = hash.finish().hexadecimal
    if let expected = file.sha256, sum != expected {
      Disk.remove(path)
      throw ModelError(
        subject: subject, place: file.path,
        problem: "its checksum is \(sum), the hub says \(expected)",
        advice: "it was damaged on the way; fetch it again")
    }
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw ModelError(subject: path, problem: "cannot be written: \(Disk.reason(errno))")
    }
  }

  private func report(_ step: TransferProgress.Step, _ count: Int) {
    listener(
      TransferProgress(
        step: step, subject: file.path, completedBytes: count, totalBytes: file.byteCount))
  }
}

/// One HTTP request and its answer.
///
/// `@unchecked`: the session calls its delegate on one serial queue, and `run` reads what the calls
/// left only after the last of them.
final class Transfer: NSObject, URLSessionDataDelegate, @unchecked Sendable {
  private let receiver: any Receiver
  private var response: HTTPURLResponse?
  private var failure: (any Error)?
  private var continuation: CheckedContinuation<HTTPURLResponse, any Error>?
  private let queue = OperationQueue()
  /// Pieces taken since the waiting ones were counted, which is not free.
  private var uncounted = 0
  private var isBehind = false

  init(receiver: any Receiver) { self.receiver = receiver }

  /// - Throws: `URLError` when no answer comes, ``HubClient/Interrupted`` when the answer breaks off,
  ///   and what the receiver throws.
  func run(_ request: URLRequest) async throws -> HTTPURLResponse {
    queue.maxConcurrentOperationCount = 1
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = 30
    configuration.urlCache = nil
    let session = URLSession(configuration: configuration, delegate: self, delegateQueue: queue)
    defer { session.finishTasksAndInvalidate() }
    let task = session.dataTask(with: request)
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await withCheckedThrowingContinuation { continuation in
        self.continuation = continuation
        task.resume()
      }
    } onCancel: {
      task.cancel()
    }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
    completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    var request = request
    let from = response.url
    // A store of large files is another host, and must not learn the token.
    if request.url?.host != from?.host || request.url?.port != from?.port
      || request.url?.scheme != from?.scheme
    {
      request.setValue(nil, forHTTPHeaderField: "Authorization")
    }
    completionHandler(request)
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
  ) {
    do {
      guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
      self.response = response
      try receiver.begin(response)
      completionHandler(.allow)
    } catch {
      failure = error
      completionHandler(.cancel)
    }
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    guard failure == nil else { return }
    uncounted += 1
    if uncounted == 64 {
      uncounted = 0
      // A piece has 16 kB.
      isBehind = queue.operationCount > 1024
    }
    do {
      try data.withUnsafeBytes { try receiver.receive($0, isBehind: isBehind) }
    } catch {
      failure = error
      dataTask.cancel()
    }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    let continuation = continuation
    self.continuation = nil
    if let failure {
      continuation?.resume(throwing: failure)
    } else if let error {
      let error = error as? URLError ?? URLError(.unknown)
      continuation?.resume(
        throwing: response == nil || error.code == .cancelled
          ? error : HubClient.Interrupted(reason: "the connection was lost"))
    } else if let response {
      continuation?.resume(returning: response)
    } else {
      continuation?.resume(throwing: URLError(.badServerResponse))
    }
  }
}
