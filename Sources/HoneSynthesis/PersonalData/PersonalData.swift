import HoneFormats

/// Finds personal data by its form and, where it has them, its check digits, and does something about
/// it.
package struct PersonalData: Sendable {
  /// What is done about it.
  package enum Action: Equatable, Sendable {
    /// `[email]` in its place.
    case mask
    /// Documents lose the paragraph, records are rejected.
    case drop
    /// `[email-3f2a91c0]` in its place: the same for the same address under the same key, and not
    /// to be turned back without it (HMAC-SHA256).
    case pseudonymise(key: String)
  }

  package enum Kind: String, CaseIterable, Comparable, Sendable {
    case email, iban, card
    case nationalID = "national_id"
    case ipAddress = "ip_address"
    case phone

    /// Its name in sentences.
    package var label: String {
      switch self {
      case .email: "e-mail addresses"
      case .iban: "bank accounts"
      case .card: "payment cards"
      case .nationalID: "national identity numbers"
      case .ipAddress: "IP addresses"
      case .phone: "phone numbers"
      }
    }

    package static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
  }

  package typealias Counts = [Kind: Int]

  /// One piece of personal data.
  package struct Finding: Equatable, Sendable {
    package var kind: Kind
    /// Where it stands, in bytes of UTF-8.
    package var range: Range<Int>
    /// Its letters and digits alone, by which two ways of writing are known for the same.
    package var normalized: String
  }

  package let action: Action

  package init(_ action: Action) { self.action = action }

  /// What a text holds, by place. Where two kinds fit, the one whose check says more counts.
  package static func findings(in text: String) -> [Finding] {
    let scanner = PersonalDataScanner(Array(text.utf8))
    var found: [Finding] = []
    for finding in scanner.emails() + scanner.accounts() + scanner.numbers() + scanner.addresses()
      + scanner.phones()
    where !found.contains(where: { $0.range.overlaps(finding.range) }) {
      found.append(finding)
    }
    return found.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// A text with its personal data treated, and how much there was of each kind.
  ///
  /// With ``Action/drop``, a text that holds any becomes empty.
  package func treated(_ text: String) -> (text: String, counts: Counts) {
    let findings = Self.findings(in: text)
    guard !findings.isEmpty else { return (text, [:]) }
    let counts = Counts(findings.map { ($0.kind, 1) }, uniquingKeysWith: +)
    if action == .drop { return ("", counts) }
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var position = 0
    for finding in findings {
      result += bytes[position..<finding.range.lowerBound]
      result += replacement(for: finding).utf8
      position = finding.range.upperBound
    }
    result += bytes[position...]
    return (String(decoding: result, as: UTF8.self), counts)
  }

  private func replacement(for finding: Finding) -> String {
    switch action {
    case .pseudonymise(let key):
      let code = Self.authenticationCode(
        of: "\(finding.kind.rawValue):\(finding.normalized)", key: key)
      return "[\(finding.kind.rawValue)-\(code.prefix(8))]"
    case .mask, .drop: return "[\(finding.kind.rawValue)]"
    }
  }

  /// HMAC-SHA256 (RFC 2104), as hexadecimal digits.
  static func authenticationCode(of text: String, key: String) -> String {
    var block = Array(key.utf8)
    if block.count > 64 {
      var hash = SHA256()
      hash.update(block)
      block = hash.finish().bytes
    }
    block += [UInt8](repeating: 0, count: 64 - block.count)
    var inner = SHA256()
    inner.update(block.map { $0 ^ 0x36 })
    inner.update(Array(text.utf8))
    var outer = SHA256()
    outer.update(block.map { $0 ^ 0x5C })
    outer.update(inner.finish().bytes)
    return outer.finish().hexadecimal
  }
}
