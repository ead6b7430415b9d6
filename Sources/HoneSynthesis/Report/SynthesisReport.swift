import HoneFormats

/// What came of a run, read from its own files: ``html`` is the page, ``card`` the dataset's card.
package struct SynthesisReport {
  /// What became of the candidates of one passage.
  struct Passage {
    var headings: String
    var isHeldOut: Bool
    var accepted = 0
    var rejected = 0
  }

  /// A record in words.
  struct Example {
    var request: String
    var response: String
    var source: String
  }

  let options: SynthesisOptions
  let funnel: Funnel
  let calibration: Calibration?
  /// The passages of each document, in their order.
  private(set) var documents: [(name: String, passages: [Passage])] = []
  /// What each filter measured of the candidates.
  private(set) var scores: [String: [Double]] = [:]
  private(set) var examples: [Example] = []
  private(set) var diversity: Diversity?
  /// How many times smaller all accepted requests become together.
  private(set) var compressionRatio: Double?
  /// Facts about the run, a name and a value each.
  private(set) var facts: [(name: String, value: String)] = []
  let teacher: String
  /// Whether the teacher answers the same when it is asked again.
  let isReproducible: Bool

  /// Enough to judge by, few enough to read.
  private static let exampleCount = 8

  /// Reads what a finished run wrote.
  ///
  /// - Parameter chunks: all passages of the documents.
  /// - Throws: ``SynthesisError`` or ``HoneFormats/FormatError`` for files that are no run's.
  package init(
    _ options: SynthesisOptions, folder: SynthesisFolder, result: SynthesisRun.Result,
    chunks: [Chunk], teacher: String, isReproducible: Bool, reader: String
  ) async throws {
    self.options = options
    self.teacher = teacher
    self.isReproducible = isReproducible
    funnel = result.funnel
    calibration = result.calibration
    var places: [String: (document: Int, passage: Int)] = [:]
    var numbers: [String: Int] = [:]
    for chunk in chunks.sorted(by: {
      ($0.document, $0.range.lowerBound) < ($1.document, $1.range.lowerBound)
    }) {
      let document = numbers[chunk.document, default: documents.count]
      if document == documents.count {
        numbers[chunk.document] = document
        documents.append((chunk.document, []))
      }
      places[chunk.id] = (document, documents[document].passages.count)
      documents[document].passages.append(
        Passage(headings: chunk.headingPath, isHeldOut: chunk.split == .heldOut))
    }
    var requests: [String] = []
    // A few of all that were accepted, in even steps.
    let step = max(1, funnel.accepted / Self.exampleCount)
    for (path, isAccepted) in [(folder.accepted, true), (folder.rejected, false)] {
      var lines = try JSONLines(path: path)
      while let line = try lines.next() {
        let record = try SynthesisRecord(line.value, file: path, place: "line \(line.line)")
        for (name, value) in record.scores { scores[name, default: []].append(value) }
        if let place = record.provenance.source.flatMap({ places[$0.chunk] }) {
          if isAccepted {
            documents[place.document].passages[place.passage].accepted += 1
          } else {
            documents[place.document].passages[place.passage].rejected += 1
          }
        }
        guard isAccepted else { continue }
        if requests.count % step == 0, examples.count < Self.exampleCount {
          examples.append(
            Example(
              request: record.content.request, response: record.content.response,
              source: record.provenance.source.map { source in
                ([source.document] + source.headings).joined(separator: " > ")
              } ?? ""))
        }
        requests.append(record.content.request)
      }
    }
    diversity = Diversity(of: requests)
    compressionRatio = await Diversity.compressionRatio(of: requests)
    let answers = result.calls.answers
    let measured = result.calls.scores
    facts = [
      ("pipeline", options.pipeline), ("teacher", teacher), ("reader", reader),
    ]
    if !chunks.isEmpty {
      facts += [
        ("documents", "\(documents.count)"), ("passages", "\(chunks.count)"),
        ("held out of them", "\(chunks.count { $0.split == .heldOut })"),
      ]
    }
    facts += [
      ("seed", "\(options.seed)"),
      ("calls of the teacher", "\(answers.made) made, \(answers.known) known before"),
      ("tokens read and written", "\(answers.promptTokens) and \(answers.answerTokens)"),
      ("calls of the reader", "\(measured.made) made, \(measured.known) known before"),
      ("seconds", "\(Int(result.seconds.rounded()))"),
    ]
  }

  /// The files of examples that the pipeline reads.
  var examplePaths: [String] {
    let reads = SynthesisPipelines.named(options.pipeline)?.readsExamples ?? false
    return reads ? options.examples : []
  }

  /// Passages that something was accepted of, and those that something could be.
  var coverage: (covered: Int, all: Int) {
    let passages = documents.flatMap(\.passages)
    let own = passages.filter { $0.accepted + $0.rejected > 0 || !$0.isHeldOut }
    return (own.count { $0.accepted > 0 }, own.count)
  }
}
