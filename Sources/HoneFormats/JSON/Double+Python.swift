extension Double {
  /// The shortest digits that give this number back, laid out as Python's `repr` does: with an
  /// exponent below 1e-4 and from 1e16 on.
  package var pythonDescription: String {
    guard isFinite else { return isNaN ? "nan" : self < 0 ? "-inf" : "inf" }
    guard self != 0 else { return sign == .minus ? "-0.0" : "0.0" }
    // Swift finds the same digits but changes to an exponent elsewhere, so they are laid out anew.
    var digits = ""
    var exponent = 0
    var pointPassed = false
    let parts = magnitude.description.split(separator: "e")
    for character in parts[0] {
      if character == "." {
        pointPassed = true
      } else {
        if !pointPassed { exponent += 1 }
        digits.append(character)
      }
    }
    if parts.count > 1 { exponent += Int(parts[1]) ?? 0 }
    let leadingZeros = digits.prefix { $0 == "0" }.count
    digits.removeFirst(leadingZeros)
    exponent -= leadingZeros
    while digits.last == "0" { digits.removeLast() }
    // Now the number is 0.DIGITS times ten to the exponent.
    let prefix = sign == .minus ? "-" : ""
    if exponent > 16 || exponent <= -4 {
      let power = abs(exponent - 1)
      let tail = digits.count > 1 ? ".\(digits.dropFirst())" : ""
      return "\(prefix)\(digits.prefix(1))\(tail)e\(exponent > 0 ? "+" : "-")"
        + (power < 10 ? "0\(power)" : "\(power)")
    }
    if exponent <= 0 {
      return prefix + "0." + String(repeating: "0", count: -exponent) + digits
    }
    if exponent >= digits.count {
      return prefix + digits + String(repeating: "0", count: exponent - digits.count) + ".0"
    }
    return prefix + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
  }
}
