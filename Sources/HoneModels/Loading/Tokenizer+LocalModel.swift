import HoneFormats
import HoneText

extension Tokenizer {
  /// The tokenizer of a model; a GGUF file that holds only a vocabulary serves too.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for damaged files, ``HoneText/TextError`` for a tokenizer
  ///   of an unknown kind.
  public convenience init(_ model: LocalModel) throws {
    switch model.layout {
    case .gguf: try self.init(gguf: GGUFFile(path: model.path))
    case .folder: try self.init(folder: model.path)
    }
  }
}
