import Foundation
import HoneFormats
import HoneText

@testable import HoneData

private let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().path

/// A file that is removed when the test ends.
final class DataFile {
  let path: String

  init(_ text: String, named name: String = "data.jsonl") throws {
    let folder = NSTemporaryDirectory() + "hone-data-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    path = "\(folder)/\(name)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  deinit {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    try? FileManager.default.removeItem(at: folder)
  }
}

/// A tokenizer of 256 bytes, a few merges and three special tokens, of the tiny models.
func tinyTokenizer() throws -> Tokenizer {
  try Tokenizer(folder: "\(tests)/HoneModelsTests/Fixtures/tiny-llama-tied")
}

/// Its special tokens, by what they do.
func specialTokens(_ tokenizer: Tokenizer) -> JSONObject {
  JSONObject([
    ("bos_token", .string(tokenizer.specialTokens.beginningOfText ?? "")),
    ("eos_token", .string(tokenizer.specialTokens.endOfText ?? "")),
  ])
}

/// The usual form: a role, the text, the end token, a line end.
let plainTemplate = """
  {% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}{{ eos_token }}
  {% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}
  """

func renderer(
  _ template: String? = plainTemplate, trainOn: TrainOn = .assistant
) throws -> Renderer {
  let tokenizer = try tinyTokenizer()
  return Renderer(
    tokenizer: tokenizer, template: try template.map { try ChatTemplate($0) },
    variables: specialTokens(tokenizer), trainOn: trainOn)
}

/// The trained parts of a sequence as text, in brackets.
func marked(_ sequence: TokenSequence, _ tokenizer: Tokenizer) -> String {
  var text = ""
  var isOpen = false
  for (id, trained) in zip(sequence.ids, sequence.trained) {
    if trained != isOpen { text += trained ? "⟦" : "⟧" }
    isOpen = trained
    text += tokenizer.decode([id], skippingSpecialTokens: false)
  }
  return text + (isOpen ? "⟧" : "")
}
