import Subprocess

/// A program of the system that reads or writes a format which Hone leaves to it.
struct OutsideTool: Sendable {
  let name: String
  /// What has to be installed when it is missing.
  let advice: String

  static let pdftotext = OutsideTool(
    name: "pdftotext",
    advice: "install poppler-utils (Debian, Ubuntu, Fedora) or poppler (Homebrew, Arch)")
  static let unzip = OutsideTool(name: "unzip", advice: "install your system's package unzip")
  static let gzip = OutsideTool(name: "gzip", advice: "install your system's package gzip")

  /// The largest text that is taken from one file.
  private static let limit = 256 << 20

  /// Runs it and gives what it prints, in UTF-8.
  ///
  /// - Parameter path: the file that it reads, for errors.
  /// - Throws: ``SynthesisError`` when it is missing, fails or prints more than 256 MB.
  func output(_ arguments: [String], reading path: String) async throws -> String {
    let executable = Executable.name(name)
    guard (try? await executable.resolveExecutablePath(in: .inherit)) != nil else {
      throw SynthesisError(
        path, problem: "cannot be read without the program \(name), which is not there",
        advice: advice)
    }
    do {
      return try await printed(by: executable, arguments, reading: path)
    } catch let error as SubprocessError where error.code == .outputLimitExceeded {
      throw SynthesisError(
        path, problem: "gives more than \(Self.limit >> 20) MB of text", advice: "split the file")
    }
  }

  /// Runs it on bytes and gives those that it prints; nil where it is missing or fails.
  func output(_ arguments: [String], of bytes: [UInt8]) async -> [UInt8]? {
    let result = try? await run(
      Executable.name(name), arguments: Arguments(arguments), input: .array(bytes),
      output: .bytes(limit: Self.limit))
    guard let result, result.terminationStatus.isSuccess else { return nil }
    return result.standardOutput
  }

  private func printed(
    by executable: Executable, _ arguments: [String], reading path: String
  ) async throws -> String {
    let result = try await run(
      executable, arguments: Arguments(arguments), input: .none,
      output: .string(limit: Self.limit), error: .string(limit: 1 << 16))
    try Task.checkCancellation()
    guard result.terminationStatus.isSuccess else {
      let last = result.standardError.split(separator: "\n").last.map(String.init)
      throw SynthesisError(
        path, problem: "\(name) cannot read it: \(last ?? "it gives no reason")",
        advice: "open it in the program that made it, and save it again")
    }
    return result.standardOutput
  }
}
