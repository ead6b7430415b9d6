import HoneText

extension TokenSequence {
  /// The text with marks around what is trained, for a person to look at.
  ///
  /// Control characters other than line ends and tabs are written as `\u{1b}`, so that a text cannot
  /// command a terminal.
  package func text(
    _ tokenizer: Tokenizer, opening: String = "⟦", closing: String = "⟧"
  ) -> String {
    var text = ""
    var bytes: [UInt8] = []
    var isOpen = false
    func flush() {
      for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
        if scalar.properties.generalCategory == .control, scalar != "\n", scalar != "\t" {
          text += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
      bytes.removeAll()
    }
    for (index, id) in ids.enumerated() {
      // A sequence's first token is never a target.
      let isTrained = index > 0 && trained[index]
      if isTrained != isOpen {
        flush()
        text += isTrained ? opening : closing
        isOpen = isTrained
      }
      bytes += tokenizer.bytes(of: id)
    }
    flush()
    return text + (isOpen ? closing : "")
  }
}
