/// Unicode's normalisation forms.
///
/// Follows Unicode Standard Annex 15 with the tables of the tokenizers library.
struct UnicodeNormalizer: Normalizer {
  enum Form: String, Sendable { case nfc, nfd, nfkc, nfkd }

  let form: Form

  func leavesUnchanged(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let base = text.baseAddress else { return true }
    let stable = UnicodeData.shared.stable(in: form)
    return stable.withUnsafeBufferPointer { stable in
      var index = 0
      while index < text.count {
        if base[index] < 0x80 {
          index += 1
          continue
        }
        let (point, length) = decodeUTF8(base, at: index, end: text.count)
        guard point == invalidCodePoint || point < UInt32(stable.count) && stable[Int(point)]
        else { return false }
        index += length
      }
      return true
    }
  }

  func normalize(_ text: inout [UInt8]) {
    let data = UnicodeData.shared
    var points: [UInt32] = []
    points.reserveCapacity(text.count)
    text.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      var index = 0
      while index < buffer.count {
        let (point, length) = decodeUTF8(base, at: index, end: buffer.count)
        if point == invalidCodePoint {
          // The byte itself comes back: it is kept beyond all code points.
          points.append(invalidCodePoint + 1 + UInt32(base[index]))
        } else {
          data.decompose(point, compatible: form == .nfkc || form == .nfkd, into: &points)
        }
        index += length
      }
    }
    data.order(&points)
    if form == .nfc || form == .nfkc { data.compose(&points) }
    text.removeAll(keepingCapacity: true)
    for point in points {
      if point > invalidCodePoint {
        text.append(UInt8(point - invalidCodePoint - 1))
      } else {
        text.append(codePoint: point)
      }
    }
  }
}

/// Decompositions, compositions and combining classes.
struct UnicodeData: Sendable {
  static let shared = UnicodeData()

  private let canonical = MappingTable(NormalizationTable.canonical)
  private let compatible = MappingTable(NormalizationTable.compatible)
  private let orders = RunTable(NormalizationTable.orderRuns)
  /// What two characters are composed to, by both in one number.
  private let composed: [UInt64: UInt32]
  /// For each form the characters that it leaves alone and that do not act on their neighbours.
  private let stable: [UnicodeNormalizer.Form: [Bool]]

  /// Hangul syllables are made of consonants, vowels and final consonants by arithmetic.
  private enum Hangul {
    static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
    static let leads: ClosedRange<UInt32> = 0x1100...0x1112
    static let vowels: ClosedRange<UInt32> = 0x1161...0x1175
    static let trails: ClosedRange<UInt32> = 0x11A8...0x11C2
    static let trailCount: UInt32 = 28
    static let vowelCount: UInt32 = 21
  }

  private init() {
    var composed: [UInt64: UInt32] = [:]
    var seconds: Set<UInt32> = []
    for (point, parts) in MappingTable(NormalizationTable.composed).all {
      let (first, second) = (parts[parts.startIndex], parts[parts.startIndex + 1])
      composed[UInt64(first) << 32 | UInt64(second)] = point
      seconds.insert(second)
    }
    self.composed = composed
    let composites = Set(composed.values)
    var base = [Bool](repeating: true, count: 0x30000)
    for (index, start) in orders.starts.enumerated() where orders.values[index] != 0 {
      let end = index + 1 < orders.starts.count ? orders.starts[index + 1] : 0x110000
      for point in start..<min(end, UInt32(base.count)) { base[Int(point)] = false }
    }
    for point in seconds { base[Int(point)] = false }
    for point in Hangul.vowels { base[Int(point)] = false }
    for point in Hangul.trails { base[Int(point)] = false }
    let (fixedBase, canonical, compatible) = (base, canonical, compatible)
    func table(decomposing: Bool, compatible isCompatible: Bool) -> [Bool] {
      var table = fixedBase
      for (point, _) in canonical.all where decomposing || !composites.contains(point) {
        if Int(point) < table.count { table[Int(point)] = false }
      }
      if isCompatible {
        for (point, _) in compatible.all where Int(point) < table.count {
          table[Int(point)] = false
        }
      }
      if decomposing { for point in Hangul.syllables { table[Int(point)] = false } }
      return table
    }
    stable = [
      .nfc: table(decomposing: false, compatible: false),
      .nfkc: table(decomposing: false, compatible: true),
      .nfd: table(decomposing: true, compatible: false),
      .nfkd: table(decomposing: true, compatible: true),
    ]
  }

  func stable(in form: UnicodeNormalizer.Form) -> [Bool] { stable[form] ?? [] }

  func decompose(_ point: UInt32, compatible isCompatible: Bool, into points: inout [UInt32]) {
    if point < 0xA0 { return points.append(point) }
    if Hangul.syllables.contains(point) {
      let index = point - Hangul.syllables.lowerBound
      let perLead = Hangul.vowelCount * Hangul.trailCount
      points.append(Hangul.leads.lowerBound + index / perLead)
      points.append(Hangul.vowels.lowerBound + index % perLead / Hangul.trailCount)
      let trail = index % Hangul.trailCount
      if trail > 0 { points.append(Hangul.trails.lowerBound + trail - 1) }
    } else if isCompatible, let parts = compatible[point] {
      points += parts
    } else if let parts = canonical[point] {
      points += parts
    } else {
      points.append(point)
    }
  }

  private func order(of point: UInt32) -> UInt8 {
    point < 0x300 || point >= 0x110000
      ? 0 : NormalizationTable.orders[Int(orders.value(of: point))]
  }

  /// Sorts runs of combining marks by their classes.
  func order(_ points: inout [UInt32]) {
    var start = 0
    while start < points.count {
      guard order(of: points[start]) != 0 else {
        start += 1
        continue
      }
      var end = start
      var marks: [(order: UInt8, point: UInt32)] = []
      while end < points.count, case let order = order(of: points[end]), order != 0 {
        marks.append((order, points[end]))
        end += 1
      }
      if marks.count > 1 {
        let sorted = marks.enumerated().sorted {
          ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
        }
        for (index, mark) in sorted.enumerated() { points[start + index] = mark.element.point }
      }
      start = end
    }
  }

  /// Joins characters with the marks after them where there is a character for both.
  func compose(_ points: inout [UInt32]) {
    var result: [UInt32] = []
    result.reserveCapacity(points.count)
    var starter: Int?
    var lastOrder: UInt8 = 0
    for point in points {
      let order = order(of: point)
      if let place = starter {
        // A mark of the same class in between stands in the way.
        let isBlocked = result.count > place + 1 && (lastOrder == 0 || lastOrder >= order)
        if !isBlocked, let joined = composite(result[place], point) {
          result[place] = joined
          continue
        }
      }
      if order == 0 { starter = result.count }
      lastOrder = order
      result.append(point)
    }
    points = result
  }

  private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if Hangul.leads.contains(first), Hangul.vowels.contains(second) {
      let index =
        (first - Hangul.leads.lowerBound) * Hangul.vowelCount + second - Hangul.vowels.lowerBound
      return Hangul.syllables.lowerBound + index * Hangul.trailCount
    }
    if Hangul.syllables.contains(first), Hangul.trails.contains(second),
      (first - Hangul.syllables.lowerBound) % Hangul.trailCount == 0
    {
      return first + second - Hangul.trails.lowerBound + 1
    }
    return composed[UInt64(first) << 32 | UInt64(second)]
  }
}
