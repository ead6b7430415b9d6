/// All that the report of a run says; ``html`` is the page.
///
/// Texts are shown as they are: nothing in them is taken for markup. What is empty leaves its part of
/// the page out.
public struct ReportContent: Sendable {
  /// The name of the run.
  public var title: String
  /// One line under the title: what was trained and how.
  public var summary: String
  /// How and when it ended: `completed on 2026-11-23 at 10:31`.
  public var outcome: String
  /// What should be read first when something is not as it should be, a sentence each.
  public var warnings: [String] = []
  /// The few numbers that matter, in large type; three to five.
  public var highlights: [Highlight] = []
  /// The steps in ascending order.
  public var steps: [Step] = []
  /// The losses on held-out data in ascending order; the one of step 0 is the untrained model's.
  public var validations: [Validation] = []
  /// What the objective reports besides its loss, a chart each.
  public var curves: [Curve] = []
  /// Scores before and after.
  public var exams: [Exam] = []
  /// Questions with the answers before and after.
  public var samples: [Sample] = []
  /// What is known about the data: rows, tokens, what was cut.
  public var data: [Entry] = []
  /// What the run took and made: trained parameters, time, memory.
  public var run: [Entry] = []
  /// The memory at its peak, by what it holds, largest first; the values are bytes.
  public var memory: [(name: String, bytes: Int)] = []
  /// The recipe as it was resolved.
  public var recipe: String = ""
  /// What computed this: Hone, the system, the processor, the instruction set.
  public var versions: [Entry] = []
  /// The files that went in and came out.
  public var checksums: [Checksum] = []

  public init(title: String, summary: String, outcome: String) {
    self.title = title
    self.summary = summary
    self.outcome = outcome
  }

  /// A name and what stands beside it.
  public struct Entry: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A number in large type.
  public struct Highlight: Sendable, Equatable {
    public var name: String
    public var value: String
    /// A few words below the number: `from 3.61 untrained`.
    public var note: String

    public init(_ name: String, _ value: String, note: String = "") {
      self.name = name
      self.value = value
      self.note = note
    }
  }

  /// One step, as events.jsonl has it.
  public struct Step: Sendable, Equatable {
    public var step: Int
    public var loss: Double
    public var learningRate: Double
    public var gradientNorm: Double
    public var tokensPerSecond: Double
    public var peakMemoryBytes: Int

    public init(
      step: Int, loss: Double, learningRate: Double, gradientNorm: Double, tokensPerSecond: Double,
      peakMemoryBytes: Int
    ) {
      self.step = step
      self.loss = loss
      self.learningRate = learningRate
      self.gradientNorm = gradientNorm
      self.tokensPerSecond = tokensPerSecond
      self.peakMemoryBytes = peakMemoryBytes
    }
  }

  public struct Validation: Sendable, Equatable {
    public var step: Int
    public var loss: Double
    public var isBest: Bool

    public init(step: Int, loss: Double, isBest: Bool = false) {
      self.step = step
      self.loss = loss
      self.isBest = isBest
    }
  }

  /// Numbers of an objective by step, in one chart.
  public struct Curve: Sendable, Equatable {
    public var name: String
    /// What the chart shows, in a sentence.
    public var caption: String
    /// Whether the values are shares, from 0 to 1.
    public var isShare: Bool
    public var lines: [Line]

    public init(_ name: String, caption: String, isShare: Bool = false, lines: [Line]) {
      self.name = name
      self.caption = caption
      self.isShare = isShare
      self.lines = lines
    }

    public struct Line: Sendable, Equatable {
      public enum Kind: Sendable {
        /// Of each step, shown smoothed.
        case trained
        /// The same, of what stands against it.
        case opposed
        /// Of held-out data, few points.
        case heldOut
      }

      public var name: String
      public var kind: Kind
      public var points: [Point]

      public init(_ name: String, _ kind: Kind, _ points: [Point]) {
        self.name = name
        self.kind = kind
        self.points = points
      }
    }

    public struct Point: Sendable, Equatable {
      public var step: Int
      public var value: Double

      public init(step: Int, value: Double) {
        self.step = step
        self.value = value
      }
    }
  }

  /// A score before and after: `26 of 26 facts`.
  public struct Exam: Sendable, Equatable {
    public var name: String
    /// How many were right, of ``count``.
    public var before: Int
    public var after: Int
    public var count: Int

    public init(_ name: String, before: Int, after: Int, of count: Int) {
      self.name = name
      self.before = before
      self.after = after
      self.count = count
    }
  }

  /// A question and how it was answered.
  public struct Sample: Sendable, Equatable {
    public var question: String
    public var before: String
    public var after: String
    /// What a right answer contains; empty where right and wrong are not told apart.
    public var expects: [String]

    public init(question: String, before: String, after: String, expects: [String] = []) {
      self.question = question
      self.before = before
      self.after = after
      self.expects = expects
    }
  }

  /// A file that went into the run or came out of it.
  public struct Checksum: Sendable, Equatable {
    public var file: String
    public var bytes: Int
    public var sha256: String

    public init(file: String, bytes: Int, sha256: String) {
      self.file = file
      self.bytes = bytes
      self.sha256 = sha256
    }
  }
}
