import Foundation

/// Numbers as reports write them.
package enum ReportText {
  /// 41616 as 41,616.
  package static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return (value < 0 ? "−" : "") + text
  }

  /// Bytes with three digits and a unit.
  package static func bytes(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var value = value
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return "\(unit == 0 ? String(Int(value)) : digits(value, 3)) \(units[unit])"
  }

  /// A number with so many digits that count, without zeros that say nothing.
  package static func digits(_ value: Double, _ count: Int = 3) -> String {
    guard value.isFinite else { return "not a number" }
    guard value != 0 else { return "0" }
    if abs(value) < 1e-3 || abs(value) >= 1e6 {
      let parts = String(format: "%.\(count - 1)e", value).split(separator: "e")
      guard parts.count == 2, let exponent = Int(parts[1]) else { return "\(value)" }
      return "\(trimmed(String(parts[0])))e\(exponent)"
    }
    let whole = Int(log10(abs(value)).rounded(.down)) + 1
    return trimmed(String(format: "%.\(max(0, count - whole))f", value))
  }

  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = text[...]
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
  }
}

extension String {
  /// The text with everything escaped that HTML could take for markup, and without characters that
  /// no page may hold.
  package var asMarkup: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default:
        let isControl = scalar.properties.generalCategory == .control
        result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
      }
    }
    return result
  }
}
