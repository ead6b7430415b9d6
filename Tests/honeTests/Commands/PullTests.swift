import Foundation
import HoneFormats
import Testing

@Suite struct PullTests {
  @Test func `a file is here already, and its path is printed`() throws {
    let path = NSTemporaryDirectory() + "hone-pull-\(UUID().uuidString).gguf"
    try Data("GGUF".utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(
      try Program.run(["pull", path]) == Program.Outcome(code: 0, output: path + "\n", error: ""))
    let json = try JSONParser.parse(try Program.run(["pull", path, "--json"]).output)
    #expect(json["event"] == .string("done"))
    #expect(json["path"] == .string(path))
    #expect(json["layout"] == .string("gguf"))
  }

  @Test func `Ctrl-C ends a fetch with exit code 130`() throws {
    // A port that takes connections and never answers.
    #if os(Linux)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    let listener = socket(AF_INET, stream, 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        #expect(bind(listener, $0, length) == 0)
        #expect(listen(listener, 1) == 0)
        #expect(getsockname(listener, $0, &length) == 0)
      }
    }
    let outcome = try Program.run(
      ["pull", "hf:owner/name"],
      environment: [
        "HF_ENDPOINT": "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))",
        "HF_HOME": NSTemporaryDirectory() + "hone-\(UUID().uuidString)", "HF_HUB_OFFLINE": nil,
      ], interruptAfter: 1)
    #expect(outcome == Program.Outcome(code: 130, output: "", error: "interrupted\n"))
  }
}
