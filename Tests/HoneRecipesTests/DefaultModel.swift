import Foundation
import HoneModels
import HoneStore

/// The model that tests of whole runs use, where it is cached.
enum DefaultModel {
  static let cached: LocalModel? = {
    let model = ModelCatalog.defaultModel
    guard ModelStore().holds(model),
      let cache = try? ModelStore.cacheFolder(environment: ProcessInfo.processInfo.environment)
    else {
      print("SKIPPED: what runs with \(model.name), which is not cached (see hone pull)")
      return nil
    }
    return LocalModel(path: "\(cache)/pip/\(model.name)/\(model.file)", layout: .gguf)
  }()
}
