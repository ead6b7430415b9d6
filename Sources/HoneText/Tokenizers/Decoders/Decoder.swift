/// Turns tokens back into text.
///
/// Tokens are bytes: what they become need not be UTF-8 until all is put together.
protocol Decoder: Sendable {
  func decode(_ tokens: [[UInt8]]) -> [[UInt8]]
}

/// Several, one after the other.
struct DecoderSequence: Decoder {
  let items: [any Decoder]

  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    items.reduce(tokens) { $1.decode($0) }
  }
}

/// The bytes that the characters of a byte-level vocabulary stand for.
///
/// A token with a character that stands for no byte is text.
struct ByteLevelDecoder: Decoder {
  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tokens.count * 4)
    for token in tokens {
      if !token.withUnsafeBufferPointer({ ByteAlphabet.decode($0, into: &bytes) }) {
        bytes += token
      }
    }
    return [bytes]
  }
}

/// `<0x0A>` and the like become the bytes they name.
///
/// Neighbouring ones that together are not UTF-8 become a replacement character each.
struct ByteFallbackDecoder: Decoder {
  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var run: [UInt8] = []
    func finishRun() {
      guard !run.isEmpty else { return }
      if String(validating: run, as: UTF8.self) != nil {
        result.append(run)
      } else {
        result += Array(repeating: [0xEF, 0xBF, 0xBD], count: run.count)
      }
      run = []
    }
    for token in tokens {
      if let byte = Self.byte(token) {
        run.append(byte)
      } else {
        finishRun()
        result.append(token)
      }
    }
    finishRun()
    return result
  }

  /// The byte that `<0x..>` names.
  static func byte(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else {
      return nil
    }
    let digits = token[3...4].map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard let high = digits[0], let low = digits[1] else { return nil }
    return UInt8(high << 4 | low)
  }
}

/// All tokens become one.
struct FuseDecoder: Decoder {
  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] { [Array(tokens.joined())] }
}

/// Takes up to so many of a character from the beginning and the end of each token.
struct StripDecoder: Decoder {
  let character: [UInt8]
  let left: Int
  let right: Int

  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    tokens.map { token in
      var rest = token[...]
      for _ in 0..<min(left, token.count) where rest.starts(with: character) {
        rest = rest.dropFirst(character.count)
      }
      for _ in 0..<min(right, token.count)
      where rest.count >= character.count && rest.suffix(character.count).elementsEqual(character) {
        rest = rest.dropLast(character.count)
      }
      return Array(rest)
    }
  }
}

/// Writes spaces for marks, but none in the first token, whose mark the pre-tokeniser put there.
struct MetaspaceDecoder: Decoder {
  let mark: [UInt8]
  /// Whether the pre-tokeniser puts a mark before the text.
  let dropsFirst: Bool

  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    tokens.enumerated().map { index, token in
      token.replacingAll(mark, with: index == 0 && dropsFirst ? [] : [0x20])
    }
  }
}

/// Writes one text for another in each token.
struct ReplaceDecoder: Decoder {
  let replacement: Replacement

  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] { tokens.map { replacement.applied(to: $0) } }
}

/// Joins a word's pieces, which continue with a prefix, and puts spaces between words.
struct WordPieceDecoder: Decoder {
  let prefix: [UInt8]
  /// Whether the spaces before punctuation and contractions go.
  let cleansUp: Bool

  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    tokens.enumerated().map { index, token in
      var text = token
      if index > 0 {
        text = token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : [0x20] + token
      }
      return cleansUp
        ? text.withoutSpacesBeforePunctuation.replacingAll(
          Array(" do not".utf8), with: Array(" don't".utf8)) : text
    }
  }
}

/// Writes a space for the mark at the end of a word, and nothing for it at the text's end.
struct WordEndDecoder: Decoder {
  let suffix: [UInt8]

  func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    tokens.enumerated().map { index, token in
      token.replacingAll(suffix, with: index == tokens.count - 1 ? [] : [0x20])
    }
  }
}

extension [UInt8] {
  private static let punctuationReplacements = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
    (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (searched: Array($0.utf8), content: Array($1.utf8)) }

  /// The clean-up of English text that transformers and BERT's decoder do.
  var withoutSpacesBeforePunctuation: [UInt8] {
    guard contains(0x20) else { return self }
    return Self.punctuationReplacements.reduce(self) {
      $0.replacingAll($1.searched, with: $1.content)
    }
  }
}
