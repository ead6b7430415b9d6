import Foundation
import Testing

@testable import HoneText

/// Templates written to do harm: each ends in an error, soon, and within a small stack.
@Suite struct LimitTests {
  /// The stack of a thread that is not a program's first, on the systems that give the least.
  private static let stackSize =
    ProcessInfo.processInfo.environment["HONE_TEST_STACK"].flatMap(Int.init) ?? 512 << 10

  private final class Box: @unchecked Sendable {
    // Written by the thread before it signals, read by the test after.
    var outcome = ""
    var seconds = 0.0
  }

  struct Hostile: CustomTestStringConvertible {
    var source: String
    /// What the error, or the text's size, begins with.
    var problem: String
    var testDescription: String { String(source.prefix(80)) }
  }

  /// The error's problem, or what was rendered, computed on a small stack; and the processor's time,
  /// since tests share theirs with others.
  static func outcome(_ source: String) -> (text: String, seconds: Double) {
    let box = Box()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      let start = threadSeconds()
      do {
        let text = try ChatTemplate(source).render(Conversation(messages: []))
        box.outcome = "text of \(text.utf8.count) bytes"
      } catch let error as TextError {
        box.outcome = error.problem
      } catch {
        box.outcome = "another error: \(error)"
      }
      box.seconds = threadSeconds() - start
      done.signal()
    }
    thread.stackSize = stackSize
    thread.start()
    done.wait()
    return (box.outcome, box.seconds)
  }

  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static let recursion = "RecursionError: macros, loops or expressions nest too deeply"
  private static let work = "LimitError: the template does more work than a rendering may"
  private static let deepSyntax = "nested more than 100 levels deep"
  private static let deepValue = "LimitError: values nested more than 100 levels deep"
  private static let largeText = "LimitError: a text of more than 64 MB"

  private static func loop(_ body: String, count: Int = 100_000, start: String = "") -> String {
    "{% set ns = namespace(\(start)) %}{% for i in range(\(count)) %}\(body){% endfor %}"
  }

  private static func nest(_ open: String, _ close: String, _ inner: String = "") -> String {
    let count = 20_000
    return String(repeating: open, count: count) + inner + String(repeating: close, count: count)
  }

  private static let hostile: [(String, String)] = [
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", recursion),
    (
      "{% macro f() %}{% if 1 %}{% for i in [1] %}{% filter upper %}{% with %}{{ (f())|upper }}"
        + "{% endwith %}{% endfilter %}{% endfor %}{% endif %}{% endmacro %}{{ f() }}", recursion
    ),
    ("{% macro f() %}{{ caller }}{% call f() %}{% endcall %}{% endmacro %}{{ f() }}", recursion),
    ("{% macro f() %}{% set x %}{{ f() }}{% endset %}{% endmacro %}{{ f() }}", recursion),
    ("{% macro f(x=f()) %}{% endmacro %}{{ f() }}", recursion),
    ("{% macro f() %}{{ [[[[[[1 if f() else 2]]]]]] }}{% endmacro %}{{ f() }}", recursion),
    (
      "{% macro f() %}{% generation %}{{ f() }}{% endgeneration %}{% endmacro %}{{ f() }}",
      recursion
    ),
    ("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", recursion),
    (
      "{% for x in [1] if x recursive %}{% if 1 %}{{ loop([1])|trim }}{% endif %}{% endfor %}",
      recursion
    ),
    ("{% macro f(n) %}{{ f(n - 1) if n else d }}{% endmacro %}{{ f(10 ** 9) }}", recursion),
    (loop("{% set ns.x = [ns.x] %}", start: "x=1"), deepValue),
    (loop("{% set ns.x = {'a': ns.x} %}", start: "x=1"), deepValue),
    (loop("{% set ns.x = (ns.x, 1) %}", start: "x=1"), deepValue),
    (loop("{% set ns.x = ns.x|map('string') %}", start: "x=[1]"), deepValue),
    (loop("{% set ns.x = [ns.x].copy %}", start: "x=1"), deepValue),
    (loop("{% set ns.x = namespace(y=ns.x) %}"), "text of 0 bytes"),
    ("{% set a = namespace() %}{% set a.b = a %}{{ a }}", "RecursionError: "),
    ("{% set a = namespace() %}{% set a.b = [a] %}{{ a.b == a.b }}{{ a.b }}", "RecursionError: "),
    (loop("{% for j in range(100000) %}{% endfor %}"), work),
    (loop("{{ range(100000)|sum }}"), work),
    (loop("{{ range(100000)|sort|length }}"), work),
    (loop("{% set ns.x = ns.x + ns.x %}", start: "x='ab'"), largeText),
    (loop("{% set ns.x = ns.x ~ ns.x %}", start: "x='ab'"), largeText),
    (loop("{% set ns.x = ns.x + ns.x %}", start: "x=[1]"), work),
    (loop("{% set ns.x = [ns.x, ns.x] %}", count: 60, start: "x=1") + "{{ ns.x }}", "LimitError: "),
    (
      loop("{% set ns.x = [ns.x, ns.x] %}", count: 60, start: "x=1") + "{{ ns.x|tojson }}",
      "LimitError: "
    ),
    (
      loop("{% set ns.x = (ns.x, ns.x) %}", count: 60, start: "x=1") + "{{ {ns.x: 1} }}",
      "LimitError: "
    ),
    (
      loop(
        "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}", count: 60, start: "x=1, y=1")
        + "{{ ns.x == ns.y }}", work
    ),
    (
      loop("{% set ns.x = [ns.x, ns.x] %}", count: 60, start: "x=1") + "{{ ns.x|pprint }}",
      "LimitError: "
    ),
    ("{{ 'a' * 10 ** 12 }}", largeText),
    ("{{ [1] * 10 ** 12 }}", work),
    ("{{ 'a' * 9223372036854775807 }}{{ 'ab' * 9223372036854775807 }}", largeText),
    ("{{ range(10 ** 9) }}", "OverflowError: Range too big."),
    ("{{ range(-9223372036854775807, 9223372036854775807) }}", "OverflowError: Range too big."),
    ("{{ 'a'.center(10 ** 15) }}", largeText),
    ("{{ 'a\n'.join(['x'] * 1000)|indent(10 ** 9) }}", largeText),
    ("{{ 'a'.zfill(10 ** 15) }}", largeText),
    ("{{ '\t'.expandtabs(10 ** 15) }}", largeText),
    ("{{ '%1000000000d' % 1 }}", "ValueError: width too big"),
    ("{{ '%.1000000000f' % 1 }}", "ValueError: width too big"),
    ("{{ '{:1000000000}'.format(1) }}", "ValueError: width too big"),
    ("{{ '{:.1000000000f}'.format(1) }}", "ValueError: width too big"),
    ("{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", largeText),
    ("{{ ('a' * 1000000).replace('', 'b' * 1000000) }}", largeText),
    ("{{ ('b' * 1000000).join('a' * 1000000) }}", largeText),
    ("{{ [1]|tojson(indent=10 ** 9) }}", largeText),
    ("{{ [[[[1]]]]|tojson(indent=50000000) }}", "LimitError: "),
    ("{{ range(10)|batch(10 ** 12, 1)|list }}", work),
    ("{{ range(10)|slice(10 ** 12)|list }}", work),
    (loop("{{ x }}{% set x = 'a' * 100000 %}{{ x }}"), "LimitError: an output of more than 64 MB"),
    (loop("{{ ns.a in ns.b }}", start: "a='a' * 5000 + 'b', b='a' * 1000000"), work),
    (loop("{{ ns.b.rfind(ns.a) }}", start: "a='b' + 'a' * 5000, b='a' * 1000000"), work),
    (loop("{{ ns.b.split('a')|length }}", start: "b='a' * 1000000"), work),
    (loop("{{ ns.b[::-1]|length }}", start: "b='a' * 1000000"), work),
    (loop("{{ ns.b[1:2] }}", start: "b='a' * 1000000"), work),
    (loop("{{ ns.b == ns.c }}", start: "b='a' * 1000000, c='a' * 1000000"), work),
    (loop("{{ ns.b < ns.c }}", start: "b='a' * 1000000, c='a' * 1000000"), work),
    (loop("{{ ns.d[ns.b] }}", start: "b='a' * 1000000, d={'a': 1, 2: 2}"), work),
    (loop("{% set x = {(ns.b, 1): 1} %}", start: "b='a' * 1000000"), work),
    (loop("{% for x in [ns.b]|unique %}{% endfor %}", start: "b='a' * 1000000"), work),
    ("{{ 2 ** 10 ** 9 }}", "OverflowError: "),
    ("{{ 9223372036854775807 + 1 }}", "OverflowError: "),
    ("{{ -9223372036854775807 - 2 }}", "OverflowError: "),
    ("{{ (-9223372036854775807 - 1) // -1 }}", "OverflowError: "),
    ("{{ (-9223372036854775807 - 1) % -1 }}", "text of 1 bytes"),
    ("{{ -(-9223372036854775807 - 1) }}", "OverflowError: "),
    ("{{ (-9223372036854775807 - 1)|abs }}", "OverflowError: "),
    ("{{ 1e300|int }}", "OverflowError: "),
    ("{{ 5|round(9223372036854775807) }}{{ 5|round(-9223372036854775807) }}", "text of "),
    ("{{ 5.5|round(9223372036854775807) }}{{ 5.5|round(-9223372036854775807) }}", "text of "),
    ("{{ 'abc'[9223372036854775807:] }}{{ 'abc'[-9223372036854775807:] }}", "text of 3 bytes"),
    ("{{ 'abc'[::-9223372036854775807] }}{{ [1][::9223372036854775807] }}", "text of 4 bytes"),
    (nest("{{ (", ")", "1"), "unexpected ')', expected '}'"),
    ("{{ " + nest("(", ")", "1") + " }}", deepSyntax),
    ("{{ " + nest("[", "]", "1") + " }}", deepSyntax),
    ("{{ " + nest("{1:", "}", "1") + " }}", deepSyntax),
    ("{{ " + nest("not ", "", "1") + " }}", deepSyntax),
    ("{{ " + nest("-", "", "1") + " }}", deepSyntax),
    ("{{ x" + nest("[x", "]") + " }}", deepSyntax),
    ("{{ x" + nest("(x", ")") + " }}", deepSyntax),
    ("{{ x" + nest("|d(x", ")") + " }}", deepSyntax),
    ("{{ x" + nest(" is eq(x", ")") + " }}", deepSyntax),
    ("{{ " + nest("1 if 1 else ", "", "1") + " }}", deepSyntax),
    ("{{ 1" + nest(" if 1", "") + " }}", "more than two 'if' in a row"),
    (nest("{% if 1 %}", "{% endif %}"), deepSyntax),
    (nest("{% for x in y %}", "{% endfor %}"), deepSyntax),
    (nest("{% macro x() %}", "{% endmacro %}"), deepSyntax),
    ("{% set " + nest("(", ")", "x") + " = 1 %}", deepSyntax),
    ("{{ 1" + nest(" + 1", "") + " }}", "text of 5 bytes"),
    ("{{ 1" + nest(" ~ 1", "") + " }}", "text of 20001 bytes"),
    ("{{ 1" + nest(" and 1", "") + " }}", "text of 1 bytes"),
    ("{{ 1" + nest(" == 1", "") + " }}", "text of 4 bytes"),
    ("{{ 1" + nest("|abs", "") + " }}", "text of 1 bytes"),
    ("{{ x" + nest(".x", "") + " }}", "UndefinedError: 'x' is undefined"),
    ("{% if 0 %}" + nest("{% elif 0 %}", "") + "{% endif %}", "text of 0 bytes"),
  ]

  @Test(arguments: hostile.map { Hostile(source: $0.0, problem: $0.1) })
  func `ends soon`(hostile: Hostile) {
    let (text, seconds) = Self.outcome(hostile.source)
    #expect(
      text.hasPrefix(hostile.problem), "\(hostile.testDescription) gives \(text.prefix(200))")
    #expect(seconds < 5, "\(hostile.testDescription) takes \(seconds) s")
    if ProcessInfo.processInfo.environment["HONE_TEST_TIMES"] != nil {
      print("TIME", seconds, hostile.testDescription)
    }
  }

  @Test func `a value as deep as may be prints at the greatest depth`() {
    let source = """
      {% set ns = namespace(x=[]) %}{% for i in range(98) %}{% set ns.x = [ns.x] %}{% endfor %}
      {% macro f(n) %}{% if n %}{{ f(n - 1) }}{% else %}{{ ns.x }}{{ ns.x|tojson }}\
      {{ ns.x == ns.x|list }}{{ [ns.x]|sort }}{{ ns.x|pprint|length }}{% endif %}{% endmacro %}{{ f(NNN) }}
      """
    var deepest = 0
    for depth in stride(from: 5, to: 400, by: 5) {
      let outcome = Self.outcome(source.replacing("NNN", with: "\(depth)")).text
      guard outcome.hasPrefix("text of ") else {
        print("macros nest \(deepest) deep, then: \(outcome)")
        break
      }
      deepest = depth
    }
    // transformers reaches about 190, published templates less than 10.
    #if DEBUG
      #expect(deepest >= 10)
    #else
      #expect(deepest >= 50)
    #endif
  }
}
