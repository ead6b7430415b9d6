/// The checks by which numbers are known for what they are.
enum CheckDigits {
  /// How many characters an IBAN has (the registry of ISO 13616).
  static let accountLengths: [String: Int] = [
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "BA": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22,
    "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "LI": 21,
    "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29,
  ]

  /// Whether an IBAN, without spaces, leaves 1 by 97 with its first four characters at its end.
  static func isAccount(_ text: [UInt8]) -> Bool {
    var remainder = 0
    for byte in text[4...] + text[..<4] {
      guard let value = value(byte) else { return false }
      remainder = (remainder * (value < 10 ? 10 : 100) + value) % 97
    }
    return remainder == 1
  }

  /// 0 to 9 for digits, 10 to 35 for letters.
  private static func value(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x5A: Int(byte) - 0x41 + 10
    case 0x61...0x7A: Int(byte) - 0x61 + 10
    default: nil
    }
  }

  private static func digits(_ text: [UInt8]) -> [Int]? {
    let digits = text.compactMap { (0x30...0x39).contains($0) ? Int($0) - 0x30 : nil }
    return digits.count == text.count ? digits : nil
  }

  /// Whether 13 to 19 digits begin as cards do and pass Luhn's check (ISO/IEC 7812).
  static func isCard(_ text: [UInt8]) -> Bool {
    guard let digits = digits(text), (13...19).contains(digits.count), (2...6).contains(digits[0])
    else { return false }
    return passesLuhn(digits)
  }

  private static func passesLuhn(_ digits: [Int]) -> Bool {
    let sum = digits.reversed().enumerated().reduce(0) { sum, item in
      let doubled = item.element * 2
      return sum
        + (item.offset.isMultiple(of: 2) ? item.element : doubled > 9 ? doubled - 9 : doubled)
    }
    return sum.isMultiple(of: 10)
  }

  /// Whether a text is a national identity number of a kind that has check digits: Belgium, Finland,
  /// France, Germany (tax), Italy, Norway, Poland, Spain, Sweden.
  ///
  /// - Parameters:
  ///   - text: its letters and digits.
  ///   - written: as it stands, since a few kinds are known by their hyphen.
  static func isNationalNumber(_ text: [UInt8], written: [UInt8]) -> Bool {
    if isFinnish(written) || isSpanish(text) || isItalian(text) { return true }
    guard let digits = digits(text) else { return false }
    return isFrench(digits) || isPolish(digits) || isNorwegian(digits) || isBelgian(digits)
      || isGermanTaxNumber(digits) || isSwedish(digits, written: written)
  }

  private static func number(_ digits: some Sequence<Int>) -> Int {
    digits.reduce(0) { $0 * 10 + $1 }
  }

  private static func isDay(_ day: Int, month: Int) -> Bool {
    (1...31).contains(day) && (1...12).contains(month)
  }

  /// NIR: 13 digits and 97 less their remainder by 97.
  private static func isFrench(_ digits: [Int]) -> Bool {
    guard digits.count == 15, digits[0] == 1 || digits[0] == 2,
      (1...12).contains(number(digits[3...4]))
    else { return false }
    return number(digits[13...14]) == 97 - number(digits[..<13]) % 97
  }

  /// PESEL: a date whose month tells the century, weights 1, 3, 7, 9.
  private static func isPolish(_ digits: [Int]) -> Bool {
    guard digits.count == 11, isDay(number(digits[4...5]), month: number(digits[2...3]) % 20)
    else { return false }
    let weights = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]
    return zip(digits, weights).reduce(0) { $0 + $1.0 * $1.1 }.isMultiple(of: 10)
  }

  /// Fødselsnummer: a date and two digits, each checked by 11.
  private static func isNorwegian(_ digits: [Int]) -> Bool {
    guard digits.count == 11,
      isDay(number(digits[0...1]) % 40, month: number(digits[2...3]) % 40)
    else { return false }
    let first = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1]
    let second = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]
    return zip(digits, first).reduce(0) { $0 + $1.0 * $1.1 }.isMultiple(of: 11)
      && zip(digits, second).reduce(0) { $0 + $1.0 * $1.1 }.isMultiple(of: 11)
  }

  /// Rijksregisternummer: 97 less the remainder by 97, with a 2 before it for those born after 1999.
  private static func isBelgian(_ digits: [Int]) -> Bool {
    guard digits.count == 11, isDay(max(1, number(digits[4...5])), month: number(digits[2...3]))
    else { return false }
    let body = number(digits[..<9])
    let check = number(digits[9...10])
    return check == 97 - body % 97 || check == 97 - (2_000_000_000 + body) % 97
  }

  /// Steuer-Identifikationsnummer: ISO 7064 MOD 11,10, one digit of the first ten standing twice or
  /// three times.
  private static func isGermanTaxNumber(_ digits: [Int]) -> Bool {
    guard digits.count == 11, digits[0] != 0 else { return false }
    let counts = Dictionary(digits[..<10].map { ($0, 1) }, uniquingKeysWith: +).values
    guard counts.count == 9 || counts.count == 8, (counts.max() ?? 0) <= 3 else { return false }
    var product = 10
    for digit in digits[..<10] {
      let sum = (digit + product) % 10
      product = (sum == 0 ? 10 : sum) * 2 % 11
    }
    return (11 - product) % 10 == digits[10]
  }

  /// Personnummer: a date, a hyphen or plus, and Luhn's check over the last ten digits.
  private static func isSwedish(_ digits: [Int], written: [UInt8]) -> Bool {
    guard digits.count == 10 || digits.count == 12, written.count == digits.count + 1,
      written[written.count - 5] == UInt8(ascii: "-")
        || written[written.count - 5] == UInt8(ascii: "+")
    else { return false }
    let last = Array(digits.suffix(10))
    return isDay(number(last[4...5]), month: number(last[2...3])) && passesLuhn(last)
  }

  /// Henkilötunnus: a date, a sign for the century, three digits and a character by 31.
  private static func isFinnish(_ written: [UInt8]) -> Bool {
    guard written.count == 11, let date = digits(Array(written[..<6])),
      let serial = digits(Array(written[7...9])), "+-ABCDEFYXWVU".utf8.contains(written[6]),
      isDay(number(date[0...1]), month: number(date[2...3]))
    else { return false }
    let characters = Array("0123456789ABCDEFHJKLMNPRSTUVWXY".utf8)
    return characters[number(date + serial) % 31] == written[10]
  }

  /// DNI and NIE: eight digits, the first of an NIE written X, Y or Z, and a letter by 23.
  private static func isSpanish(_ text: [UInt8]) -> Bool {
    guard text.count == 9 else { return false }
    var head = Array(text[..<8])
    if let foreign = Array("XYZ".utf8).firstIndex(of: head[0]) { head[0] = UInt8(0x30 + foreign) }
    guard let digits = digits(head) else { return false }
    return Array("TRWAGMYFPDXBNJZSQVHLCKE".utf8)[number(digits) % 23] == text[8]
  }

  /// Codice fiscale: letters and digits in fixed places and a letter by 26.
  private static func isItalian(_ text: [UInt8]) -> Bool {
    guard text.count == 16, text.allSatisfy({ !(0x61...0x7A).contains($0) }) else { return false }
    let isLetter = text.map { (0x41...0x5A).contains($0) }
    let places = "LLLLLLDDLDDLDDDL".map { $0 == "L" }
    guard isLetter == places else { return false }
    let odd = [
      1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ]
    let sum = text[..<15].enumerated().reduce(0) { sum, item in
      guard let value = value(item.element) else { return sum }
      let place = value < 10 ? value : value - 10
      return sum + (item.offset.isMultiple(of: 2) ? odd[place] : place)
    }
    return UInt8(0x41 + sum % 26) == text[15]
  }
}
