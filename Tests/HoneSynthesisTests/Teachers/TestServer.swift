import Foundation
import Synchronization

/// A small HTTP server on this machine, for as long as the object lives.
final class TestServer: Sendable {
  struct Request: Sendable {
    var method: String
    var path: String
    /// Names in lower case.
    var headers: [String: String]
    var body: String
  }

  struct Response: Sendable {
    var status = 200
    var headers: [String: String] = [:]
    var body = ""
    /// Closes the connection instead of answering.
    var isLost = false
  }

  let address: String
  private let listener: Int32
  private let respond: @Sendable (Request) -> Response
  private let log = Mutex<[Request]>([])

  /// What was asked so far.
  var requests: [Request] { log.withLock { $0 } }

  init(_ respond: @escaping @Sendable (Request) -> Response) throws {
    self.respond = respond
    #if os(Linux)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    let listener = socket(AF_INET, stream, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else { throw CocoaError(.fileReadUnknown) }
    self.listener = listener
    self.address = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else {
          close(listener)
          return
        }
        guard let server = self else {
          close(connection)
          close(listener)
          return
        }
        Thread.detachNewThread { server.serve(connection) }
      }
    }
  }

  // The thread that accepts closes it: its number may be another's as soon as it is closed.
  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve(_ connection: Int32) {
    defer { close(connection) }
    guard let request = Self.request(from: connection) else { return }
    log.withLock { $0.append(request) }
    let response = respond(request)
    if response.isLost { return }
    var text = "HTTP/1.1 \(response.status) X\r\nConnection: close\r\n"
    text += "Content-Length: \(response.body.utf8.count)\r\n"
    for (name, value) in response.headers { text += "\(name): \(value)\r\n" }
    let bytes = Array((text + "\r\n" + response.body).utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
    shutdown(connection, Int32(SHUT_WR))
    // Wait for the other side to close, so that nothing that was sent is thrown away.
    var byte: UInt8 = 0
    while read(connection, &byte, 1) > 0 {}
  }

  private static func request(from connection: Int32) -> Request? {
    var head: [UInt8] = []
    var byte: UInt8 = 0
    while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
      guard read(connection, &byte, 1) == 1 else { return nil }
      head.append(byte)
    }
    let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
    let words = lines[0].split(separator: " ")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let halves = line.split(separator: ":", maxSplits: 1)
      headers[halves[0].lowercased()] = halves.last?.trimmingCharacters(in: .whitespaces)
    }
    var body: [UInt8] = []
    let length = headers["content-length"].flatMap { Int($0) } ?? 0
    while body.count < length {
      guard read(connection, &byte, 1) == 1 else { return nil }
      body.append(byte)
    }
    return Request(
      method: String(words[0]), path: String(words[1]), headers: headers,
      body: String(decoding: body, as: UTF8.self))
  }
}
