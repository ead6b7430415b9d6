import Foundation
import HoneFormats
import HoneModels

/// Finds models, and fetches those that are not here yet.
///
///     let model = try await ModelStore().locate(ModelReference(parsing: "smollm2-135m"))
///
/// A model that is here already costs a few file look-ups and no network. A fetch that was stopped
/// goes on where it stopped, and nothing half-fetched ever bears a finished name.
public struct ModelStore: Sendable {
  /// What to do about a model that may have changed at its source.
  public enum Freshness: Sendable {
    /// Take what is here.
    case cached
    /// Ask the hub what a branch or tag means today.
    case newest
  }

  private let environment: [String: String]

  /// - Parameter environment: where HONE_CACHE, XDG_CACHE_HOME, HF_HOME, HF_TOKEN and the like are
  ///   read.
  public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.environment = environment
  }

  /// The local form of a model, fetched where needed.
  ///
  /// - Throws: ``ModelError`` when it does not exist, cannot be fetched or arrived damaged, and
  ///   `CancellationError` when the task is cancelled.
  public func locate(
    _ reference: ModelReference, freshness: Freshness = .cached,
    listener: @escaping TransferListener = { _ in }
  ) async throws -> LocalModel {
    switch reference {
    case .path(let path):
      try Self.local(path)
    case .hub(let hub):
      try await HubSource(environment: environment, listener: listener)
        .locate(hub, freshness: freshness)
    case .wheels(let wheels):
      try await WheelSource(environment: environment, listener: listener)
        .locate(wheels, known: nil)
    case .named(let model):
      try await WheelSource(environment: environment, listener: listener)
        .locate(model.wheels, known: model)
    }
  }

  /// Whether a known model is here whole, as far as sizes and times tell.
  public func holds(_ model: KnownModel) -> Bool {
    guard let cache = try? CacheFolder(environment: environment) else { return false }
    let folder = WheelSource.folderName(for: model.wheels, known: model)
    return WheelSource.cached(model.wheels, folder: folder, in: cache) != nil
  }

  /// A model that is a path already.
  private static func local(_ path: String) throws -> LocalModel {
    var written = path
    if path == "~" || path.hasPrefix("~/") { written = (path as NSString).expandingTildeInPath }
    if Disk.isFolder(written) {
      guard LocalModel.hasParts(written) else {
        throw ModelError(
          subject: path, problem: "holds no model", advice: LocalModel.folderAdvice)
      }
      return LocalModel(path: written, layout: .folder)
    }
    if Disk.exists(written) {
      guard written.lowercased().hasSuffix(".gguf") else {
        throw ModelError(
          subject: path, problem: "is neither a folder nor a .gguf file",
          advice: written.hasSuffix(".safetensors")
            ? "give the folder that holds it, with its config.json" : "")
      }
      return LocalModel(path: written, layout: .gguf)
    }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let known = ModelCatalog.models.map(\.name)
    let advice =
      if let near = path.nearest(in: known) {
        "did you mean \(near)?"
      } else if parts.count == 2, parts.allSatisfy(\.isPlainName) {
        "a model of the hub is written hf:\(path)"
      } else {
        "give a folder, a .gguf file, hf:owner/name, pip:package==version or one of "
          + known.joined(separator: ", ")
      }
    throw ModelError(subject: path, problem: "there is no such file or folder", advice: advice)
  }
}

extension ModelStore {
  // What a report about the machine tells of this floor's surroundings.

  package static func cacheFolder(environment: [String: String]) throws -> String {
    try CacheFolder(environment: environment).path
  }

  package static func hubCacheFolder(environment: [String: String]) throws -> String {
    try HubCache(environment: environment).path
  }

  package static func freeBytes(at folder: String) -> Int? { Disk.freeBytes(at: folder) }

  package static func hasHubToken(environment: [String: String]) -> Bool {
    HubCache.token(environment: environment) != nil
  }

  /// Which pip would fetch wheels, in its own words.
  package static func pipVersion(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) async throws -> String {
    try await PipClient(environment: environment).version()
  }
}
