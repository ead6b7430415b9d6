import Foundation
import HoneFormats
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// One call, as it is sent.
struct EndpointRequest: Sendable {
  enum Path: String, Sendable {
    case chat = "chat/completions"
    case completions
  }

  var path: Path
  var body: [UInt8]
}

/// What came of a request.
enum EndpointReply: Sendable {
  case answered(TeacherAnswer)
  /// It may be answered when it is sent again.
  case failed(EndpointFailure)
  /// Sending it again would change nothing.
  case refused(SynthesisError)
  case cancelled
}

/// Why a request was not answered this time.
struct EndpointFailure: Sendable {
  /// As the end of a sentence that starts with the endpoint.
  var reason: String
  /// Whether the endpoint has too much to do.
  var isOverload = false
  /// Whether there was anybody at all.
  var wasReached = true
  /// How long the endpoint asks to be left alone.
  var pause: Duration?
}

/// Sends requests to an endpoint and reads its answers, each once.
struct EndpointClient: Sendable {
  let endpoint: Endpoint
  /// Never part of an error or of what is kept.
  let key: String?
  let timeout: Duration

  func reply(to request: EndpointRequest) async -> EndpointReply {
    guard let url = URL(string: "\(endpoint.address)/\(request.path.rawValue)") else {
      return .refused(error("is not an address", advice: "check teacher.url"))
    }
    var sent = URLRequest(url: url)
    sent.httpMethod = "POST"
    sent.httpBody = Data(request.body)
    sent.setValue("application/json", forHTTPHeaderField: "Content-Type")
    sent.setValue("application/json", forHTTPHeaderField: "Accept")
    sent.setValue("hone", forHTTPHeaderField: "User-Agent")
    if let key { sent.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
    do {
      return read(try await Exchange().response(to: sent, timeout: timeout), to: request)
    } catch let error as URLError {
      return reply(error)
    } catch {
      return .cancelled
    }
  }

  /// An error of the endpoint that ends a run.
  func error(_ problem: String, advice: String) -> SynthesisError {
    SynthesisError(
      endpoint.address, problem: problem,
      advice: advice + "; what was answered is kept, and the same command goes on where it was")
  }

  // MARK: Reading

  private func read(_ response: Exchange.Response, to request: EndpointRequest) -> EndpointReply {
    let json = try? JSONParser.parse(String(decoding: response.bytes, as: UTF8.self))
    let words = words(json, response.bytes)
    let reason =
      "answers with status \(response.status)" + (words.isEmpty ? "" : ": \(words)")
    switch response.status {
    case 200..<300:
      guard let json, json.object != nil else {
        return .refused(
          error(
            "does not speak OpenAI's protocol: its answer is no JSON object",
            advice: "check teacher.url, which often ends in /v1"))
      }
      if json["choices"] == nil, let fault = json["error"], !fault.isNull {
        return .refused(error(reason, advice: "check teacher.model"))
      }
      return .answered(Self.answer(in: json))
    case 408, 429, 503, 529:
      return .failed(
        EndpointFailure(reason: reason, isOverload: true, pause: Self.pause(response.retryAfter)))
    case 500..<600:
      return .failed(EndpointFailure(reason: reason, pause: Self.pause(response.retryAfter)))
    case 401, 403:
      return .refused(
        error(
          reason,
          advice: key == nil
            ? "set \(RemoteTeacher.keyVariable) to your key" : "check \(RemoteTeacher.keyVariable)"
        ))
    case 300..<400:
      return .refused(error(reason, advice: "set teacher.url to where it points"))
    case 404, 405:
      let isOld = request.path == .completions
      return .refused(
        error(
          reason,
          advice: "check teacher.url, which often ends in /v1, and teacher.model"
            + (isOld ? "; teacher.prompting must be chat where it only answers messages" : "")))
    default: return .refused(error(reason, advice: "check teacher.model and what it takes"))
    }
  }

  /// The first choice; an empty text where there is none, which filters reject.
  private static func answer(in json: JSONValue) -> TeacherAnswer {
    let choice = json["choices"]?.array?.first
    let reason = choice?["finish_reason"]?.string
    return TeacherAnswer(
      text: choice?["message"]?["content"]?.string ?? choice?["text"]?.string ?? "",
      isFinished: reason == nil || reason == "stop",
      promptTokens: json["usage"]?["prompt_tokens"]?.integer ?? 0,
      answerTokens: json["usage"]?["completion_tokens"]?.integer ?? 0)
  }

  /// Seconds; the other form, a date, is left to the client's own pauses.
  private static func pause(_ header: String?) -> Duration? {
    guard let seconds = header.flatMap(Double.init), seconds.isFinite, seconds >= 0 else {
      return nil
    }
    return .seconds(min(seconds, 1e6))
  }

  /// What the endpoint says is wrong, on one line in quotes, without the key; empty for nothing.
  private func words(_ json: JSONValue?, _ bytes: [UInt8]) -> String {
    let said =
      json?["error"]?["message"]?.string ?? json?["error"]?.string ?? json?["message"]?.string
      ?? json?["detail"]?.string ?? String(decoding: bytes.prefix(4096), as: UTF8.self)
    var text = key.map { said.replacingOccurrences(of: $0, with: "...") } ?? said
    text.unicodeScalars.removeAll { $0.properties.generalCategory == .format }
    let isBlank = { (character: Character) in
      character.isWhitespace
        || character.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
    text = text.split(whereSeparator: isBlank).joined(separator: " ")
    if text.count > 300 { text = text.prefix(297) + "..." }
    return text.isEmpty ? "" : "\"\(text)\""
  }

  private func reply(_ error: URLError) -> EndpointReply {
    switch error.code {
    case .cancelled: .cancelled
    case .timedOut:
      .failed(
        EndpointFailure(
          reason: "gives no answer within \(timeout.components.seconds) s", isOverload: true))
    case .cannotFindHost, .dnsLookupFailed:
      .failed(EndpointFailure(reason: "the host's name is unknown", wasReached: false))
    case .cannotConnectToHost:
      .failed(EndpointFailure(reason: "no connection to the host", wasReached: false))
    case .notConnectedToInternet:
      .failed(EndpointFailure(reason: "there is no network", wasReached: false))
    case .secureConnectionFailed, .serverCertificateUntrusted, .serverCertificateHasBadDate,
      .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid:
      .refused(
        self.error("the host's certificate cannot be trusted", advice: "check teacher.url"))
    case .dataLengthExceedsMaximum:
      .refused(
        self.error(
          "its answer has more than \(Exchange.limit >> 20) MB", advice: "check teacher.url"))
    case .networkConnectionLost, .badServerResponse:
      .failed(EndpointFailure(reason: "the connection was lost"))
    default: .failed(EndpointFailure(reason: error.localizedDescription))
    }
  }
}

/// One HTTP request and its answer.
///
/// Each has a connection of its own: one that is used again may have been closed meanwhile, and a
/// body is not sent twice.
private final class Exchange: NSObject, URLSessionDataDelegate, Sendable {
  struct Response: Sendable {
    var status: Int
    var retryAfter: String?
    var bytes: [UInt8]
  }

  private struct State {
    var bytes: [UInt8] = []
    var outcome: Result<Response, URLError>?
    var continuation: CheckedContinuation<Response, any Error>?
  }

  /// Far more than any answer has.
  static let limit = 16 << 20

  private let state = Mutex(State())

  /// - Throws: `URLError` when no answer comes, `CancellationError`.
  func response(to request: URLRequest, timeout: Duration) async throws -> Response {
    try Task.checkCancellation()
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = max(1, timeout / .seconds(1))
    configuration.urlCache = nil
    let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
    defer { session.finishTasksAndInvalidate() }
    let task = session.dataTask(with: request)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome = state.withLock { state in
          if state.outcome == nil { state.continuation = continuation }
          return state.outcome
        }
        if let outcome { continuation.resume(with: outcome) } else { task.resume() }
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
    // Documents go to the host that the user has allowed, and to no other.
    completionHandler(nil)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let isTooLong = state.withLock { state in
      guard state.bytes.count + data.count <= Self.limit else { return true }
      state.bytes += data
      return false
    }
    guard isTooLong else { return }
    finish(.failure(URLError(.dataLengthExceedsMaximum)))
    dataTask.cancel()
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    if let error {
      finish(.failure(error as? URLError ?? URLError(.unknown)))
    } else if let response = task.response as? HTTPURLResponse {
      let bytes = state.withLock { $0.bytes }
      finish(
        .success(
          Response(
            status: response.statusCode,
            retryAfter: response.value(forHTTPHeaderField: "Retry-After"), bytes: bytes)))
    } else {
      finish(.failure(URLError(.badServerResponse)))
    }
  }

  /// Hands over what came of it; only the first time counts.
  private func finish(_ outcome: Result<Response, URLError>) {
    let continuation = state.withLock { state -> CheckedContinuation<Response, any Error>? in
      guard state.outcome == nil else { return nil }
      state.outcome = outcome
      defer { state.continuation = nil }
      return state.continuation
    }
    continuation?.resume(with: outcome)
  }
}
