import Foundation
import HoneFormats

/// A model behind an endpoint as teacher.
///
/// Calls run beside each other, as many as the endpoint bears. One that fails for a passing reason is
/// made again after a pause, in which nothing else is asked either: too many requests and a server
/// that is down concern all.
package final class RemoteTeacher: Teacher {
  /// The variable of the environment that holds the endpoint's key; it stands nowhere else.
  package static let keyVariable = "HONE_TEACHER_KEY"
  /// How often a call is made before it fails for good.
  private static let attempts = 6
  /// Who is asked to wait longer had better come back another time.
  private static let longestPause = Duration.seconds(300)

  package let identity: Provenance.Teacher
  private let model: String
  private let client: EndpointClient
  /// How long to wait after a first failure, doubled after each further one.
  private let pause: Duration
  private let isInterrupted: () -> Bool
  private var concurrency = CallConcurrency()
  /// Whether anything ever came back: then it is worth waiting for more.
  private var wasReached = false

  /// - Parameters:
  ///   - model: the endpoint's name of the model.
  ///   - key: what the endpoint asks for, as the environment has it; nil where it asks for nothing.
  ///   - pause: how long to wait after a first failure, doubled after each further one.
  ///   - timeout: how long an answer may take.
  ///   - isInterrupted: asked between calls; true ends the work.
  /// - Throws: ``SynthesisError`` for a key that cannot be sent.
  package init(
    _ endpoint: Endpoint, model: String, key: String? = nil, pause: Duration = .seconds(1),
    timeout: Duration = .seconds(300), isInterrupted: @escaping () -> Bool = { false }
  ) throws {
    let key = key?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw SynthesisError(
        Self.keyVariable, problem: "holds characters that no key has",
        advice: "set it to the key alone")
    }
    identity = Provenance.Teacher(
      name: "\(model) at \(endpoint.host)", checksum: Digest.of([endpoint.address, model]))
    self.model = model
    self.pause = pause
    self.isInterrupted = isInterrupted
    client = EndpointClient(endpoint: endpoint, key: key.isEmpty ? nil : key, timeout: timeout)
  }

  package var contextLength: Int? { nil }
  package var isReproducible: Bool { false }

  // MARK: What is sent

  /// What is asked, in the form that its path expects.
  ///
  /// - Throws: ``SynthesisError`` for a prompt that needs the model's own template.
  private func prompt(of call: TeacherCall) throws -> (
    path: EndpointRequest.Path, key: String, value: JSONValue
  ) {
    switch call.prompt {
    case .completion(let beginning, let rest):
      return (.completions, "prompt", .string(beginning + rest))
    case .chat(let turns):
      let messages = turns.map { turn in
        JSONValue.object(
          JSONObject([
            ("role", .string(turn.role.rawValue)), ("content", .string(turn.content)),
          ]))
      }
      return (.chat, "messages", .array(messages))
    case .userTurn:
      throw SynthesisError(
        "teacher.url",
        problem: "an endpoint does not show the template that a user's turn stands in",
        advice: "leave it out: a model of this machine must write here")
    }
  }

  /// What holds an answer to a call's schema, where it has one.
  private func form(of call: TeacherCall) -> JSONValue? {
    call.schema.map { schema in
      .object(
        JSONObject([
          ("type", .string("json_schema")),
          ("json_schema", .object(JSONObject([("name", .string("record")), ("schema", schema)]))),
        ]))
    }
  }

  /// The part of a seed that all servers take: some have no room for 64 bits.
  private static func seed(of call: TeacherCall) -> Int { Int(call.seed & 0x7FFF_FFFF) }

  package func key(of call: TeacherCall) throws -> CallKey {
    let prompt = try prompt(of: call)
    let parts: [(name: String, value: [UInt8])] = [
      ("call", Array("answer".utf8)), ("endpoint", Array(client.endpoint.address.utf8)),
      ("model", Array(model.utf8)), ("path", Array(prompt.path.rawValue.utf8)),
      ("prompt", prompt.value.bytes()), ("tokens", Array(String(call.maximumTokens).utf8)),
      ("stops", JSONValue.array(call.stops.map { .string($0) }).bytes()),
      ("temperature", Array(String(call.temperature).utf8)),
      // A greedy answer has neither.
      ("top_p", Array((call.temperature == 0 ? "" : String(call.topP)).utf8)),
      ("seed", Array((call.temperature == 0 ? "" : String(Self.seed(of: call))).utf8)),
    ]
    return CallKey(parts + (form(of: call).map { [("form", $0.bytes())] } ?? []))
  }

  private func request(of call: TeacherCall) throws -> EndpointRequest {
    let prompt = try prompt(of: call)
    var body = JSONObject([
      ("model", .string(model)), (prompt.key, prompt.value),
      ("max_tokens", .integer(call.maximumTokens)), ("temperature", .number(call.temperature)),
    ])
    if call.temperature != 0 {
      body["top_p"] = .number(call.topP)
      body["seed"] = .integer(Self.seed(of: call))
    }
    // Some refuse an empty list.
    if !call.stops.isEmpty { body["stop"] = .array(call.stops.map { .string($0) }) }
    if let form = form(of: call) { body["response_format"] = form }
    body["stream"] = .bool(false)
    return EndpointRequest(path: prompt.path, body: JSONValue.object(body).bytes())
  }

  // MARK: Answering

  /// What a call waits for.
  private enum Event: Sendable {
    case replied(index: Int, round: Int, EndpointReply)
    case pauseEnded
  }

  /// - Throws: ``SynthesisError`` when a call fails for good. Calls that run then are waited for, and
  ///   what they bring is given to `answered` first.
  package func answer(
    _ calls: [TeacherCall], answered: ([(index: Int, answer: TeacherAnswer)]) throws -> Void
  ) async throws {
    let requests = try calls.map(request)
    let client = client
    try await withThrowingTaskGroup(of: Event.self) { group in
      // The next one stands last.
      var waiting = Array(calls.indices.reversed())
      var failures = [Int](repeating: 0, count: calls.count)
      var running = 0
      var pauseEnd = ContinuousClock.now
      var isPausing = false
      var fault: SynthesisError?
      while true {
        if Task.isCancelled || isInterrupted() { throw CancellationError() }
        if fault == nil, ContinuousClock.now >= pauseEnd {
          while running < concurrency.limit, let index = waiting.popLast() {
            let request = requests[index]
            let round = concurrency.round
            group.addTask {
              .replied(index: index, round: round, await client.reply(to: request))
            }
            running += 1
          }
        } else if fault == nil, !isPausing {
          let end = pauseEnd
          isPausing = true
          group.addTask {
            // Cancelled or over: either way the loop looks again.
            try? await Task.sleep(until: end, clock: .continuous)
            return .pauseEnded
          }
        }
        guard running > 0 || (fault == nil && isPausing), let event = try await group.next() else {
          break
        }
        guard case .replied(let index, let round, let reply) = event else {
          isPausing = false
          continue
        }
        running -= 1
        switch reply {
        case .answered(let answer):
          wasReached = true
          concurrency.succeed()
          try answered([(index, answer)])
        case .failed(let failure):
          wasReached = wasReached || failure.wasReached
          failures[index] += 1
          if failure.isOverload { concurrency.decrease(after: round) }
          if let error = error(failure, count: failures[index]) {
            fault = fault ?? error
          } else {
            waiting.append(index)
            let pause = failure.pause ?? self.pause * (1 << (failures[index] - 1))
            pauseEnd = max(pauseEnd, ContinuousClock.now + pause)
          }
        case .refused(let error): fault = fault ?? error
        case .cancelled: throw CancellationError()
        }
      }
      group.cancelAll()
      if let fault { throw fault }
    }
  }

  /// What ends the run after a call failed so often; nil while it may be made again.
  private func error(_ failure: EndpointFailure, count: Int) -> SynthesisError? {
    if !failure.wasReached, !wasReached {
      return client.error(
        failure.reason, advice: "check teacher.url, and that the server runs")
    }
    if let pause = failure.pause, pause > Self.longestPause {
      return client.error(
        "\(failure.reason), and asks to wait for \(pause.components.seconds) s",
        advice: "try again then")
    }
    guard count >= Self.attempts else { return nil }
    return client.error(
      "\(failure.reason); a call was made \(count) times", advice: "try again later")
  }
}
