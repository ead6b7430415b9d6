/// A parser to be fed with arbitrary bytes. Errors are what it should answer bad ones with; a trap,
/// a sanitizer's report, much memory or a long time are findings.
///
/// To add a target: a file in `Targets/` with `extension FuzzTarget { static let name = ... }`, its
/// line in ``all``, and a few small well-formed inputs in `Seeds/NAME/`.
struct FuzzTarget: Sendable {
  let name: String
  /// Feeds one input.
  let run: @Sendable (UnsafeRawBufferPointer) -> Void

  static let all: [FuzzTarget] = [.safetensors, .gguf, .json, .jinja]
}
