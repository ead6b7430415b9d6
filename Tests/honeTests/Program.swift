import Foundation
import Testing

/// The built program, run as a person would run it.
enum Program {
  struct Outcome: Equatable {
    var code: Int32
    var output: String
    var error: String
  }

  /// Runs the program without a terminal.
  ///
  /// - Parameters:
  ///   - environment: what differs from this process's variables; nil removes one.
  ///   - input: what it reads on standard input.
  ///   - shell: a line of the shell that runs it, as `"$0" "$@"`, under limits of the system.
  static func run(
    _ arguments: [String], environment: [String: String?] = [:], input: String = "",
    shell: String? = nil, interruptAfter delay: TimeInterval? = nil
  ) throws -> Outcome {
    let process = process(arguments, environment: environment, shell: shell)
    let standardInput = Pipe()
    process.standardInput = standardInput
    let output = Pipe()
    let error = Pipe()
    process.standardOutput = output
    process.standardError = error
    try process.run()
    // Short enough for the pipe, so that nobody has to read it first.
    standardInput.fileHandleForWriting.write(Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    if let delay {
      Thread.sleep(forTimeInterval: delay)
      process.interrupt()
    }
    let outputData = output.fileHandleForReading.readDataToEndOfFile()
    let errorData = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      code: process.terminationStatus, output: String(decoding: outputData, as: UTF8.self),
      error: String(decoding: errorData, as: UTF8.self))
  }

  /// Runs the program and sends it a signal when it has printed a line.
  static func run(
    _ arguments: [String], environment: [String: String?] = [:], sending signal: Int32,
    after isLine: (Substring) -> Bool
  ) throws -> Outcome {
    let process = process(arguments, environment: environment)
    let output = Pipe()
    let error = Pipe()
    process.standardOutput = output
    process.standardError = error
    try process.run()
    var printed = Data()
    var isSent = false
    while case let data = output.fileHandleForReading.availableData, !data.isEmpty {
      printed += data
      let text = String(decoding: printed, as: UTF8.self)
      if !isSent, text.split(separator: "\n").contains(where: isLine) {
        isSent = true
        Foundation.kill(process.processIdentifier, signal)
      }
    }
    let errorData = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      code: process.terminationStatus, output: String(decoding: printed, as: UTF8.self),
      error: String(decoding: errorData, as: UTF8.self))
  }

  /// Runs the program for a while and ends it as a power cut would.
  static func kill(_ arguments: [String], after delay: TimeInterval) throws {
    let process = process(arguments)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    Thread.sleep(forTimeInterval: delay)
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  private static func process(
    _ arguments: [String], environment: [String: String?] = [:], shell: String? = nil
  ) -> Process {
    let process = Process()
    if let shell {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", shell, executable] + arguments
    } else {
      process.executableURL = URL(fileURLWithPath: executable)
      process.arguments = arguments
    }
    var variables = ProcessInfo.processInfo.environment
    // Help is folded at a terminal's width, which must not depend on who runs the tests.
    variables["COLUMNS"] = "80"
    for (name, value) in environment { variables[name] = value }
    process.environment = variables
    process.standardInput = FileHandle.nullDevice
    return process
  }

  /// The program stands beside the test bundle.
  private static var executable: String {
    let bundle =
      Bundle.allBundles.map(\.bundlePath).first { $0.hasSuffix(".xctest") }
      ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "hone").path
  }
}

/// Texts that the program prints, kept as files beside the tests.
enum Snapshot {
  /// Compares with the file of that name; `HONE_RECORD=1` writes the file instead.
  static func expect(
    _ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/\(name).txt")
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try Data(text.utf8).write(to: url)
    }
    let expected = try String(contentsOf: url, encoding: .utf8)
    #expect(text == expected, "HONE_RECORD=1 writes it anew", sourceLocation: sourceLocation)
  }
}
