import Foundation

/// Where a model answers that another program runs, in OpenAI's protocol.
package struct Endpoint: Equatable, Sendable {
  /// Its address without a slash at the end: `http://localhost:8080/v1`.
  package let address: String
  /// The host's name in it: `localhost`.
  package let host: String

  /// Reads an address.
  ///
  /// - Throws: ``SynthesisError`` that does not repeat the address, since it may hold a password.
  package init(_ text: String) throws(SynthesisError) {
    func fault(_ problem: String, _ advice: String) -> SynthesisError {
      SynthesisError("teacher.url", problem: problem, advice: advice)
    }
    var address = text
    while address.hasSuffix("/") { address.removeLast() }
    guard let parts = URLComponents(string: address), parts.url != nil,
      let scheme = parts.scheme, ["http", "https"].contains(scheme.lowercased()),
      let host = parts.host, !host.isEmpty
    else { throw fault("is not an address", "write it as http://localhost:8080/v1") }
    guard parts.user == nil, parts.password == nil else {
      throw fault(
        "holds a user's name or password",
        "leave it out, and set \(RemoteTeacher.keyVariable) in the environment")
    }
    guard parts.query == nil, parts.fragment == nil else {
      throw fault("goes on behind the path", "leave out what begins with ? or #")
    }
    self.address = address
    self.host = host.trimmingCharacters(in: ["[", "]"])
  }

  /// Whether it is on this machine, so that nothing leaves it.
  package var isLocal: Bool { ["localhost", "127.0.0.1", "::1"].contains(host.lowercased()) }

  /// The variable that names a proxy to which requests to the host would go; nil where none does.
  ///
  /// A proxy is asked for hosts of this machine too, unless it is told not to.
  package func proxyVariable(in environment: [String: String]) -> String? {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let exceptions = (value("no_proxy") ?? value("NO_PROXY") ?? "").lowercased()
      .split { $0 == "," || $0 == " " }
    guard !exceptions.contains("*"), !exceptions.contains(host.lowercased()[...]) else {
      return nil
    }
    // The upper-case form of the first is not read, since web servers set it from a header.
    let own =
      address.lowercased().hasPrefix("https:") ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
    return (own + ["all_proxy", "ALL_PROXY"]).first { value($0) != nil }
  }
}
