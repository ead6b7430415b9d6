/// A prompt with the answer that people prefer and the one that they do not.
package struct PreferencePair: Sendable {
  package var prompt: [Int32]
  /// The preferred answer's tokens behind the prompt, its end token included.
  package var chosen: [Int32]
  /// The other answer's tokens behind the prompt, its end token included.
  package var rejected: [Int32]
  /// Its number in its data set, from 0 on: no two have the same.
  package var index: Int

  package init(prompt: [Int32], chosen: [Int32], rejected: [Int32], index: Int) {
    self.prompt = prompt
    self.chosen = chosen
    self.rejected = rejected
    self.index = index
  }
}

/// A prompt with one answer, and whether it is a good one.
package struct UnpairedExample: Sendable {
  package var prompt: [Int32]
  /// The answer's tokens behind the prompt, its end token included.
  package var completion: [Int32]
  package var isDesirable: Bool
  /// Its number in its data set, from 0 on: no two have the same.
  package var index: Int

  package init(prompt: [Int32], completion: [Int32], isDesirable: Bool, index: Int) {
    self.prompt = prompt
    self.completion = completion
    self.isDesirable = isDesirable
    self.index = index
  }
}

/// Pairs that go through the network together.
package struct PreferenceBatch: Sendable {
  package var pairs: [PreferencePair]

  package init(pairs: [PreferencePair]) { self.pairs = pairs }
}

/// Unpaired examples that go through the network together.
package struct UnpairedBatch: Sendable {
  package var examples: [UnpairedExample]

  package init(examples: [UnpairedExample]) { self.examples = examples }
}
