import HoneFormats

/// A file that must hold text.
enum TextFile {
  static func contents(of path: String) throws -> String {
    let file = try MappedFile(path: path)
    let text = withExtendedLifetime(file) { String(validating: file.bytes, as: UTF8.self) }
    guard let text else { throw FormatError(file: path, problem: "is not UTF-8 text") }
    return text
  }
}
