import HoneAdapters
import HoneFormats
import HoneModels

/// A thing to train for: what a recipe may set, and what it learns from.
///
/// A new objective is one file beside this one and one line in ``Objectives/all``.
public struct ObjectiveKind: Sendable {
  /// The key in a recipe: `dpo`.
  public let name: String
  /// One sentence for the help.
  public let summary: String
  /// Where it is defined.
  public let source: String
  /// What a method's learning rate is multiplied by where a recipe sets none.
  public let rateFactor: Double
  public let settings: [Setting]
  package let data: Data

  /// What is learned from.
  package enum Data: Sendable {
    /// Texts and conversations.
    case texts
    /// Pairs of answers, and how their loss is made of settings.
    case pairs(@Sendable (SettingValues) throws -> any PairLoss)
    /// Pairs of answers, which a score head learns to tell apart.
    case rewards(@Sendable (SettingValues) -> RewardPreference)
    /// Single answers with a label.
    case answers(@Sendable (SettingValues) throws -> KTO)
  }

  /// Whether what is trained gives answers a number and writes none.
  package var givesRewards: Bool { if case .rewards = data { true } else { false } }

  /// Whether a reference's log-probabilities may be needed.
  package var hasReference: Bool { settings.contains { $0.key == ReferenceScores.setting.key } }

  init(
    name: String, summary: String, source: String, rateFactor: Double, settings: [Setting],
    data: Data
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.rateFactor = rateFactor
    self.settings = settings
    self.data = data
  }
}

/// The objectives that Hone knows.
public enum Objectives {
  public static let all: [ObjectiveKind] = [
    Supervised.kind, DPO.kind, KTO.kind, ORPO.kind, SimPO.kind, CPO.kind, RewardPreference.kind,
  ]

  /// Supervised fine-tuning, for recipes that name none.
  public static let supervised = Supervised.kind
}
