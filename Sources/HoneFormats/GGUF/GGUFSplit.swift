/// How a model is split over several GGUF files: the names of the parts and the `split.` keys.
///
/// `split.no` counts from 0, the names count from 1. Follows llama.cpp's `gguf-split`.
enum GGUFSplit {
  /// The paths of the parts after the first; empty when the model is not split.
  static func furtherParts(of path: String, metadata: GGUFMetadata) throws -> [String] {
    guard let count = try metadata.uint("split.count"), count > 1 else { return [] }
    let number = try metadata.requireUInt("split.no")
    // The names hold five digits, and a file descriptor or two is needed for each part.
    guard count <= 9999 else {
      throw FormatError(
        file: path, place: "metadata key \"split.count\"",
        problem: "is \(count), more than 9999 parts")
    }
    let suffix = "-\(padded(number + 1))-of-\(padded(count)).gguf"
    guard path.hasSuffix(suffix) else {
      throw FormatError(
        file: path,
        problem: "is part \(number + 1) of a model in \(count) parts, but its name does not end in "
          + "\"\(suffix)\"",
        advice: "rename the parts to what their publisher calls them")
    }
    let stem = path.dropLast(suffix.count)
    guard number == 0 else {
      throw FormatError(
        file: path, problem: "is part \(number + 1) of a model in \(count) parts",
        advice: "open the first part, \(stem)-\(padded(1))-of-\(padded(count)).gguf")
    }
    return (2...count).map { "\(stem)-\(padded($0))-of-\(padded(count)).gguf" }
  }

  /// Checks that a part is the one its name says.
  static func check(
    _ metadata: GGUFMetadata, of path: String, is number: Int, of count: Int
  ) throws {
    let found = (try metadata.requireUInt("split.no"), try metadata.requireUInt("split.count"))
    guard found == (number, count) else {
      throw FormatError(
        file: path,
        problem: "says it is part \(found.0 &+ 1) of \(found.1), but its name says part "
          + "\(number + 1) of \(count)")
    }
  }

  /// Checks the number of tensors in all parts.
  static func check(tensorCount: Int, metadata: GGUFMetadata, of path: String) throws {
    guard let expected = try metadata.uint("split.tensors.count"),
      try metadata.uint("split.count") ?? 1 > 1, expected != tensorCount
    else { return }
    throw FormatError(
      file: path, place: "metadata key \"split.tensors.count\"",
      problem: "promises \(expected) tensors, but the parts hold \(tensorCount)")
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}
