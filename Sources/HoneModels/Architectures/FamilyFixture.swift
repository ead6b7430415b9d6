/// A tiny random model of a family among the tests' fixtures, with what the tests hold it to.
///
/// The tests walk ``Architectures/fixtures(checked:)``, and `hone models --families` prints the same
/// list, so the table says what is tested.
package struct FamilyFixture: Sendable {
  /// What is compared, mostly with transformers and peft.
  package enum Check: String, CaseIterable, Sendable {
    case folder, gguf, gradients, cache, rows

    /// What it means, for people.
    package var meaning: String {
      switch self {
      case .folder: "logits from a Hugging Face folder within 1e-5 of transformers'"
      case .gguf: "the same from a GGUF of the same weights"
      case .gradients: "every gradient of a LoRA within 1e-4 of peft's"
      case .cache: "decoding with a cache equal to the whole text"
      case .rows: "rows of a batch independent of each other"
      }
    }
  }

  /// The folder's name.
  package let name: String
  package let checks: [Check]

  /// - Parameter checks: all, but where there is nothing to compare with.
  package init(_ name: String, checks: [Check] = Check.allCases) {
    self.name = name
    self.checks = checks
  }

  /// One that llama.cpp's converter has nothing for.
  package static func withoutGGUF(_ name: String) -> FamilyFixture {
    FamilyFixture(name, checks: Check.allCases.filter { $0 != .gguf })
  }
}

extension Architectures {
  /// The names of all families' fixtures that something is checked for, in the families' order.
  package static func fixtures(checked check: FamilyFixture.Check) -> [String] {
    all.flatMap { $0.fixtures }.filter { $0.checks.contains(check) }.map(\.name)
  }
}
