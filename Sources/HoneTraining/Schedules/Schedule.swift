import Foundation

/// How the learning rate goes over a run: up during the warm-up, then as the kind says.
///
/// The first step of a warm-up of n steps has 1/n of the rate, so that no step is without effect;
/// transformers' first step has a rate of zero.
package struct Schedule: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    case constant
    /// Down to zero in a straight line.
    case linear
    /// Down to zero along half a cosine.
    case cosine
  }

  package var kind: Kind
  package var peak: Double
  package var warmupSteps: Int
  package var stepCount: Int

  package init(kind: Kind, peak: Double, warmupSteps: Int, stepCount: Int) {
    self.kind = kind
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.stepCount = stepCount
  }

  /// The learning rate of a step, from 1.
  package func rate(step: Int) -> Double {
    let done = step - 1
    if done < warmupSteps { return peak * Double(step) / Double(warmupSteps) }
    let progress = Double(done - warmupSteps) / Double(max(1, stepCount - warmupSteps))
    switch kind {
    case .constant: return peak
    case .linear: return peak * max(0, 1 - progress)
    case .cosine: return peak * 0.5 * (1 + cos(.pi * min(1, progress)))
    }
  }
}
