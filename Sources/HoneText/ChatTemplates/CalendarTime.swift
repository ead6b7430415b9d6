#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A date and time of day without a time zone: what `strftime_now` in a chat template shows.
public struct CalendarTime: Equatable, Sendable {
  public var year: Int
  public var month: Int
  public var day: Int
  public var hour: Int
  public var minute: Int
  public var second: Int

  public init(
    year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0
  ) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
  }

  /// Reads `2024-07-26`, `2024-07-26T09:30` or `2024-07-26 09:30:00`; nil for anything else.
  public init?(_ text: String) {
    let halves = text.split(
      maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { $0 == "T" || $0 == " " })
    let date = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    let time =
      halves.count > 1 ? halves[1].split(separator: ":", omittingEmptySubsequences: false) : []
    let isDigits = { (part: Substring, count: Int) in
      part.utf8.count == count && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
    guard date.count == 3, isDigits(date[0], 4), isDigits(date[1], 2), isDigits(date[2], 2),
      halves.count == 1 || (2...3).contains(time.count), time.allSatisfy({ isDigits($0, 2) }),
      let year = Int(date[0]), let month = Int(date[1]), let day = Int(date[2]),
      (1...12).contains(month), (1...CalendarTime.days(in: month, of: year)).contains(day)
    else { return nil }
    let parts = time.compactMap { Int($0) } + [0, 0, 0]
    guard parts[0] < 24, parts[1] < 60, parts[2] < 60 else { return nil }
    self.init(
      year: year, month: month, day: day, hour: parts[0], minute: parts[1], second: parts[2])
  }

  /// The clock of this machine, in its own time zone.
  public static var current: CalendarTime {
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    return CalendarTime(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
      hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec))
  }

  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private var dayOfYear: Int {
    (1..<max(month, 1)).reduce(day) { $0 + CalendarTime.days(in: $1, of: year) }
  }

  /// Sunday is 0, by Gauss's rule.
  private var weekday: Int {
    let before = year - 1
    let days = before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear
    return ((days % 7) + 7) % 7
  }

  /// The text by the directives of C's `strftime`, with Python's `%f`, and nothing for the zone.
  func formatted(_ format: String) -> String {
    var parts = tm()
    parts.tm_year = Int32(clamping: year - 1900)
    parts.tm_mon = Int32(clamping: month - 1)
    parts.tm_mday = Int32(clamping: day)
    parts.tm_hour = Int32(clamping: hour)
    parts.tm_min = Int32(clamping: minute)
    parts.tm_sec = Int32(clamping: second)
    parts.tm_wday = Int32(clamping: weekday)
    parts.tm_yday = Int32(clamping: dayOfYear - 1)
    parts.tm_isdst = -1

    var result = ""
    var rest = format.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      var directive = "%"
      while let flag = rest.first, "-_0^#".unicodeScalars.contains(flag) {
        directive.unicodeScalars.append(rest.removeFirst())
      }
      guard let letter = rest.popFirst() else {
        result += directive
        break
      }
      directive.unicodeScalars.append(letter)
      switch letter {
      case "f": result += "000000"
      case "z", "Z": break
      case _ where letter.isASCII && letter.properties.isAlphabetic || letter == "%":
        result += CalendarTime.expanded(directive, &parts)
      // Widths and anything that C does not know stay as they are written.
      default: result += directive
      }
    }
    return result
  }

  private static func expanded(_ directive: String, _ parts: inout tm) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      let count = strftime(start, 256, directive, &parts)
      return String(decoding: UnsafeRawBufferPointer(buffer).prefix(count), as: UTF8.self)
    }
  }
}
