import Foundation
import HoneFormats
import Testing

@testable import HoneText

/// Small templates and what Jinja makes of them; `Scripts/reference/make_jinja_fixture.py` writes
/// the fixture.
@Suite struct LanguageTests {
  struct Group: CustomTestStringConvertible {
    var name: String
    var rows: [Row]
    var testDescription: String { name }
  }

  struct Row {
    var source: String
    var text: String?
    var ranges: [Range<Int>]
    var kind: String
    var message: String
    var line: Int?

    init(_ fields: [JSONValue]) {
      source = fields[0].string ?? ""
      text = fields[1].string
      ranges = []
      kind = ""
      message = ""
      if text == nil {
        kind = fields[2].string ?? ""
        message = fields[3].string ?? ""
        line = fields[4].integer
      } else if fields.count > 2 {
        ranges = (fields[2].array ?? []).map { pair in
          (pair.array?[0].integer ?? 0)..<(pair.array?[1].integer ?? 0)
        }
      }
    }
  }

  static let fixture: (context: [String: JSONValue], now: CalendarTime, groups: [Group]) = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/jinja-language.json")
    guard let text = try? String(contentsOf: file, encoding: .utf8),
      let json = try? JSONParser.parse(text),
      let now = json["now"]?.string.flatMap(CalendarTime.init)
    else { return ([:], CalendarTime(year: 0, month: 1, day: 1), []) }
    let context = Dictionary(uniqueKeysWithValues: (json["context"]?.object ?? .init()).map { $0 })
    let groups = (json["groups"]?.object ?? .init()).map { name, rows in
      Group(name: name, rows: (rows.array ?? []).map { Row($0.array ?? []) })
    }
    return (context, now, groups)
  }()

  /// What the error's problem begins with, or nothing where only its kind counts: Python's sentences
  /// about a call's arguments name its own functions.
  private static func sentence(_ row: Row) -> String {
    let isAboutArguments = ["argument", "arg must", "must be str"].contains {
      row.message.contains($0)
    }
    switch row.kind {
    case "syntax": return differingSentences[row.source] ?? row.message
    case "TemplateError": return row.message
    case "TypeError" where isAboutArguments: return "TypeError: "
    default: return "\(row.kind): \(row.message)"
    }
  }

  /// Sources with two faults, of which Jinja and this lexer meet different ones first, and a tag that
  /// Python names in its own way.
  private static let differingSentences = [
    "{% macro m( %}{% endmacro %}": "unexpected '}', expected ')'",
    "{% macro m(true) %}{% endmacro %}": "can't assign to 'const'",
    "{% continue %}": "'continue' outside loop",
  ]

  private static func outcome(_ row: Row) -> (
    text: String?, error: TextError?, ranges: [Range<Int>]
  ) {
    do {
      let template = try ChatTemplate(row.source)
      let variables = try fixture.context.mapValues { try Jinja.Value($0) }
      let rendering = try template.render(variables, now: { fixture.now })
      return (rendering.text, nil, rendering.assistantRanges)
    } catch let error as TextError {
      return (nil, error, [])
    } catch {
      return (nil, TextError(subject: "another type", problem: "\(error)"), [])
    }
  }

  @Test(arguments: fixture.groups)
  func `renders as Jinja does`(group: Group) {
    for row in group.rows {
      let (text, error, ranges) = Self.outcome(row)
      if let wanted = row.text {
        #expect(
          text.map { Array($0.utf8) } == Array(wanted.utf8),
          "\(row.source) gives \(text ?? "\(error!)") and not \(wanted)")
        #expect(ranges == row.ranges, "\(row.source)")
      } else {
        #expect(
          error?.problem.hasPrefix(Self.sentence(row)) == true,
          "\(row.source) gives \(error?.problem ?? text ?? "") and not \(row.message)")
        if let line = row.line {
          #expect(error?.place.hasPrefix("line \(line)") == true, "\(row.source)")
        }
      }
    }
  }

  @Test func `the fixture is there`() {
    #expect(Self.fixture.groups.reduce(0) { $0 + $1.rows.count } > 1500)
  }
}
