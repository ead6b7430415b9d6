/// When a generation ends.
public struct StopRules: Sendable, Equatable {
  /// The most tokens to generate.
  public var maximumTokens: Int
  /// Tokens that end it and are not part of the text; the model's own end tokens are added.
  public var tokens: Set<Int32>
  /// Texts that end it and are not part of the text.
  public var strings: [String]

  public init(maximumTokens: Int, tokens: Set<Int32> = [], strings: [String] = []) {
    self.maximumTokens = maximumTokens
    self.tokens = tokens
    self.strings = strings.filter { !$0.isEmpty }
  }
}

/// Why a generation ended.
public enum StopReason: String, Sendable {
  /// A token or text that ends it.
  case stop
  /// As many tokens as were asked for, or as the context holds.
  case length
  /// The caller asked.
  case cancelled
}

/// Holds back text that may turn out to begin a stop string.
struct StopMatcher {
  private let stops: [[UInt8]]
  private var held: [UInt8] = []

  init(_ strings: [String]) { stops = strings.map { Array($0.utf8) } }

  /// Takes more text; returns what can be shown, and whether a stop string was met.
  mutating func append(_ text: String) -> (text: String, met: Bool) {
    guard !stops.isEmpty else { return (text, false) }
    held += text.utf8
    var earliest: Int?
    for stop in stops {
      if let start = Self.first(stop, in: held) { earliest = min(earliest ?? start, start) }
    }
    if let earliest {
      let shown = String(decoding: held[..<earliest], as: UTF8.self)
      held = []
      return (shown, true)
    }
    let kept = stops.map { Self.overlap(held, $0) }.max() ?? 0
    // Never cut inside a character: the held part starts where a stop string's first byte does.
    let shown = String(decoding: held[..<(held.count - kept)], as: UTF8.self)
    held.removeFirst(held.count - kept)
    return (shown, false)
  }

  /// What was held back, when nothing follows.
  mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }

  private static func first(_ pattern: [UInt8], in text: [UInt8]) -> Int? {
    guard text.count >= pattern.count else { return nil }
    return (0...(text.count - pattern.count)).first {
      text[$0..<$0 + pattern.count].elementsEqual(pattern)
    }
  }

  /// The longest end of `text` that begins `pattern`.
  private static func overlap(_ text: [UInt8], _ pattern: [UInt8]) -> Int {
    for length in stride(from: min(text.count, pattern.count - 1), to: 0, by: -1)
    where text.suffix(length).elementsEqual(pattern.prefix(length)) {
      return length
    }
    return 0
  }
}
