import HoneFormats
import Testing

@Suite struct SHA256Tests {
  /// The examples of FIPS 180-4's test data: message and digest.
  static let vectors: [(String, String)] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
  ]

  @Test(arguments: vectors) func `agrees with the standard's examples`(
    message: String, digest: String
  ) {
    var hash = SHA256()
    hash.update(Array(message.utf8))
    #expect(hash.finish().hexadecimal == digest)
  }

  @Test func `a million letters in pieces of any size give the standard's digest`() {
    for piece in [1, 63, 64, 65, 1000, 4096] {
      var hash = SHA256()
      var left = 1_000_000
      while left > 0 {
        hash.update(Array(repeating: UInt8(ascii: "a"), count: min(piece, left)))
        left -= piece
      }
      #expect(
        hash.finish().hexadecimal
          == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }
  }
}
