import Foundation
import HoneFormats
import HoneModels

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Questions to the Hugging Face hub, or to a server that speaks like it.
struct HubClient: Sendable {
  /// A file of a repository.
  struct File: Equatable, Sendable {
    var path: String
    var byteCount: Int
    /// The name of its blob: the SHA-256 of a large file, the Git hash of a small one.
    var tag: String
    /// 64 hexadecimal digits; nil for small files.
    var sha256: String?
  }

  /// What a revision of a repository holds.
  struct Listing: Equatable, Sendable {
    var commit: String
    var files: [File]
  }

  /// Nobody answered: a model that is here may serve instead.
  struct Unreachable: Error {
    var model: ModelError
  }

  let endpoint: String
  private let token: String?
  /// How long to wait before a stopped transfer goes on, doubled each time that nothing came.
  private let pause: Duration

  init(environment: [String: String], pause: Duration = .milliseconds(400)) throws {
    var endpoint = environment["HF_ENDPOINT"] ?? ""
    if endpoint.isEmpty { endpoint = "https://huggingface.co" }
    while endpoint.hasSuffix("/") { endpoint.removeLast() }
    guard let url = URL(string: endpoint), ["http", "https"].contains(url.scheme), url.host != nil
    else {
      throw ModelError(
        subject: "HF_ENDPOINT", problem: "\(endpoint) is not an address",
        advice: "write it as https://host")
    }
    self.endpoint = endpoint
    self.pause = pause
    token = HubCache.token(environment: environment)
  }

  /// The files of a revision, and the commit that it means today.
  func listing(of reference: HubReference) async throws -> Listing {
    let revision = reference.revision.replacingOccurrences(of: "/", with: "%2F")
    let address = "\(endpoint)/api/models/\(reference.repository)/revision/\(revision)?blobs=true"
    let body = Body()
    let response = try await attempts(of: reference) {
      body.bytes.removeAll()
      return try await request(address, into: body)
    }
    guard response.statusCode == 200 else {
      throw refusal(response, body: body.bytes, of: reference, file: nil)
    }
    let text = String(decoding: body.bytes, as: UTF8.self)
    let json = try JSONParser.parse(text, file: address)
    guard let commit = json["sha"]?.string, commit.isPlainName,
      let siblings = json["siblings"]?.array
    else {
      throw FormatError(file: address, problem: "the hub's answer lists no files")
    }
    let files = try siblings.map { sibling in
      let large = sibling["lfs"]
      guard let path = sibling["rfilename"]?.string, path.isInnerPath,
        let byteCount = large?["size"]?.integer ?? sibling["size"]?.integer, byteCount >= 0,
        let tag = large?["sha256"]?.string ?? sibling["blobId"]?.string, tag.isHexadecimal,
        large?["sha256"] == nil || tag.utf8.count == 64
      else {
        throw FormatError(
          file: address, place: sibling["rfilename"]?.string ?? "siblings",
          problem: "the hub's answer lacks a file's name, size or checksum")
      }
      return File(
        path: path, byteCount: byteCount, tag: tag.lowercased(),
        sha256: large?["sha256"]?.string?.lowercased())
    }
    return Listing(commit: commit, files: files)
  }

  /// Fetches a file, going on where an earlier try stopped, and checks it.
  ///
  /// - Parameter path: where the bytes gather; the file stays for the next try when this one fails,
  ///   but not when the bytes are wrong.
  func download(
    _ file: File, of reference: HubReference, commit: String, to path: String,
    listener: @escaping TransferListener
  ) async throws {
    let escaped = file.path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)
    let address =
      "\(endpoint)/\(reference.repository)/resolve/\(commit)/\(escaped ?? file.path)"
    let sink = try FileSink(path: path, file: file, listener: listener)
    if sink.byteCount < file.byteCount {
      let response = try await attempts(of: reference, growing: sink) {
        let response = try await request(address, into: sink, from: sink.byteCount)
        if response.statusCode == 416 {
          try sink.restart()
          throw Interrupted(reason: "the server has no byte \(sink.byteCount) of it")
        }
        if response.statusCode < 300, sink.byteCount < file.byteCount {
          throw Interrupted(
            reason: "only \(sink.byteCount) of \(file.byteCount) bytes came")
        }
        return response
      }
      guard response.statusCode < 300 else {
        throw refusal(response, body: sink.complaint, of: reference, file: file.path)
      }
    }
    try sink.finish(subject: "hf:\(reference)")
  }

  // MARK: Requests

  /// A transfer that may go on when it is tried again.
  struct Interrupted: Error {
    var reason: String
  }

  /// Tries until there is an answer that trying again would not change.
  ///
  /// - Parameter sink: grows when a try was of use; four tries in a row without use are enough.
  private func attempts(
    of reference: HubReference, growing sink: FileSink? = nil,
    _ body: () async throws -> HTTPURLResponse
  ) async throws -> HTTPURLResponse {
    var pause = self.pause
    var useless = 0
    var reached = false
    while true {
      let before = sink?.byteCount ?? 0
      var reason = ""
      do {
        let response = try await body()
        guard [429, 500, 502, 503, 504].contains(response.statusCode) else { return response }
        reached = true
        reason = "the hub answers with status \(response.statusCode)"
      } catch let error as Interrupted {
        reached = true
        reason = error.reason
      } catch let error as URLError {
        if error.code == .cancelled { throw CancellationError() }
        reason = Self.reason(error)
      }
      if sink?.byteCount ?? 0 > before {
        useless = 0
        pause = self.pause
        reached = true
      }
      useless += 1
      guard useless < 4 else {
        let error = ModelError(
          subject: "hf:\(reference)", problem: "cannot be fetched from \(endpoint): \(reason)",
          advice: reached
            ? "try again later; what has come is kept"
            : "check the network and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 to use what is here")
        if reached { throw error }
        throw Unreachable(model: error)
      }
      try await Task.sleep(for: pause)
      pause *= 2
    }
  }

  private func request(
    _ address: String, into receiver: any Receiver, from start: Int = 0
  ) async throws -> HTTPURLResponse {
    guard let url = URL(string: address) else {
      throw ModelError(subject: address, problem: "is not an address")
    }
    var request = URLRequest(url: url)
    request.setValue("hone", forHTTPHeaderField: "User-Agent")
    // Sizes and ranges are those of the file, not of a packed form.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
    if start > 0 { request.setValue("bytes=\(start)-", forHTTPHeaderField: "Range") }
    return try await Transfer(receiver: receiver).run(request)
  }

  private static func reason(_ error: URLError) -> String {
    switch error.code {
    case .cannotFindHost, .dnsLookupFailed: "the host's name is unknown"
    case .cannotConnectToHost: "no connection to the host"
    case .notConnectedToInternet: "there is no network"
    case .networkConnectionLost: "the connection was lost"
    case .timedOut: "no answer in time"
    case .secureConnectionFailed, .serverCertificateUntrusted, .serverCertificateHasBadDate,
      .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid:
      "the host's certificate cannot be trusted"
    default: error.localizedDescription
    }
  }

  /// What an answer other than success means.
  private func refusal(
    _ response: HTTPURLResponse, body: [UInt8], of reference: HubReference, file: String?
  ) -> ModelError {
    var error = ModelError(
      subject: "hf:\(reference)", place: file == reference.file ? "" : file ?? "", problem: "")
    let page = "\(endpoint)/\(reference.repository)"
    switch (response.statusCode, response.value(forHTTPHeaderField: "X-Error-Code")) {
    case (_, "GatedRepo"?), (403, _):
      error.problem = "access must be asked for"
      error.advice =
        token == nil
        ? "accept its terms at \(page), then set HF_TOKEN to your token"
        : "accept its terms at \(page) with the account of your token"
    case (_, "RevisionNotFound"?):
      error.problem = "the repository has no revision \(reference.revision)"
    case (401, _) where token != nil:
      error.problem = "the hub does not accept the token, or there is no such repository"
      error.advice = "check HF_TOKEN and the name"
    // The hub answers so to strangers whether the repository is private or does not exist.
    case (401, _), (_, "RepoNotFound"?):
      error.problem = "there is no such repository, or it is private"
      error.advice = "check the name; for a private one set HF_TOKEN"
    case (404, _):
      error.problem = file == nil ? "there is no such repository or revision" : "is not there"
    case (let status, _):
      let said =
        response.value(forHTTPHeaderField: "X-Error-Message")
        ?? String(decoding: body.prefix(200), as: UTF8.self)
        .split(separator: "\n").first.map(String.init) ?? ""
      error.problem =
        "the hub answers with status \(status)" + (said.isEmpty ? "" : " (\(said))")
    }
    return error
  }
}

extension String {
  /// Whether the text is a checksum's digits, and so also a safe file name.
  fileprivate var isHexadecimal: Bool {
    (32...128).contains(utf8.count) && utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
  }
}
