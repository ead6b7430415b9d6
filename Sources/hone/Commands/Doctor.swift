import ArgumentParser
import Foundation
import HoneFormats
import HoneKernels
import HoneModels
import HoneRecipes
import HoneStore
import HoneTensors

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what this machine offers, or checks a model end to end.",
    discussion: """
      Without a model: what the machine offers and what is missing. With one: whether its tokenizer \
      gives texts in many scripts back as they were, its chat template renders conversations, its \
      network loads and generates, and two steps of LoRA lower its loss. Each finding is a line: ok, \
      a note (worth knowing), or a fault (does not work; exit code 1).
      """)

  @Argument(
    help: ArgumentHelp(
      "The model to check: a folder, a .gguf file, or anything that `hone pull` takes.",
      valueName: "model"))
  var model: String?

  @Option(help: "How many threads compute. (default: as many as there are cores)")
  var threads: Int?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), expected 1 to 256.")
    }
  }

  func run() async throws {
    let findings =
      if let model {
        ModelCheck(
          try await ModelReferenceOption.locate(model),
          engine: Engine(threads: threads ?? Machine.cores)
        ).run()
      } else {
        [Self.processor, Self.kernels, Self.memory] + Self.storage + Self.network
          + [await Self.pip]
      }
    if json {
      let values = findings.map { finding in
        JSONValue([
          "subject": .string(finding.subject), "state": .string(finding.state.rawValue),
          "detail": .string(finding.detail),
        ])
      }
      print(JSONValue.array(values).page)
    } else {
      var table = Table(("", .left), ("", .left), ("", .left))
      for finding in findings {
        table.add(finding.state.rawValue, finding.subject, finding.detail)
      }
      print(model == nil ? table.text : table.text(width: StandardOutput.width))
    }
    if findings.contains(where: { $0.state == .bad }) { throw ExitCode.failure }
  }

  // MARK: The machine

  private static var processor: Finding {
    let limit = Machine.coreLimit.map { ", time of \(String(format: "%g", $0)) allowed" } ?? ""
    return Finding(
      subject: "processor", detail: "\(Machine.processor), \(Machine.cores) cores\(limit)")
  }

  private static var kernels: Finding {
    let name = { (isa: hk_isa) in String(cString: hk_isa_name(isa)) }
    let all = [
      HK_ISA_REFERENCE, HK_ISA_AVX2, HK_ISA_AVX512, HK_ISA_AVX512BF16, HK_ISA_AMX, HK_ISA_NEON,
      HK_ISA_WIDE,
    ]
    let current = hk_isa_current()
    let others = all.filter { hk_isa_available($0) && $0 != current }.map(name)
    var finding = Finding(
      subject: "kernels",
      detail: "\(name(current)); also here: \(others.joined(separator: ", "))")
    if let wish = ProcessInfo.processInfo.environment["HONE_ISA"] {
      let isa = hk_isa_named(wish)
      if isa < 0 || !hk_isa_available(hk_isa(UInt32(isa))) {
        finding.state = .odd
        finding.detail +=
          "; HONE_ISA=\(wish) is \(isa < 0 ? "no name of one" : "not available here") and ignored"
      } else {
        finding.detail += "; HONE_ISA=\(wish)"
      }
    } else if current == HK_ISA_REFERENCE {
      finding.state = .odd
      finding.detail += "; slow: the processor has no vector instructions that Hone knows"
    }
    return finding
  }

  private static var memory: Finding {
    var detail = Machine.memoryBytes.asBytes
    if let available = Machine.availableBytes { detail += ", \(available.asBytes) available" }
    if let limit = Machine.memoryLimit { detail += ", \(limit.asBytes) allowed here" }
    let low = (Machine.availableBytes ?? .max) < 1_000_000_000
    return Finding(subject: "memory", state: low ? .odd : .good, detail: detail)
  }

  // MARK: Models

  private static var storage: [Finding] {
    let environment = ProcessInfo.processInfo.environment
    return [
      folder("cache") { try ModelStore.cacheFolder(environment: environment) },
      folder("hub cache") { try ModelStore.hubCacheFolder(environment: environment) },
      Finding(
        subject: "models",
        detail: {
          let here = ModelCatalog.models.filter { ModelStore().holds($0) }.map(\.name)
          return here.isEmpty ? "none fetched yet" : here.joined(separator: ", ")
        }()),
    ]
  }

  private static func folder(_ subject: String, _ find: () throws -> String) -> Finding {
    let path: String
    do { path = try find() } catch {
      return Finding(subject: subject, state: .bad, detail: "\(error)")
    }
    var parent = path
    while !FileManager.default.fileExists(atPath: parent), parent.contains("/"), parent != "/" {
      parent = (parent as NSString).deletingLastPathComponent
    }
    var isFolder: ObjCBool = false
    parent = parent.isEmpty ? "." : parent
    guard FileManager.default.fileExists(atPath: parent, isDirectory: &isFolder),
      isFolder.boolValue, FileManager.default.isWritableFile(atPath: parent)
    else {
      return Finding(subject: subject, state: .bad, detail: "\(path) cannot be written")
    }
    let free = ModelStore.freeBytes(at: path)
    return Finding(
      subject: subject, state: (free ?? .max) < 1_000_000_000 ? .odd : .good,
      detail: path + (free.map { ", \($0.asBytes) free" } ?? ""))
  }

  // MARK: Ways to the outside

  /// Variables that decide where requests go; values are shown without passwords.
  private static let variables = [
    "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "HTTPS_PROXY", "https_proxy",
    "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE",
  ]

  private static var network: [Finding] {
    let environment = ProcessInfo.processInfo.environment
    let set = variables.compactMap { name in
      environment[name].map { "\(name)=\(withoutPassword($0))" }
    }
    return [
      Finding(
        subject: "network", detail: set.isEmpty ? "no variables set" : set.joined(separator: " ")),
      Finding(
        subject: "hub token",
        detail: ModelStore.hasHubToken(environment: environment) ? "set" : "not set"),
    ]
  }

  /// `https://user:password@host` as `https://***@host`.
  private static func withoutPassword(_ text: String) -> String {
    guard let scheme = text.range(of: "://"), let at = text.lastIndex(of: "@"),
      at > scheme.upperBound
    else { return text }
    return text[..<scheme.upperBound] + "***" + text[at...]
  }

  private static var pip: Finding {
    get async {
      do {
        return Finding(subject: "pip", detail: try await ModelStore.pipVersion())
      } catch {
        return Finding(subject: "pip", state: .odd, detail: "\(error)")
      }
    }
  }
}
