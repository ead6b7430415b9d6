/// The special tokens that are put before and after a text.
struct PostProcessor: Sendable, Equatable {
  var before: [Int32] = []
  var after: [Int32] = []

  /// What another does after this one.
  func followed(by outer: PostProcessor) -> PostProcessor {
    PostProcessor(before: outer.before + before, after: after + outer.after)
  }
}
