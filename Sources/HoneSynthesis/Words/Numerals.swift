/// Numbers that are written as words.
enum Numerals {
  /// Those that can stand for one another, in their order.
  static let small = [
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
  ]
  static let all = Set(small).union([
    "fifteen", "twenty", "thirty", "forty", "fifty", "sixty", "ninety", "hundred", "half", "twice",
    "double", "third", "quarter",
  ])
}
