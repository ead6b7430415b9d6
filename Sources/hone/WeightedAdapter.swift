import ArgumentParser
import Foundation

/// An adapter's folder, with how much of it counts: `runs/a/adapter=0.7`.
struct WeightedAdapter: ExpressibleByArgument {
  let path: String
  let weight: Double

  /// The last equals sign parts the two, unless the whole is a folder's name.
  init?(argument: String) {
    guard !FileManager.default.fileExists(atPath: argument),
      let sign = argument.lastIndex(of: "=")
    else {
      self.init(path: argument, weight: 1)
      return
    }
    // What is no number is no weight, which the command says better than the parser.
    self.init(
      path: String(argument[..<sign]),
      weight: Double(argument[argument.index(after: sign)...]) ?? .nan)
  }

  private init(path: String, weight: Double) {
    self.path = path
    self.weight = weight
  }
}
