import HoneFormats

extension SynthesisRecord {
  /// The record as one line of a file: the columns of its content, then `_meta`.
  ///
  /// The same record gives the same bytes: members stand in a fixed order, those of open maps in the
  /// order of their names.
  package var json: JSONValue {
    var members = content.json
    members["_meta"] = .object(metadata)
    return .object(members)
  }

  private var metadata: JSONObject {
    JSONObject([
      ("id", .string(id)),
      ("kind", .string(content.kind.rawValue)),
      ("split", .string(split.rawValue)),
      ("attributes", .object(Self.sorted(attributes.mapValues { .string($0) }))),
      ("provenance", provenance.json),
      ("scores", .object(Self.sorted(scores.mapValues { .number($0) }))),
      ("verdicts", .array(verdicts.map(\.json))),
    ])
  }

  private static func sorted(_ values: [String: JSONValue]) -> JSONObject {
    JSONObject(values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }

  /// Reads a record back.
  ///
  /// - Throws: ``SynthesisError`` with the member that is missing or wrong.
  package init(_ json: JSONValue, file: String = "record", place: String = "") throws {
    let members = JSONMembers(json, file: file, place: place)
    let metadata = try members.object("_meta")
    let kind: Kind = try metadata.name("kind")
    self.init(
      try Content(members, kind: kind), provenance: try Provenance(metadata.object("provenance")),
      attributes: try metadata.map("attributes") { $0.string },
      scores: try metadata.map("scores") { $0.double },
      verdicts: try metadata.list("verdicts").map(Verdict.init),
      split: try metadata.name("split"))
    guard try metadata.text("id") == id else {
      throw members.fault(
        "_meta.id", "is not the name of this content, \(id)",
        advice: "the line was edited: give it back its content, or make it a training file of "
          + "its own without _meta")
    }
  }

  /// Reads a file of records, one a line.
  ///
  /// - Throws: ``SynthesisError`` or ``HoneFormats/FormatError`` with the line.
  package static func read(_ path: String) throws -> [SynthesisRecord] {
    var lines = try JSONLines(path: path)
    var records: [SynthesisRecord] = []
    while let line = try lines.next() {
      records.append(
        try SynthesisRecord(line.value, file: path, place: "line \(line.line)"))
    }
    return records
  }

  /// Writes a file of records, one a line, whole or not at all.
  package static func write(_ records: some Sequence<SynthesisRecord>, to path: String) throws {
    let file = try AtomicFile(path: path)
    for record in records { try file.write(record.json.bytes(.spaced) + [0x0A]) }
    try file.commit()
  }
}

extension Verdict {
  package var json: JSONValue {
    .object(
      JSONObject([
        ("filter", .string(filter)), ("value", value.map { .number($0) } ?? .null),
        ("threshold", threshold.map { .number($0) } ?? .null), ("passes", .bool(passes)),
        ("reason", .string(reason)),
      ]))
  }

  init(_ members: JSONMembers) throws {
    self.init(
      try members.text("filter"), value: members["value"]?.double,
      threshold: members["threshold"]?.double, passes: try members.bool("passes"),
      reason: try members.text("reason"))
  }
}

extension Provenance {
  package var json: JSONValue {
    var members = JSONObject([
      ("recipe", .string(recipe)), ("step", .string(step)),
      ("parents", .array(parents.map { .string($0) })),
    ])
    if let source {
      members["source"] = .object(
        JSONObject([
          ("document", .string(source.document)), ("sha256", .string(source.documentDigest)),
          ("chunk", .string(source.chunk)),
          ("headings", .array(source.headings.map { .string($0) })),
          (
            "bytes",
            source.span.map { .array([.integer($0.lowerBound), .integer($0.upperBound)]) } ?? .null
          ),
        ]))
    }
    if let teacher {
      members["teacher"] = .object(
        JSONObject([
          ("name", .string(teacher.name)), ("sha256", .string(teacher.checksum)),
          ("adapter_sha256", teacher.adapterChecksum.map { .string($0) } ?? .null),
        ]))
    }
    members["prompt_sha256"] = .string(promptDigest)
    // As text: JSON's numbers are exact up to 2⁵³ in many readers.
    members["seed"] = .string(String(seed))
    members["attempt"] = .integer(attempt)
    return .object(members)
  }

  init(_ members: JSONMembers) throws {
    guard let seed = UInt64(try members.text("seed")) else {
      throw members.fault("seed", "is not a whole number in quotes")
    }
    self.init(
      recipe: try members.text("recipe"), step: try members.text("step"),
      parents: try members.texts("parents"),
      source: try members.optionalObject("source").map(Source.init),
      promptDigest: try members.text("prompt_sha256"),
      teacher: try members.optionalObject("teacher").map(Teacher.init), seed: seed,
      attempt: try members.integer("attempt"))
  }
}

extension Provenance.Source {
  fileprivate init(_ members: JSONMembers) throws {
    var span: Range<Int>?
    if let bounds = members["bytes"]?.array {
      let numbers = bounds.compactMap(\.integer)
      guard numbers.count == 2, bounds.count == 2, numbers[0] >= 0, numbers[0] <= numbers[1] else {
        throw members.fault("bytes", "is not a start and an end")
      }
      span = numbers[0]..<numbers[1]
    }
    self.init(
      document: try members.text("document"), documentDigest: try members.text("sha256"),
      chunk: try members.text("chunk"), headings: try members.texts("headings"), span: span)
  }
}

extension Provenance.Teacher {
  fileprivate init(_ members: JSONMembers) throws {
    self.init(
      name: try members.text("name"), checksum: try members.text("sha256"),
      adapterChecksum: members["adapter_sha256"]?.string)
  }
}
