#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Looks for personal data in the bytes of a text.
struct PersonalDataScanner {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
  private static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

  /// Whether a number or name may begin at an index: nothing of the kind stands before it.
  private func isStart(_ index: Int) -> Bool {
    index == 0 || !(Self.isAlphanumeric(bytes[index - 1]) || bytes[index - 1] >= 0x80)
  }

  private func isEnd(_ index: Int) -> Bool {
    index == bytes.count || !(Self.isAlphanumeric(bytes[index]) || bytes[index] >= 0x80)
  }

  private func finding(_ kind: PersonalData.Kind, _ range: Range<Int>) -> PersonalData.Finding {
    let kept = bytes[range].filter { byte in
      switch kind {
      case .email, .ipAddress: true
      default: Self.isAlphanumeric(byte)
      }
    }
    return PersonalData.Finding(
      kind: kind, range: range,
      normalized: String(decoding: kept, as: UTF8.self).lowercased())
  }

  // MARK: E-mail

  /// `name@host.domain`.
  func emails() -> [PersonalData.Finding] {
    bytes.indices.compactMap { index in
      guard bytes[index] == UInt8(ascii: "@") else { return nil }
      var start = index
      while start > 0,
        Self.isAlphanumeric(bytes[start - 1])
          || ".!#$%&'*+/=?^_`{|}~-".utf8.contains(bytes[start - 1])
      {
        start -= 1
      }
      // Marks around an address are not of it.
      while start < index, !Self.isAlphanumeric(bytes[start]), bytes[start] != UInt8(ascii: "_") {
        start += 1
      }
      var end = index + 1
      while end < bytes.count,
        Self.isAlphanumeric(bytes[end]) || bytes[end] == UInt8(ascii: "-")
          || bytes[end] == UInt8(ascii: ".")
      {
        end += 1
      }
      while end > index, !Self.isAlphanumeric(bytes[end - 1]) { end -= 1 }
      guard start < index, end > index + 1 else { return nil }
      let labels = bytes[(index + 1)..<end].split(
        separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      guard labels.count >= 2, labels.allSatisfy({ !$0.isEmpty }), let last = labels.last,
        last.count >= 2, last.allSatisfy(Self.isLetter)
      else { return nil }
      return finding(.email, start..<end)
    }
  }

  // MARK: Bank accounts

  /// IBANs with the length of their country and the remainder 1 by 97 (ISO 13616).
  func accounts() -> [PersonalData.Finding] {
    bytes.indices.compactMap { index in
      guard isStart(index), index + 4 < bytes.count, Self.isLetter(bytes[index]),
        Self.isLetter(bytes[index + 1]), Self.isDigit(bytes[index + 2]),
        Self.isDigit(bytes[index + 3])
      else { return nil }
      let country = String(decoding: bytes[index...index + 1], as: UTF8.self).uppercased()
      guard let length = CheckDigits.accountLengths[country] else { return nil }
      var text: [UInt8] = []
      var end = index
      while end < bytes.count, text.count < length {
        if Self.isAlphanumeric(bytes[end]) {
          text.append(bytes[end])
        } else if bytes[end] != 0x20 || end == 0 || bytes[end - 1] == 0x20 {
          return nil
        }
        end += 1
      }
      guard text.count == length, isEnd(end), CheckDigits.isAccount(text) else { return nil }
      return finding(.iban, index..<end)
    }
  }

  // MARK: Cards and national numbers

  /// Payment cards and national identity numbers, by their check digits.
  func numbers() -> [PersonalData.Finding] {
    var found: [PersonalData.Finding] = []
    var index = 0
    while index < bytes.count {
      guard isStart(index), Self.isAlphanumeric(bytes[index]) else {
        index += 1
        continue
      }
      if let match = number(at: index) {
        found.append(match)
        index = match.range.upperBound
      } else {
        index += 1
      }
    }
    return found
  }

  private func number(at start: Int) -> PersonalData.Finding? {
    // Digits and letters with single spaces, hyphens, stops or a plus between them, as long as they
    // stay within 30 bytes; the longest that a check accepts counts.
    var text: [UInt8] = []
    var ends: [(end: Int, count: Int)] = []
    var end = start
    while end < bytes.count, end - start < 30 {
      if Self.isAlphanumeric(bytes[end]) {
        text.append(bytes[end])
        if isEnd(end + 1) { ends.append((end + 1, text.count)) }
      } else if !" -.+".utf8.contains(bytes[end]) || !Self.isAlphanumeric(bytes[end - 1]) {
        break
      }
      end += 1
    }
    for (end, count) in ends.reversed() where count >= 9 {
      let candidate = Array(text.prefix(count))
      if CheckDigits.isCard(candidate) { return finding(.card, start..<end) }
      if CheckDigits.isNationalNumber(candidate, written: Array(bytes[start..<end])) {
        return finding(.nationalID, start..<end)
      }
    }
    return nil
  }

  // MARK: IP addresses

  /// IPv4 and IPv6 addresses, other than those of this very machine.
  func addresses() -> [PersonalData.Finding] {
    var found: [PersonalData.Finding] = []
    var index = 0
    while index < bytes.count {
      guard isStart(index), isAddressByte(bytes[index]) else {
        index += 1
        continue
      }
      var end = index
      while end < bytes.count, isAddressByte(bytes[end]) { end += 1 }
      let next = end
      while end > index, bytes[end - 1] == UInt8(ascii: ".") || bytes[end - 1] == UInt8(ascii: ":")
      {
        end -= 1
      }
      if isEnd(end), isAddress(String(decoding: bytes[index..<end], as: UTF8.self)) {
        found.append(finding(.ipAddress, index..<end))
      }
      index = next
    }
    return found
  }

  private func isAddressByte(_ byte: UInt8) -> Bool {
    Self.isDigit(byte) || (0x61...0x66).contains(byte | 0x20) || byte == UInt8(ascii: ".")
      || byte == UInt8(ascii: ":")
  }

  private func isAddress(_ text: String) -> Bool {
    var address = in6_addr()
    if text.contains(":") {
      return text.split(separator: ":").count >= 3 && inet_pton(AF_INET6, text, &address) == 1
    }
    return text.count >= 7 && inet_pton(AF_INET, text, &address) == 1 && !text.hasPrefix("127.")
      && text != "0.0.0.0"
  }

  // MARK: Phone numbers

  /// Numbers with `+` and 8 to 15 digits (ITU-T E.164), with a leading 0 and 9 to 13 digits, or in
  /// groups of 3, 3 and 4.
  func phones() -> [PersonalData.Finding] {
    var found: [PersonalData.Finding] = []
    var index = 0
    while index < bytes.count {
      let first = bytes[index]
      let isOpening = first == UInt8(ascii: "+") || first == UInt8(ascii: "(")
      guard isStart(index), isOpening || Self.isDigit(first) else {
        index += 1
        continue
      }
      if let end = phoneEnd(from: index) {
        found.append(finding(.phone, index..<end))
        index = end
      } else {
        repeat { index += 1 } while index < bytes.count && Self.isDigit(bytes[index])
      }
    }
    return found
  }

  private func phoneEnd(from start: Int) -> Int? {
    var groups: [Int] = []
    var isInGroup = false
    var firstDigit: UInt8?
    var end = start
    var cursor = start
    var gap = 0
    while cursor < bytes.count {
      let byte = bytes[cursor]
      if Self.isDigit(byte) {
        if isInGroup { groups[groups.count - 1] += 1 } else { groups.append(1) }
        firstDigit = firstDigit ?? byte
        (isInGroup, gap) = (true, 0)
        end = cursor + 1
      } else {
        // A stop or a comma would make numbers in a row one number.
        let isSeparator =
          " -/()".utf8.contains(byte) || (byte == UInt8(ascii: "+") && cursor == start)
        guard isSeparator, gap < 2 else { break }
        isInGroup = false
        gap += 1
      }
      cursor += 1
    }
    let count = groups.reduce(0, +)
    guard isEnd(end), let firstDigit else { return nil }
    if bytes[start] == UInt8(ascii: "+") { return (8...15).contains(count) ? end : nil }
    if firstDigit == UInt8(ascii: "0"), (9...13).contains(count) { return end }
    return groups == [3, 3, 4] ? end : nil
  }
}
