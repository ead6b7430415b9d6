/// What cleaning normalisers do with each code point.
struct CleaningData: Sendable {
  static let shared = CleaningData()

  /// The bits of ``CleaningTable/classes``.
  enum Property: UInt8 {
    case strippedMark, bertMark, bertRemoved, bertSpace, bertIdeograph, nmtRemoved, nmtSpace
  }

  private let runs = RunTable(CleaningTable.runs)

  func has(_ property: Property, _ point: UInt32) -> Bool {
    point < 0x110000
      && CleaningTable.classes[Int(runs.value(of: point))] >> property.rawValue & 1 == 1
  }
}

extension [UInt8] {
  /// Replaces each character by what `transform` appends for it; it gets the character's bytes too.
  mutating func mapCharacters(
    _ transform: (_ point: UInt32, _ bytes: Slice<UnsafeBufferPointer<UInt8>>, inout [UInt8]) ->
      Void
  ) {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      var index = 0
      while index < buffer.count {
        let (point, length) = decodeUTF8(base, at: index, end: buffer.count)
        transform(point, buffer[index..<index + length], &result)
        index += length
      }
    }
    self = result
  }
}

/// Takes combining marks away.
struct StripAccentsNormalizer: Normalizer {
  func normalize(_ text: inout [UInt8]) {
    let data = CleaningData.shared
    text.mapCharacters { point, bytes, result in
      if point < 0x80 || !data.has(.strippedMark, point) { result += bytes }
    }
  }
}

/// Each character's lower case, whatever stands beside it.
struct LowercaseNormalizer: Normalizer {
  private static let table = MappingTable(LowercaseTable.lower)

  func normalize(_ text: inout [UInt8]) {
    text.mapCharacters { point, bytes, result in
      switch point {
      case 0x41...0x5A: result.append(UInt8(point) + 0x20)
      case 0..<0x80: result += bytes
      default:
        if let lower = Self.table[point] {
          for point in lower { result.append(codePoint: point) }
        } else {
          result += bytes
        }
      }
    }
  }
}

/// The cleaning that Google's translation models did before SentencePiece.
struct NmtNormalizer: Normalizer {
  func normalize(_ text: inout [UInt8]) {
    let data = CleaningData.shared
    text.mapCharacters { point, bytes, result in
      if data.has(.nmtRemoved, point) { return }
      if data.has(.nmtSpace, point) { result.append(0x20) } else { result += bytes }
    }
  }
}

/// Takes spaces from the beginning and the end.
struct StripNormalizer: Normalizer {
  let left: Bool
  let right: Bool

  func normalize(_ text: inout [UInt8]) {
    var start = 0
    var end = text.count
    text.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      func isSpace(_ index: Int, _ end: Int) -> Bool {
        CharacterSets.space.contains(decodeUTF8(base, at: index, end: end).point)
      }
      if left {
        while start < end, isSpace(start, end) {
          start += decodeUTF8(base, at: start, end: end).length
        }
      }
      if right {
        while end > start, case let last = startOfUTF8(base, before: end), isSpace(last, end) {
          end = last
        }
      }
    }
    text = Array(text[start..<end])
  }
}

/// What BERT's models do to text.
struct BertNormalizer: Normalizer {
  let cleans: Bool
  let separatesIdeographs: Bool
  let stripsAccents: Bool
  let lowercases: Bool

  func normalize(_ text: inout [UInt8]) {
    let data = CleaningData.shared
    if cleans {
      text.mapCharacters { point, bytes, result in
        if data.has(.bertRemoved, point) { return }
        if data.has(.bertSpace, point) { result.append(0x20) } else { result += bytes }
      }
    }
    if separatesIdeographs {
      text.mapCharacters { point, bytes, result in
        let isIdeograph = point >= 0x80 && data.has(.bertIdeograph, point)
        if isIdeograph { result.append(0x20) }
        result += bytes
        if isIdeograph { result.append(0x20) }
      }
    }
    if stripsAccents {
      UnicodeNormalizer(form: .nfd).normalize(&text)
      text.mapCharacters { point, bytes, result in
        if point < 0x80 || !data.has(.bertMark, point) { result += bytes }
      }
    }
    if lowercases { LowercaseNormalizer().normalize(&text) }
  }
}

/// Writes the bytes as the characters that stand for them in byte-level vocabularies.
struct ByteLevelNormalizer: Normalizer {
  func normalize(_ text: inout [UInt8]) {
    var result: [UInt8] = []
    text.withUnsafeBufferPointer { ByteAlphabet.encode($0, into: &result) }
    text = result
  }
}
