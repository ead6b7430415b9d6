import Foundation
import HoneFormats
import HoneModels

/// Models of the Hugging Face hub, in the cache that its own tools use.
///
/// `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` mean what they mean
/// there.
struct HubSource {
  private let cache: HubCache
  private let client: HubClient
  private let isOffline: Bool
  private let listener: TransferListener

  init(environment: [String: String], listener: @escaping TransferListener) throws {
    cache = try HubCache(environment: environment)
    client = try HubClient(environment: environment)
    isOffline = ["1", "on", "true", "yes"].contains(
      (environment["HF_HUB_OFFLINE"] ?? "").lowercased())
    self.listener = listener
  }

  func locate(
    _ reference: HubReference, freshness: ModelStore.Freshness
  ) async throws -> LocalModel {
    let present = cached(reference)
    if freshness == .cached || isOffline, let present, present.isWhole { return present.model }
    guard !isOffline else {
      if let present { return present.model }
      throw ModelError(
        subject: "hf:\(reference)", problem: "is not in the cache, and HF_HUB_OFFLINE is set",
        advice: "unset it, or fetch the model with hone pull where there is a network")
    }
    let listing: HubClient.Listing
    do {
      listing = try await client.listing(of: reference)
    } catch let error as HubClient.Unreachable {
      // A model that is here serves also when nobody can say whether there is a newer one.
      if let present { return present.model }
      throw error.model
    }
    let files = try Self.neededFiles(of: listing, for: reference)
    let missing = files.filter { !hasBlob($0, in: reference.repository) }
    try Disk.createFolder(cache.path)
    try Disk.requireSpace(
      missing.reduce(0) { $0 + $1.byteCount - partialBytes($1, in: reference.repository) },
      in: cache.path, for: "hf:\(reference)")
    for file in files {
      try await fetch(file, of: reference, commit: listing.commit)
    }
    if try await fetchShards(of: listing, for: reference) == false, reference.file == nil,
      !files.contains(where: { $0.path.hasSuffix(".safetensors") })
    {
      throw noWeights(listing, for: reference)
    }
    // Last, so that a revision's name never leads to an unfinished snapshot.
    try await cache.remember(listing.commit, as: reference.revision, in: reference.repository)
    let snapshot = cache.snapshot(of: reference.repository, commit: listing.commit)
    return reference.file.map { LocalModel(path: "\(snapshot)/\($0)", layout: .gguf) }
      ?? LocalModel(path: snapshot, layout: .folder)
  }

  // MARK: What is here

  /// The model as an earlier fetch, ours or another tool's, left it.
  ///
  /// Whole means that nothing needs to be asked for: with another tool's help a folder may have
  /// weights and no tokenizer.
  private func cached(_ reference: HubReference) -> (model: LocalModel, isWhole: Bool)? {
    guard let commit = cache.commit(of: reference.revision, in: reference.repository) else {
      return nil
    }
    let snapshot = cache.snapshot(of: reference.repository, commit: commit)
    if let file = reference.file {
      guard Disk.status("\(snapshot)/\(file)") != nil else { return nil }
      return (LocalModel(path: "\(snapshot)/\(file)", layout: .gguf), true)
    }
    let has = { (name: String) in Disk.status("\(snapshot)/\(name)") != nil }
    let weights =
      if has(Self.index) {
        (try? Self.shards(index: "\(snapshot)/\(Self.index)"))?.allSatisfy(has) ?? false
      } else {
        has(Self.weights)
      }
    guard has("config.json"), weights else { return nil }
    return (
      LocalModel(path: snapshot, layout: .folder),
      has("tokenizer.json") || has("tokenizer.model")
    )
  }

  private func hasBlob(_ file: HubClient.File, in repository: String) -> Bool {
    Disk.status(cache.blob(of: repository, tag: file.tag))?.byteCount == file.byteCount
  }

  private func partialBytes(_ file: HubClient.File, in repository: String) -> Int {
    Disk.status(cache.blob(of: repository, tag: file.tag) + ".incomplete")?.byteCount ?? 0
  }

  // MARK: What is needed

  private static let weights = "model.safetensors"
  private static let index = "model.safetensors.index.json"

  /// The files to fetch first: the small ones, then the weights, as far as they are known by name.
  static func neededFiles(
    of listing: HubClient.Listing, for reference: HubReference
  ) throws -> [HubClient.File] {
    if let path = reference.file {
      guard let file = listing.files.first(where: { $0.path == path }) else {
        throw missingFile(path, in: listing, for: reference)
      }
      guard path.lowercased().hasSuffix(".gguf") else {
        throw ModelError(
          subject: "hf:\(reference)", problem: "only a .gguf file can be named",
          advice: "for a folder of weights write hf:\(reference.repository)")
      }
      return [file]
    }
    let small = listing.files.filter { file in
      !file.path.contains("/")
        && (["config.json", "generation_config.json", "special_tokens_map.json", index]
          .contains(file.path)
          || file.path.hasPrefix("tokenizer") || file.path.hasPrefix("chat_template"))
    }
    guard !small.contains(where: { $0.path == index }) else { return small }
    return small + listing.files.filter { $0.path == weights }
  }

  /// Fetches the weight files that the index names; false where there is no index.
  private func fetchShards(
    of listing: HubClient.Listing, for reference: HubReference
  ) async throws -> Bool {
    guard reference.file == nil, listing.files.contains(where: { $0.path == Self.index }) else {
      return false
    }
    let snapshot = cache.snapshot(of: reference.repository, commit: listing.commit)
    let shards = try Self.shards(index: "\(snapshot)/\(Self.index)").map { name in
      guard let file = listing.files.first(where: { $0.path == name }) else {
        throw Self.missingFile(name, in: listing, for: reference)
      }
      return file
    }
    try Disk.requireSpace(
      shards.filter { !hasBlob($0, in: reference.repository) }
        .reduce(0) { $0 + $1.byteCount - partialBytes($1, in: reference.repository) },
      in: cache.path, for: "hf:\(reference)")
    for shard in shards {
      try await fetch(shard, of: reference, commit: listing.commit)
    }
    return true
  }

  /// The weight files that an index names, sorted.
  private static func shards(index path: String) throws -> [String] {
    let json = try JSONParser.parse(
      String(decoding: Disk.contents(path) ?? [], as: UTF8.self), file: path)
    guard let map = json["weight_map"]?.object else {
      throw FormatError(file: path, place: "weight_map", problem: "is missing or no object")
    }
    return try Set(map.values.compactMap(\.string)).sorted().map { name in
      guard name.isInnerPath else {
        throw FormatError(file: path, place: "weight_map", problem: "\(name) is no file name")
      }
      return name
    }
  }

  private func noWeights(
    _ listing: HubClient.Listing, for reference: HubReference
  ) -> ModelError {
    let ggufs = listing.files.map(\.path).filter { $0.lowercased().hasSuffix(".gguf") }
    return ModelError(
      subject: "hf:\(reference)",
      problem: "the repository holds neither model.safetensors nor its index",
      advice: ggufs.isEmpty
        ? "weights in other formats cannot be read"
        : "name one of its files: "
          + ggufs.prefix(12).map { "hf:\(reference)/\($0)" }.joined(separator: ", "))
  }

  private static func missingFile(
    _ path: String, in listing: HubClient.Listing, for reference: HubReference
  ) -> ModelError {
    let names = listing.files.map(\.path)
    let near = path.nearest(in: names)
    let ggufs = names.filter { $0.lowercased().hasSuffix(".gguf") }
    return ModelError(
      subject: "hf:\(reference)", problem: "the repository holds no \(path)",
      advice: near.map { "did you mean \($0)?" }
        ?? (ggufs.isEmpty ? "" : "it holds " + ggufs.prefix(12).joined(separator: ", ")))
  }

  // MARK: Fetching

  private func fetch(
    _ file: HubClient.File, of reference: HubReference, commit: String
  ) async throws {
    let repository = reference.repository
    let blob = cache.blob(of: repository, tag: file.tag)
    if !hasBlob(file, in: repository) {
      try Disk.createFolder((blob as NSString).deletingLastPathComponent)
      let onWait = {
        listener(
          TransferProgress(
            step: .waiting, subject: file.path, completedBytes: 0, totalBytes: file.byteCount))
      }
      try await FileLock.hold(cache.lock(of: repository, tag: file.tag), onWait: onWait) {
        guard !hasBlob(file, in: repository) else { return }
        do {
          try await client.download(
            file, of: reference, commit: commit, to: blob + ".incomplete", listener: listener)
        } catch let error as HubClient.Unreachable {
          throw error.model
        }
        try Disk.move(blob + ".incomplete", to: blob)
      }
    }
    try cache.link(file.path, to: file.tag, in: repository, commit: commit)
  }
}
