/// The sets of characters that patterns and tokenizer parts name.
enum CharacterSets {
  private static let classes = RunTable(CharacterClassTable.runs)
  private static let scripts = RunTable(ScriptTable.runs)

  /// `\s`: the 25 characters with the property White_Space.
  static let space = property(0)
  /// What counts as a digit for `Digits`: the categories Nd, Nl and No.
  static let numeric = property(1)
  /// `\w` of a pattern, outside a bracketed set.
  static let word = property(2)
  /// `\w` in a bracketed set, where Oniguruma does not count Latin-1's superscripts and fractions.
  static let wordInSet = word.intersection(
    CodePointSet([0xB2...0xB3, 0xB9...0xB9, 0xBC...0xBE]).inverted)
  /// What, next to a single-word added token, makes it part of a longer word.
  static let joining = property(3)
  /// What Bert's pre-tokeniser splits off as punctuation.
  static let bertPunctuation = property(4)
  static let letter = category("L")!
  static let number = category("N")!
  static let decimalDigit = category("Nd")!
  static let punctuation = category("P")!
  static let nonspacingMark = category("Mn")!
  static let hexadecimalDigit = CodePointSet([0x30...0x39, 0x41...0x46, 0x61...0x66])

  private static func property(_ number: Int) -> CodePointSet {
    classes.points { CharacterClassTable.classes[Int($0)] >> (8 + number) & 1 == 1 }
  }

  /// A general category (`Lu`), a group of them (`L`) or nil when there is none of that name.
  static func category(_ name: String) -> CodePointSet? {
    let numbers = CharacterClassTable.categories.indices.filter {
      let category = CharacterClassTable.categories[$0]
      return category == name || name.count == 1 && category.hasPrefix(name)
    }
    guard !numbers.isEmpty else { return nil }
    return classes.points { numbers.contains(Int(CharacterClassTable.classes[Int($0)] & 0xFF)) }
  }

  static func script(_ name: String) -> CodePointSet? {
    guard let number = ScriptTable.scripts.firstIndex(where: { $0.lowercased() == name }) else {
      return nil
    }
    return scripts.points { $0 == number + 1 }
  }

  /// The set that `\p{name}` stands for.
  static func named(_ name: String) -> CodePointSet? {
    if let set = category(name) { return set }
    let plain = name.lowercased().filter { $0 != "_" && $0 != " " && $0 != "-" }
    switch plain {
    case "any": return .everything
    case "alphabetic", "alpha": return category("L")!.union(category("Nl")!)
    case "letter": return letter
    case "mark": return category("M")!
    case "number": return number
    case "punctuation", "punct": return punctuation
    case "symbol": return category("S")!
    case "separator": return category("Z")!
    case "uppercaseletter": return category("Lu")!
    case "lowercaseletter": return category("Ll")!
    case "decimalnumber", "digit": return decimalDigit
    case "whitespace", "space": return space
    case "word": return word
    case "alnum": return letter.union(category("M")!).union(decimalDigit)
    case "upper": return category("Lu")!
    case "lower": return category("Ll")!
    case "cntrl": return category("Cc")!
    case "xdigit": return hexadecimalDigit
    case "ascii": return CodePointSet(0...0x7F)
    default: return script(plain) ?? category(name.prefix(1).uppercased() + plain.dropFirst())
    }
  }
}
