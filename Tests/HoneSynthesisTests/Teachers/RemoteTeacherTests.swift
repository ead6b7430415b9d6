import Foundation
import HoneFormats
import Synchronization
import Testing

@testable import HoneSynthesis

/// The endpoint's part is played by a server on this machine.
@Suite struct RemoteTeacherTests {
  private static let key = "sk-secret-0123456789"

  private func teacher(
    _ address: String, key: String? = nil, pause: Duration = .milliseconds(1)
  ) throws -> RemoteTeacher {
    try RemoteTeacher(Endpoint("\(address)/v1"), model: "tiny", key: key, pause: pause)
  }

  private func calls(_ count: Int) -> [TeacherCall] {
    (0..<count).map { number in
      TeacherCall(
        .chat([Turn(.user, "number \(number)")]), maximumTokens: 8, temperature: 0.8, topP: 0.95,
        seed: UInt64(number))
    }
  }

  private static func chat(_ text: String, finish: String = "stop") -> TestServer.Response {
    TestServer.Response(
      body: """
        {"choices": [{"message": {"role": "assistant", "content": \(JSONValue.string(text).text())},
         "finish_reason": "\(finish)"}], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
        """)
  }

  /// What the first message of a request says.
  private static func message(of request: TestServer.Request) -> String {
    let json = try? JSONParser.parse(request.body)
    return json?["messages"]?.array?.first?["content"]?.string ?? ""
  }

  /// The texts of a teacher's answers, in the order of the calls.
  private func texts(
    of teacher: RemoteTeacher, _ calls: [TeacherCall]
  ) async throws -> [String?] {
    var answers = [TeacherAnswer?](repeating: nil, count: calls.count)
    try await teacher.answer(calls) { new in
      for (index, answer) in new { answers[index] = answer }
    }
    return answers.map { $0?.text }
  }

  /// The error of a teacher's only call.
  private func fault(
    at address: String, key: String? = nil, pause: Duration = .milliseconds(1)
  ) async -> String {
    do {
      let teacher = try teacher(address, key: key, pause: pause)
      return "no error, but \(try await texts(of: teacher, calls(1)))"
    } catch {
      return "\(error)"
    }
  }

  /// A server that fails so many times before it answers.
  private func stumbling(
    _ count: Int, _ response: TestServer.Response
  ) throws -> TestServer {
    let left = Mutex(count)
    return try TestServer { request in
      let fails = left.withLock { left in
        left -= 1
        return left >= 0
      }
      return fails ? response : Self.chat(Self.message(of: request))
    }
  }

  private static let keepsOn =
    "what was answered is kept, and the same command goes on where it was"

  // MARK: Answers

  @Test func `each call has its own answer, in whatever order they come`() async throws {
    let server = try TestServer { request in
      let text = Self.message(of: request)
      if text.hasSuffix("0") { Thread.sleep(forTimeInterval: 0.02) }
      return Self.chat("to \(text)")
    }
    let texts = try await texts(of: teacher(server.address), calls(40))
    #expect(texts == (0..<40).map { "to number \($0)" })
    #expect(server.requests.count == 40)
  }

  @Test func `a request holds what changes the answer, and the key`() async throws {
    let server = try TestServer { _ in Self.chat("yes", finish: "length") }
    let teacher = try teacher(server.address, key: " \(Self.key)\n")
    var call = calls(1)[0]
    call.stops = ["\n"]
    call.seed = .max
    var answers: [TeacherAnswer] = []
    try await teacher.answer([call]) { new in answers += new.map { $0.answer } }
    #expect(
      answers == [TeacherAnswer(text: "yes", isFinished: false, promptTokens: 5, answerTokens: 2)])
    let request = try #require(server.requests.first)
    #expect(request.method == "POST")
    #expect(request.path == "/v1/chat/completions")
    #expect(request.headers["authorization"] == "Bearer \(Self.key)")
    #expect(request.headers["content-type"] == "application/json")
    #expect(
      request.body == """
        {"model":"tiny","messages":[{"role":"user","content":"number 0"}],"max_tokens":8,\
        "temperature":0.8,"top_p":0.95,"seed":2147483647,"stop":["\\n"],"stream":false}
        """)
  }

  @Test func `a text to go on with is posted as one`() async throws {
    let server = try TestServer { _ in
      TestServer.Response(body: #"{"choices": [{"text": " end", "finish_reason": "stop"}]}"#)
    }
    let call = TeacherCall(
      .completion(beginning: "a story ", rest: "and its"), maximumTokens: 8, stops: ["\n"])
    #expect(try await texts(of: teacher(server.address), [call]) == [" end"])
    let request = try #require(server.requests.first)
    #expect(request.path == "/v1/completions")
    #expect(request.headers["authorization"] == nil)
    #expect(
      request.body == """
        {"model":"tiny","prompt":"a story and its","max_tokens":8,"temperature":0.0,\
        "stop":["\\n"],"stream":false}
        """)
  }

  @Test func `a schema that the answer is held to is part of the request`() async throws {
    let server = try TestServer { _ in Self.chat("{}") }
    var call = calls(1)[0]
    call.temperature = 0
    call.schema = .object(JSONObject([("type", .string("object"))]))
    #expect(try await texts(of: teacher(server.address), [call]) == ["{}"])
    #expect(
      server.requests.first?.body == """
        {"model":"tiny","messages":[{"role":"user","content":"number 0"}],"max_tokens":8,\
        "temperature":0.0,"response_format":{"type":"json_schema",\
        "json_schema":{"name":"record","schema":{"type":"object"}}},"stream":false}
        """)
  }

  @Test(arguments: [
    "{}", #"{"choices": []}"#, #"{"choices": [{"message": {"content": null}}]}"#,
    #"{"choices": [{"text": ""}]}"#,
  ])
  func `an answer without a text is an empty one`(body: String) async throws {
    let server = try TestServer { _ in TestServer.Response(body: body) }
    #expect(try await texts(of: teacher(server.address), calls(1)) == [""])
  }

  // MARK: Failures that pass

  @Test func `the pause that a busy endpoint asks for is the one that is made`() async throws {
    let server = try stumbling(3, .init(status: 429, headers: ["Retry-After": "0"]))
    // Its own pause would outlast the test.
    let teacher = try teacher(server.address, pause: .seconds(200))
    #expect(try await texts(of: teacher, calls(1)) == ["number 0"])
    #expect(server.requests.count == 4)
  }

  @Test(arguments: [
    TestServer.Response(status: 500), TestServer.Response(status: 503),
    TestServer.Response(isLost: true),
  ])
  func `a call that fails five times is made a sixth time`(response: TestServer.Response)
    async throws
  {
    let server = try stumbling(5, response)
    #expect(try await texts(of: teacher(server.address), calls(1)) == ["number 0"])
    #expect(server.requests.count == 6)
  }

  @Test func `a call that fails six times ends the run`() async throws {
    let server = try TestServer { _ in
      TestServer.Response(status: 503, body: #"{"error": {"message": "loading\nmodel"}}"#)
    }
    #expect(
      await fault(at: server.address) == """
        \(server.address)/v1: answers with status 503: "loading model"; a call was made 6 times; \
        try again later; \(Self.keepsOn)
        """)
    #expect(server.requests.count == 6)
  }

  @Test func `a pause of an hour is left to the user`() async throws {
    let server = try stumbling(1, .init(status: 429, headers: ["Retry-After": "3600"]))
    #expect(
      await fault(at: server.address) == """
        \(server.address)/v1: answers with status 429, and asks to wait for 3600 s; try again then; \
        \(Self.keepsOn)
        """)
  }

  @Test func `fewer calls run at once when they are too many, more when they succeed`() {
    var concurrency = CallConcurrency()
    #expect(concurrency.limit == 4)
    for _ in 0..<4 { concurrency.decrease(after: 0) }
    #expect(concurrency.limit == 3)
    for round in 1...5 { concurrency.decrease(after: round) }
    #expect(concurrency.limit == 1)
    for _ in 0..<24 { concurrency.succeed() }
    #expect(concurrency.limit == 1)
    concurrency.succeed()
    #expect(concurrency.limit == 2)
    for _ in 0..<2000 { concurrency.succeed() }
    #expect(concurrency.limit == 32)
  }

  // MARK: Failures for good

  @Test func `a refused key ends the run at once, and is not shown`() async throws {
    let server = try TestServer { _ in
      TestServer.Response(
        status: 401, body: #"{"error": {"message": "Incorrect key \#(Self.key)."}}"#)
    }
    #expect(
      await fault(at: server.address, key: Self.key) == """
        \(server.address)/v1: answers with status 401: "Incorrect key ...."; check HONE_TEACHER_KEY; \
        \(Self.keepsOn)
        """)
    #expect(server.requests.count == 1)
    let stranger = await fault(at: server.address)
    #expect(stranger.contains("; set HONE_TEACHER_KEY to your key; "))
  }

  @Test func `long words of a server are cut`() async throws {
    let server = try TestServer { _ in
      TestServer.Response(status: 400, body: String(repeating: "no ", count: 1000))
    }
    let text = await fault(at: server.address)
    #expect(text.hasPrefix("\(server.address)/v1: answers with status 400: \"no no no "))
    #expect(text.count < 500)
  }

  @Test func `a page instead of an answer is an error`() async throws {
    let server = try TestServer { _ in TestServer.Response(body: "<html>Welcome</html>") }
    #expect(
      await fault(at: server.address) == """
        \(server.address)/v1: does not speak OpenAI's protocol: its answer is no JSON object; check \
        teacher.url, which often ends in /v1; \(Self.keepsOn)
        """)
  }

  @Test func `documents do not follow a redirection`() async throws {
    let other = try TestServer { _ in Self.chat("caught") }
    let server = try TestServer { [address = other.address] _ in
      TestServer.Response(status: 307, headers: ["Location": "\(address)/v1/chat/completions"])
    }
    #expect(
      await fault(at: server.address) == """
        \(server.address)/v1: answers with status 307; set teacher.url to where it points; \
        \(Self.keepsOn)
        """)
    #expect(other.requests.isEmpty)
  }

  @Test func `a server that is not there is said at once`() async throws {
    #expect(
      await fault(at: "http://127.0.0.1:9", pause: .seconds(200)) == """
        http://127.0.0.1:9/v1: no connection to the host; check teacher.url, and that the server \
        runs; \(Self.keepsOn)
        """)
  }

  @Test func `what was answered before a failure is kept, and not asked again`() async throws {
    let folder = try Folder()
    defer { withExtendedLifetime(folder) {} }
    let isMended = Mutex(false)
    let server = try TestServer { request in
      let text = Self.message(of: request)
      guard text.hasSuffix("9"), !isMended.withLock({ $0 }) else { return Self.chat(text) }
      return TestServer.Response(status: 400, body: #"{"error": "too odd"}"#)
    }
    let calls = calls(10)
    let path = "\(folder.path)/calls.sqlite"
    let error = await #expect(throws: SynthesisError.self) {
      _ = try await CallLedger(try CallStore(path: path))
        .answers(of: try teacher(server.address), to: calls)
    }
    #expect(error?.problem == "answers with status 400: \"too odd\"")
    #expect(try CallStore(path: path).count() == 9)
    #expect(server.requests.count == 10)
    isMended.withLock { $0 = true }
    let ledger = CallLedger(try CallStore(path: path))
    let answers = try await ledger.answers(of: try teacher(server.address), to: calls)
    #expect(answers.map(\.text) == (0..<10).map { "number \($0)" })
    #expect(ledger.answers.known == 9)
    #expect(ledger.answers.made == 1)
    #expect(server.requests.count == 11)
  }

  @Test func `an interruption ends the work`() async throws {
    let server = try TestServer { _ in Self.chat("yes") }
    let teacher = try RemoteTeacher(
      Endpoint(server.address), model: "tiny", isInterrupted: { true })
    await #expect(throws: CancellationError.self) {
      try await teacher.answer(calls(1)) { _ in }
    }
    #expect(server.requests.isEmpty)
  }

  // MARK: Names

  @Test func `a call's key changes with what changes its answer, and with nothing else`() throws {
    let call = calls(1)[0]
    let teacher = try teacher("http://localhost:1")
    var keys: Set<CallKey> = [try teacher.key(of: call)]
    func expectNew(_ change: (inout TeacherCall) -> Void) throws {
      var other = call
      change(&other)
      let isNew = keys.insert(try teacher.key(of: other)).inserted
      #expect(isNew)
    }
    try expectNew { $0.maximumTokens = 9 }
    try expectNew { $0.stops = ["\n"] }
    try expectNew { $0.temperature = 0 }
    try expectNew { $0.topP = 1 }
    try expectNew { $0.seed = 1 }
    try expectNew { $0.schema = .object(JSONObject([("type", .string("object"))])) }
    try expectNew { $0.prompt = .chat([Turn(.system, "number 0")]) }
    try expectNew { $0.prompt = .completion(beginning: "number ", rest: "0") }
    let elsewhere = try self.teacher("http://localhost:2")
    #expect(try !keys.contains(elsewhere.key(of: call)))
    let other = try RemoteTeacher(Endpoint("http://localhost:1/v1/"), model: "small")
    #expect(try !keys.contains(other.key(of: call)))
    let same = try RemoteTeacher(
      Endpoint("http://localhost:1/v1/"), model: "tiny", key: Self.key, pause: .seconds(9))
    #expect(try same.key(of: call) == teacher.key(of: call))
    var greedy = call
    greedy.temperature = 0
    greedy.seed = 5
    #expect(try keys.contains(teacher.key(of: greedy)))
  }

  @Test func `records name the model and its host`() throws {
    let teacher = try RemoteTeacher(Endpoint("https://api.example.com/v1"), model: "large")
    #expect(teacher.identity.name == "large at api.example.com")
    #expect(teacher.identity.checksum.count == 64)
    #expect(!teacher.isReproducible)
    #expect(teacher.contextLength == nil)
  }

  @Test func `a key of more than one word is refused without being shown`() throws {
    let error = #expect(throws: SynthesisError.self) {
      _ = try teacher("http://localhost:1", key: "sk-a\nX-Header: b")
    }
    #expect(
      error?.description
        == "HONE_TEACHER_KEY: holds characters that no key has; set it to the key alone")
  }
}
