import HoneFormats

/// A recipe that cannot be followed, with all its faults at once.
public struct RecipeError: Error, Equatable, CustomStringConvertible {
  /// The recipe's path, or a name for text that came from elsewhere.
  public var file: String
  /// At least one, in the order in which they stand in the recipe.
  public var faults: [RecipeFault]

  public init(file: String, faults: [RecipeFault]) {
    self.file = file
    // Overrides come first and stay in their order.
    self.faults =
      faults.filter { $0.origin.place == nil }
      + faults.filter { $0.origin.place != nil }.sorted {
        ($0.origin.place ?? (0, 0)) < ($1.origin.place ?? (0, 0))
      }
  }

  /// One line a fault, in the form `FILE:LINE:COLUMN: KEY: PROBLEM; ADVICE` that editors follow.
  public var description: String {
    if faults.count == 1 { return line(of: faults[0]) }
    let shown = faults.prefix(40).map { "\n  \(line(of: $0))" }.joined()
    let more = faults.count > 40 ? "\n  and \(faults.count - 40) more" : ""
    return "\(file) has \(faults.count) faults:\(shown)\(more)"
  }

  private func line(of fault: RecipeFault) -> String {
    switch fault.origin {
    case .file(let line, let column): "\(file):\(line):\(column): \(fault)"
    case .override(let text): "--set \(FormatError.quoted(text)): \(fault)"
    }
  }
}

/// One thing that is wrong with a recipe.
public struct RecipeFault: Equatable, Sendable, CustomStringConvertible {
  public var origin: RecipeOrigin
  /// The key with its sections, `training.epochs`; empty where the whole recipe is meant.
  public var key: String
  /// What is wrong, as the end of a sentence that starts with the key.
  public var problem: String
  /// What to do next; empty when there is nothing sensible to say.
  public var advice: String

  public init(_ origin: RecipeOrigin, key: String, _ problem: String, advice: String = "") {
    self.origin = origin
    self.key = key
    self.problem = problem
    self.advice = advice
  }

  public var description: String {
    (key.isEmpty ? "" : "\(key) ") + problem + (advice.isEmpty ? "" : "; \(advice)")
  }
}

/// Where a part of a recipe was written.
public enum RecipeOrigin: Equatable, Sendable {
  /// A place in the file; lines and columns count from 1, columns in Unicode scalars.
  case file(line: Int, column: Int)
  /// An override of the command line: `training.steps=10`.
  case override(String)

  fileprivate var place: (line: Int, column: Int)? {
    if case .file(let line, let column) = self { (line, column) } else { nil }
  }
}
