import Foundation
import HoneFormats
import HoneModels
import Synchronization
import Testing

@testable import HoneStore

/// The hub's part is played by a server on this machine.
@Suite struct HubSourceTests {
  static let commit = String(repeating: "c0de", count: 10)

  /// A repository that the server offers.
  struct Repository: Sendable {
    var files: [String: [UInt8]] = [
      "config.json": Array(#"{"model_type": "llama"}"#.utf8),
      "tokenizer.json": Array("{}".utf8),
      "tokenizer_config.json": Array("{}".utf8),
      "README.md": Array("not needed".utf8),
      "onnx/model.onnx": Array("not needed".utf8),
      "model.safetensors": HubSourceTests.weights(seed: 1),
    ]
    /// Files that are announced by their SHA-256, as the hub does with large ones.
    var large: Set<String> = ["model.safetensors"]
    /// What the listing says instead of the truth.
    var announcedSum: String?
    var announcedSize: Int?

    var listing: [UInt8] {
      let siblings = files.keys.sorted().map { name -> [String: Any] in
        let bytes = files[name] ?? []
        var sibling: [String: Any] = [
          "rfilename": name, "size": bytes.count, "blobId": HubSourceTests.gitHash(of: name),
        ]
        if large.contains(name) {
          sibling["lfs"] = [
            "sha256": announcedSum ?? HubSourceTests.sum(of: bytes),
            "size": announcedSize ?? bytes.count, "pointerSize": 134,
          ]
        }
        return sibling
      }
      let answer: [String: Any] = ["sha": HubSourceTests.commit, "siblings": siblings]
      return Array((try? JSONSerialization.data(withJSONObject: answer)) ?? Data())
    }

    /// The answer to a request, nil where there is nothing.
    func answer(_ request: TestServer.Request) -> TestServer.Response? {
      if request.path.hasPrefix("/api/models/me/tiny/revision/main?") {
        return TestServer.Response(body: listing)
      }
      let prefix = "/me/tiny/resolve/\(HubSourceTests.commit)/"
      guard request.path.hasPrefix(prefix),
        let bytes = files[String(request.path.dropFirst(prefix.count))]
      else { return nil }
      return TestServer.Response(body: bytes)
    }
  }

  static func weights(seed: UInt8) -> [UInt8] {
    (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(seed)) }
  }

  static func sum(of bytes: [UInt8]) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish().hexadecimal
  }

  /// Any 40 digits serve: nobody computes a Git hash here.
  static func gitHash(of name: String) -> String { String(sum(of: Array(name.utf8)).prefix(40)) }

  let home: TemporaryFolder

  init() throws { home = try TemporaryFolder() }

  private func locate(
    _ text: String = "hf:me/tiny", at server: TestServer, _ more: [String: String] = [:],
    freshness: ModelStore.Freshness = .cached, listener: @escaping TransferListener = { _ in }
  ) async throws -> LocalModel {
    var environment = ["HF_HOME": home.path, "HF_ENDPOINT": server.address]
    environment.merge(more) { $1 }
    return try await ModelStore(environment: environment)
      .locate(ModelReference(parsing: text), freshness: freshness, listener: listener)
  }

  private func message(_ body: () async throws -> LocalModel) async -> String {
    do {
      _ = try await body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private var cache: String { "hub/models--me--tiny" }

  // MARK: What is fetched

  @Test func `a repository comes into the shared cache's layout, without what is not needed`()
    async throws
  {
    let repository = Repository()
    let server = try TestServer { repository.answer($0) ?? .init(status: 404) }
    let model = try await locate(at: server)
    #expect(model.layout == .folder)
    #expect(model.path == "\(home.path)/\(cache)/snapshots/\(Self.commit)")
    let sum = Self.sum(of: Self.weights(seed: 1))
    #expect(
      home.files.filter { !$0.contains(".locks") }
        == [
          "blobs/\(Self.gitHash(of: "config.json"))",
          "blobs/\(Self.gitHash(of: "tokenizer.json"))",
          "blobs/\(Self.gitHash(of: "tokenizer_config.json"))",
          "blobs/\(sum)",
          "refs/main",
          "snapshots/\(Self.commit)/config.json",
          "snapshots/\(Self.commit)/model.safetensors",
          "snapshots/\(Self.commit)/tokenizer.json",
          "snapshots/\(Self.commit)/tokenizer_config.json",
        ].map { "\(cache)/\($0)" }.sorted())
    #expect(home.contents("\(cache)/refs/main") == Array(Self.commit.utf8))
    #expect(
      try FileManager.default.destinationOfSymbolicLink(
        atPath: "\(model.path)/model.safetensors") == "../../blobs/\(sum)")
    #expect(
      home.contents("\(cache)/snapshots/\(Self.commit)/model.safetensors")
        == Self.weights(seed: 1))
  }

  @Test func `a model that is here costs no request`() async throws {
    let repository = Repository()
    let server = try TestServer { repository.answer($0) ?? .init(status: 404) }
    let first = try await locate(at: server)
    let count = server.requests.count
    #expect(try await locate(at: server) == first)
    #expect(server.requests.count == count)
    #expect(try await locate(at: server, freshness: .newest) == first)
    #expect(server.requests.count == count + 1)
  }

  @Test func `one GGUF file can be named, and comes alone`() async throws {
    var repository = Repository()
    repository.files["quants/tiny.Q4_0.gguf"] = Array("GGUF".utf8)
    repository.large.insert("quants/tiny.Q4_0.gguf")
    let server = try TestServer { [repository] in repository.answer($0) ?? .init(status: 404) }
    let model = try await locate("hf:me/tiny/quants/tiny.Q4_0.gguf", at: server)
    #expect(model.layout == .gguf)
    #expect(FileManager.default.contents(atPath: model.path) == Data("GGUF".utf8))
    #expect(home.files.filter { $0.contains("snapshots") }.count == 1)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: model.path)
        == "../../../blobs/\(Self.sum(of: Array("GGUF".utf8)))")
  }

  @Test func `the shards that the index names come, other weights do not`() async throws {
    var repository = Repository()
    repository.files["model.safetensors"] = nil
    repository.files["model-00001-of-00002.safetensors"] = Self.weights(seed: 2)
    repository.files["model-00002-of-00002.safetensors"] = Self.weights(seed: 3)
    repository.files["consolidated.safetensors"] = Self.weights(seed: 4)
    repository.files["model.safetensors.index.json"] = Array(
      """
      {"weight_map": {"a": "model-00001-of-00002.safetensors",
        "b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}
      """.utf8)
    repository.large = Set(repository.files.keys.filter { $0.hasSuffix(".safetensors") })
    let server = try TestServer { [repository] in repository.answer($0) ?? .init(status: 404) }
    let model = try await locate(at: server)
    let names = try FileManager.default.contentsOfDirectory(atPath: model.path)
    #expect(
      names.filter { $0.hasSuffix(".safetensors") }.sorted()
        == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    let count = server.requests.count
    _ = try await locate(at: server)
    #expect(server.requests.count == count)
  }

  @Test func `a revision is asked for and remembered by its name`() async throws {
    let repository = Repository()
    let server = try TestServer { request in
      request.path.hasPrefix("/api/models/me/tiny/revision/refs%2Fpr%2F7?")
        ? .init(body: repository.listing) : repository.answer(request) ?? .init(status: 404)
    }
    _ = try await locate("hf:me/tiny@refs/pr/7", at: server)
    #expect(home.contents("\(cache)/refs/refs/pr/7") == Array(Self.commit.utf8))
  }

  // MARK: Transfers that go wrong

  @Test func `a transfer that breaks off goes on where it stopped`() async throws {
    let repository = Repository()
    let cuts = Mutex(3)
    let server = try TestServer { request in
      var response = repository.answer(request) ?? .init(status: 404)
      let isCut = cuts.withLock { left in
        guard request.path.hasSuffix("model.safetensors"), left > 0 else { return false }
        left -= 1
        return true
      }
      if isCut { response.cutAfter = 20_000 }
      return response
    }
    let model = try await locate(at: server)
    #expect(
      FileManager.default.contents(atPath: "\(model.path)/model.safetensors")
        == Data(Self.weights(seed: 1)))
    let ranges = server.requests.filter { $0.path.hasSuffix("model.safetensors") }
      .map { $0.headers["range"] ?? "" }
    #expect(ranges == ["", "bytes=20000-", "bytes=40000-", "bytes=60000-"])
  }

  @Test func `what an earlier run left is used, also when the server knows no ranges`()
    async throws
  {
    for honoursRanges in [true, false] {
      let home = try TemporaryFolder()
      let weights = Self.weights(seed: 1)
      try home.write(
        Array(weights.prefix(70_000)), to: "\(cache)/blobs/\(Self.sum(of: weights)).incomplete")
      let repository = Repository()
      let server = try TestServer { request in
        var response = repository.answer(request) ?? .init(status: 404)
        response.honoursRanges = honoursRanges
        return response
      }
      let model = try await locate(at: server, ["HF_HOME": home.path])
      #expect(
        FileManager.default.contents(atPath: "\(model.path)/model.safetensors") == Data(weights))
      #expect(
        server.requests.first { $0.path.hasSuffix("model.safetensors") }?.headers["range"]
          == "bytes=70000-")
    }
  }

  @Test func `a body that stays cut is an error, and what came is kept`() async throws {
    let repository = Repository()
    let server = try TestServer { request in
      var response = repository.answer(request) ?? .init(status: 404)
      if request.path.hasSuffix("model.safetensors") { response.cutAfter = 0 }
      return response
    }
    let text = await message { try await locate(at: server) }
    #expect(text.contains("hf:me/tiny: cannot be fetched from \(server.address)"))
    #expect(text.hasSuffix("try again later; what has come is kept"))
    #expect(home.files.contains { $0.hasSuffix(".incomplete") })
    #expect(!home.files.contains { $0.hasSuffix("refs/main") })
  }

  @Test func `wrong bytes are an error and are not kept`() async throws {
    var repository = Repository()
    repository.announcedSum = String(repeating: "0", count: 64)
    let server = try TestServer { [repository] in repository.answer($0) ?? .init(status: 404) }
    let text = await message { try await locate(at: server) }
    #expect(
      text == """
        hf:me/tiny: model.safetensors: its checksum is \(Self.sum(of: Self.weights(seed: 1))), the \
        hub says \(String(repeating: "0", count: 64)); it was damaged on the way; fetch it again
        """)
    #expect(!home.files.contains { $0.contains("blobs/0000") })
  }

  @Test func `more bytes than announced are an error`() async throws {
    var repository = Repository()
    repository.announcedSize = 50_000
    let server = try TestServer { [repository] in repository.answer($0) ?? .init(status: 404) }
    let text = await message { try await locate(at: server) }
    #expect(text == "model.safetensors: more than the announced 50000 bytes came")
  }

  @Test func `a server that stumbles is asked again`() async throws {
    let repository = Repository()
    let stumbles = Mutex(2)
    let server = try TestServer { request in
      let stumbled = stumbles.withLock { left in
        left -= 1
        return left >= 0
      }
      return stumbled ? .init(status: 503) : repository.answer(request) ?? .init(status: 404)
    }
    #expect(try await locate(at: server).layout == .folder)
  }

  // MARK: Refusals

  @Test(arguments: [
    (404, [:], "there is no such repository or revision"),
    (
      401, ["X-Error-Code": "RepoNotFound"],
      "there is no such repository, or it is private; check the name; for a private one set HF_TOKEN"
    ),
    (404, ["X-Error-Code": "RevisionNotFound"], "the repository has no revision main"),
    (
      418, ["X-Error-Message": "short and stout"],
      "the hub answers with status 418 (short and stout)"
    ),
  ]) func `an answer other than success says what is wrong`(
    status: Int, headers: [String: String], expected: String
  ) async throws {
    let server = try TestServer { _ in .init(status: status, headers: headers) }
    #expect(await message { try await locate(at: server) } == "hf:me/tiny: \(expected)")
  }

  @Test func `a gated file says where to ask for access`() async throws {
    let repository = Repository()
    let server = try TestServer { request in
      request.path.hasPrefix("/api/")
        ? repository.answer(request) ?? .init(status: 404)
        : .init(status: 401, headers: ["X-Error-Code": "GatedRepo"])
    }
    #expect(
      await message { try await locate(at: server) } == """
        hf:me/tiny: config.json: access must be asked for; accept its terms at \
        \(server.address)/me/tiny, then set HF_TOKEN to your token
        """)
    #expect(
      await message { try await locate(at: server, ["HF_TOKEN": "hf_x"]) } == """
        hf:me/tiny: config.json: access must be asked for; accept its terms at \
        \(server.address)/me/tiny with the account of your token
        """)
  }

  @Test func `a repository of GGUF files says which there are`() async throws {
    var repository = Repository()
    repository.files["model.safetensors"] = nil
    repository.files["tiny.Q4_0.gguf"] = [1]
    let server = try TestServer { [repository] in repository.answer($0) ?? .init(status: 404) }
    #expect(
      await message { try await locate(at: server) } == """
        hf:me/tiny: the repository holds neither model.safetensors nor its index; name one of its \
        files: hf:me/tiny/tiny.Q4_0.gguf
        """)
    #expect(
      await message { try await locate("hf:me/tiny/tiny.Q4_1.gguf", at: server) } == """
        hf:me/tiny/tiny.Q4_1.gguf: the repository holds no tiny.Q4_1.gguf; did you mean \
        tiny.Q4_0.gguf?
        """)
  }

  @Test(arguments: ["../../evil", "/etc/evil", "a/../b"])
  func `a file name that leaves the folder is refused`(name: String) async throws {
    var repository = Repository()
    repository.files[name] = [1]
    let server = try TestServer { [repository] in repository.answer($0) ?? .init(status: 404) }
    #expect(
      await message { try await locate(at: server) }
        .contains("the hub's answer lacks a file's name, size or checksum"))
  }

  // MARK: Token

  @Test func `the token goes to the hub and not to the store that it points to`() async throws {
    let repository = Repository()
    let store = try TestServer { _ in .init(body: repository.files["model.safetensors"] ?? []) }
    let server = try TestServer { [address = store.address] request in
      request.path.hasSuffix("model.safetensors")
        ? .init(status: 302, headers: ["Location": "\(address)/blob?signed=1"])
        : repository.answer(request) ?? .init(status: 404)
    }
    try home.write(Array("hf_from_file\n".utf8), to: "token")
    _ = try await locate(at: server)
    #expect(server.requests.allSatisfy { $0.headers["authorization"] == "Bearer hf_from_file" })
    #expect(store.requests.map { $0.headers["authorization"] } == [nil])
    #expect(store.requests.map(\.path) == ["/blob?signed=1"])
  }

  // MARK: Without a network

  @Test func `offline, what is here serves and what is not says so`() async throws {
    let repository = Repository()
    let server = try TestServer { repository.answer($0) ?? .init(status: 404) }
    let offline = ["HF_HUB_OFFLINE": "1"]
    #expect(
      await message { try await locate(at: server, offline) } == """
        hf:me/tiny: is not in the cache, and HF_HUB_OFFLINE is set; unset it, or fetch the model \
        with hone pull where there is a network
        """)
    let model = try await locate(at: server)
    let count = server.requests.count
    #expect(try await locate(at: server, offline, freshness: .newest) == model)
    #expect(server.requests.count == count)
  }

  @Test func `a hub that cannot be reached is an error only when nothing is here`() async throws {
    let repository = Repository()
    let nowhere = ["HF_ENDPOINT": "http://127.0.0.1:9"]
    let server = try TestServer { repository.answer($0) ?? .init(status: 404) }
    let text = await message { try await locate(at: server, nowhere) }
    #expect(
      text == """
        hf:me/tiny: cannot be fetched from http://127.0.0.1:9: no connection to the host; check the \
        network and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 to use what is here
        """)
    let model = try await locate(at: server)
    #expect(try await locate(at: server, nowhere, freshness: .newest) == model)
  }

  // MARK: Disk

  @Test func `a model larger than the disk is refused before a byte comes`() async throws {
    var repository = Repository()
    repository.announcedSize = 1 << 60
    let server = try TestServer { [repository] in repository.answer($0) ?? .init(status: 404) }
    let text = await message { try await locate(at: server) }
    #expect(text.hasPrefix("hf:me/tiny: no space left on the disk of \(home.path)/hub: 1152922 TB"))
    #expect(server.requests.count == 1)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func `a disk that fills up on the way is an error`() async throws {
    let repository = Repository()
    let server = try TestServer { repository.answer($0) ?? .init(status: 404) }
    let blobs = "\(home.path)/\(cache)/blobs"
    try FileManager.default.createDirectory(atPath: blobs, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(blobs)/\(Self.sum(of: Self.weights(seed: 1))).incomplete",
      withDestinationPath: "/dev/full")
    let text = await message { try await locate(at: server) }
    #expect(text.hasPrefix("model.safetensors: no space left on the disk of"))
  }

  // MARK: Many at once

  @Test func `several fetches of one model share the work`() async throws {
    let repository = Repository()
    let server = try TestServer { repository.answer($0) ?? .init(status: 404) }
    let models = try await withThrowingTaskGroup(of: LocalModel.self) { group in
      for _ in 0..<6 { group.addTask { try await locate(at: server, freshness: .newest) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(models.map(\.path)).count == 1)
    #expect(server.requests.count { $0.path.hasSuffix("model.safetensors") } == 1)
  }

  @Test func `a fetch that is cancelled ends at once and leaves what came`() async throws {
    let repository = Repository()
    let asked = AsyncStream.makeStream(of: Void.self)
    let ended = DispatchSemaphore(value: 0)
    let waits = Mutex<[DispatchTimeoutResult]>([])
    // The weights do not come before the fetch has ended: one that waited for them would wait for two minutes.
    let server = try TestServer { request in
      if request.path.hasSuffix("model.safetensors") {
        asked.continuation.finish()
        let wait = ended.wait(timeout: .now() + 120)
        waits.withLock { $0.append(wait) }
      }
      return repository.answer(request) ?? .init(status: 404)
    }
    let work = Task { try await locate(at: server) }
    for await _ in asked.stream {}
    work.cancel()
    await #expect(throws: CancellationError.self) { try await work.value }
    #expect(waits.withLock { $0.isEmpty })
    ended.signal()
    #expect(!home.files.contains { $0.hasSuffix("refs/main") })
  }

  @Test func `progress grows to the whole`() async throws {
    let repository = Repository()
    let server = try TestServer { repository.answer($0) ?? .init(status: 404) }
    let heard = Mutex<[TransferProgress]>([])
    _ = try await locate(at: server) { progress in heard.withLock { $0.append(progress) } }
    let counts = heard.withLock { $0 }
      .filter { $0.subject == "model.safetensors" && $0.step == .downloading }
    #expect(counts.map(\.completedBytes) == counts.map(\.completedBytes).sorted())
    #expect(counts.last?.completedBytes == 100_000)
    #expect(counts.allSatisfy { $0.totalBytes == 100_000 })
  }
}
