import HoneFormats

/// The text of a recipe's file.
enum RecipeText {
  /// - Throws: ``RecipeError`` for a file that is not there, or is no text.
  static func read(_ file: String) throws -> String {
    func fault(_ problem: String, advice: String = "") -> RecipeError {
      RecipeError(
        file: file,
        faults: [
          RecipeFault(.file(line: 1, column: 1), key: "", problem, advice: advice)
        ])
    }
    let bytes: MappedFile
    do { bytes = try MappedFile(path: file) } catch let error as FormatError {
      throw fault(error.problem, advice: "`hone recipes` has recipes to start from")
    }
    guard let text = String(validating: bytes.bytes, as: UTF8.self) else {
      throw fault("is not text in UTF-8")
    }
    return text
  }
}
