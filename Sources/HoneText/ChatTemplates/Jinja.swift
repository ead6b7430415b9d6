/// The language of chat templates: Jinja 2 with Python's values, as transformers sets it up.
///
/// Source text becomes tokens (``Jinja/Lexer``), tokens a tree (``Jinja/Parser``), names become
/// places in frames (``Jinja/Resolver``), and the ``Jinja/Evaluator`` walks the tree for each
/// rendering. Values follow Python 3: its `str`, `repr`, arithmetic, comparison and methods.
enum Jinja {
  /// What ends a rendering of a template that would otherwise never end or fill the memory.
  ///
  /// A long conversation costs some hundred thousand steps; the limits are reached within about a
  /// second on one core.
  enum Limits {
    /// Units of work: a loop's turn, a call, a list's element, 256 bytes of text copied or searched.
    static let steps = 8_000_000
    /// Bytes of one text, and of the whole output.
    static let textBytes = 64 << 20
    /// Elements that `range` may produce; the number is that of Jinja's sandbox.
    static let rangeCount = 100_000
    /// How deeply expressions and blocks may nest in the source.
    static let syntaxDepth = 100
    /// How deeply evaluation may nest, macros and recursive loops included.
    static let evaluationDepth = 1500
    /// The stack that parsing or evaluation may use; with what filters need beyond it, it stays within
    /// the 512 KB of a secondary thread.
    #if DEBUG
      // What is not optimised takes several times as much in filters too.
      static let stackBytes = 200 << 10
    #else
      static let stackBytes = 300 << 10
    #endif
    /// How deeply lists and dictionaries may hold one another: what prints them calls itself.
    static let valueDepth = 100
    /// Elements of a tuple that is a dictionary's key.
    static let keyElements = 256
    /// Bytes of a template's source.
    static let sourceBytes = 4 << 20
  }

  /// A rendering that fails, named as Python and Jinja name it; the evaluator adds the line.
  struct Failure: Error {
    enum Kind: String {
      case template = "TemplateError"
      case undefined = "UndefinedError"
      case security = "SecurityError"
      case runtime = "TemplateRuntimeError"
      case python = "RuntimeError"
      case filterArgument = "FilterArgumentError"
      case type = "TypeError"
      case value = "ValueError"
      case key = "KeyError"
      case index = "IndexError"
      case attribute = "AttributeError"
      case assertion = "AssertionError"
      case zeroDivision = "ZeroDivisionError"
      case overflow = "OverflowError"
      case recursion = "RecursionError"
      case limit = "LimitError"
    }

    var kind: Kind
    var message: String

    init(_ kind: Kind, _ message: String) {
      self.kind = kind
      self.message = message
    }

    /// The sentence for the user; what the template itself reports stands alone.
    var sentence: String {
      kind == .template ? message : "\(kind.rawValue): \(message)"
    }
  }

  /// Where the stack ends now; two of these tell how much of it lies between.
  @inline(never)
  static func stackPosition() -> Int {
    var marker: UInt8 = 0
    return withUnsafeMutablePointer(to: &marker) { Int(bitPattern: $0) }
  }

  /// A fault of the source text, with its place.
  struct SyntaxFault: Error {
    var message: String
    var line: Int
    var column: Int
  }
}
