/// A training run, whatever it trains for.
package protocol SomeRun: AnyObject {
  var stepCount: Int { get }
  var validationCount: Int { get }
  func largestSteps(ofFirst count: Int) throws -> [Int]
  func measure(step: Int) throws -> (tokens: Int, seconds: Double)
  func expectSameOrigin() throws
  func run(
    resuming: Bool, isInterrupted: () -> Bool, willStart: () throws -> Void,
    listener: (TrainingEvent) -> Void
  ) throws -> TrainingEvent.End
}

extension TrainingRun: SomeRun {}
