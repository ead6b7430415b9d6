import Testing

@testable import HoneSynthesis

@Suite struct EndpointTests {
  @Test(arguments: [
    ("http://localhost:8080/v1/", "localhost", true),
    ("http://LOCALHOST", "LOCALHOST", true),
    ("http://127.0.0.1:1/v1", "127.0.0.1", true),
    ("http://[::1]:8080/v1", "::1", true),
    ("https://api.example.com/v1", "api.example.com", false),
    ("http://localhost.example.com", "localhost.example.com", false),
    ("http://127.0.0.1.example.com", "127.0.0.1.example.com", false),
    ("http://10.0.0.7", "10.0.0.7", false),
  ])
  func `an address says whether it is on this machine`(text: String, host: String, isLocal: Bool)
    throws
  {
    let endpoint = try Endpoint(text)
    #expect(endpoint.host == host)
    #expect(endpoint.isLocal == isLocal)
    #expect(!endpoint.address.hasSuffix("/"))
  }

  @Test(arguments: [
    ("", "is not an address; write it as http://localhost:8080/v1"),
    ("localhost:8080", "is not an address; write it as http://localhost:8080/v1"),
    ("ftp://host/v1", "is not an address; write it as http://localhost:8080/v1"),
    ("http:///v1", "is not an address; write it as http://localhost:8080/v1"),
    (
      "https://user:secret@host/v1",
      "holds a user's name or password; leave it out, and set HONE_TEACHER_KEY in the environment"
    ),
    (
      "http://localhost@example.com",
      "holds a user's name or password; leave it out, and set HONE_TEACHER_KEY in the environment"
    ),
    ("https://host/v1?key=secret", "goes on behind the path; leave out what begins with ? or #"),
  ])
  func `an address that cannot be used is refused without being shown`(
    text: String, expected: String
  ) {
    let error = #expect(throws: SynthesisError.self) { _ = try Endpoint(text) }
    #expect(error?.description == "teacher.url: \(expected)")
  }

  @Test func `a proxy is found unless the host is an exception`() throws {
    let local = try Endpoint("http://localhost:8080/v1")
    #expect(local.proxyVariable(in: [:]) == nil)
    #expect(local.proxyVariable(in: ["http_proxy": ""]) == nil)
    #expect(local.proxyVariable(in: ["HTTPS_PROXY": "http://p"]) == nil)
    #expect(local.proxyVariable(in: ["http_proxy": "http://p"]) == "http_proxy")
    #expect(local.proxyVariable(in: ["ALL_PROXY": "http://p"]) == "ALL_PROXY")
    let exceptions = ["a.example.com,localhost", "a.example.com, localhost", "*"]
    for text in exceptions {
      #expect(local.proxyVariable(in: ["http_proxy": "http://p", "no_proxy": text]) == nil)
    }
    let remote = try Endpoint("https://api.example.com/v1")
    #expect(remote.proxyVariable(in: ["HTTPS_PROXY": "http://p"]) == "HTTPS_PROXY")
  }
}
