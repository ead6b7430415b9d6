import Foundation
import HoneFormats
import Testing

@Suite struct DoctorTests {
  private func states(_ environment: [String: String?]) throws -> (Int32, [String: JSONValue]) {
    let outcome = try Program.run(["doctor", "--json"], environment: environment)
    let findings = try #require(try JSONParser.parse(outcome.output).array)
    return (
      outcome.code,
      Dictionary(findings.compactMap { f in f["subject"]?.string.map { ($0, f) } }) { $1 }
    )
  }

  @Test func `a machine that can work has no fault`() throws {
    let cache = NSTemporaryDirectory() + "hone-\(UUID().uuidString)"
    let (code, findings) = try states(["HONE_CACHE": cache, "HF_HOME": cache, "HONE_ISA": nil])
    #expect(code == 0)
    #expect(findings["cache"]?["state"] == .string("ok"))
    #expect(findings["cache"]?["detail"]?.string?.hasPrefix(cache) == true)
    #expect(findings["processor"]?["detail"]?.string?.contains("cores") == true)
  }

  @Test func `a cache that cannot be written is a fault, with exit code 1`() throws {
    // Below a file: there not even root can write.
    let (code, findings) = try states(["HONE_CACHE": "\(#filePath)/cache"])
    #expect(code == 1)
    #expect(findings["cache"]?["state"] == .string("fault"))
  }

  @Test func `an instruction set that is no name of one is noted`() throws {
    let (_, findings) = try states(["HONE_ISA": "avx9"])
    #expect(findings["kernels"]?["state"] == .string("note"))
    #expect(
      findings["kernels"]?["detail"]?.string?.hasSuffix(
        "HONE_ISA=avx9 is no name of one and ignored") == true)
  }

  @Test func `passwords and tokens are not shown`() throws {
    let outcome = try Program.run(
      ["doctor"],
      environment: [
        "HTTPS_PROXY": "http://user:secret@proxy:80", "HF_TOKEN": "hf_secret", "PATH": "/nowhere",
      ])
    #expect(!outcome.output.contains("secret"))
    #expect(outcome.output.contains("HTTPS_PROXY=http://***@proxy:80"))
    #expect(outcome.output.contains("hub token  set"))
    #expect(outcome.output.contains("there is no Python on this machine"))
  }

  @Test func `a model is checked end to end`() throws {
    let outcome = try Program.run(["doctor", PackageFiles.tinyModel("tied"), "--threads", "1"])
    #expect(outcome.code == 0 && outcome.error == "")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("ok  training    loss ") }, "\(outcome.output)")
    #expect(lines.allSatisfy { $0.count <= 100 })
  }

  @Test func `what of a model does not work is a line, with exit code 1`() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(#"{"model_type": "strange"}"#, to: "config.json")
    _ = try folder.write("{}", to: "tokenizer.json")
    let outcome = try Program.run(["doctor", folder.path, "--json"])
    #expect(outcome.code == 1)
    let findings = try #require(try JSONParser.parse(outcome.output).array)
    #expect(findings.first?["subject"]?.string == "tokenizer")
    #expect(findings.first?["state"]?.string == "fault")
    let threads = try Program.run(["doctor", folder.path, "--threads", "0"])
    #expect(threads.code == 2 && threads.error.contains("--threads is 0, expected 1 to 256."))
  }
}
