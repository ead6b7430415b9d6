import Foundation
import LibFuzzer

/// Runs one fuzz target: `hone-fuzz --target=NAME [libFuzzer options and corpus folders]`.
@main
struct HoneFuzz {
  // The driver's callback is a C function without context, so the target is found here.
  nonisolated(unsafe) private static var target = FuzzTarget.all[0]

  static func main() {
    let arguments = CommandLine.arguments
    let prefix = "--target="
    let name = arguments.last { $0.hasPrefix(prefix) }?.dropFirst(prefix.count)
    guard let target = FuzzTarget.all.first(where: { $0.name == name ?? "" }) else {
      let names = FuzzTarget.all.map(\.name).joined(separator: "|")
      print("usage: hone-fuzz --target=\(names) [libFuzzer options and corpus folders]")
      exit(2)
    }
    self.target = target
    // The option stays among the arguments: the driver ignores it, and repeats it when it starts
    // itself anew to merge or to minimise.
    var count = Int32(arguments.count)
    var pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = .allocate(
      capacity: arguments.count + 1)
    for (index, argument) in arguments.enumerated() { pointers?[index] = strdup(argument) }
    pointers?[arguments.count] = nil
    exit(
      LLVMFuzzerRunDriver(&count, &pointers) { data, size in
        HoneFuzz.target.run(UnsafeRawBufferPointer(start: data, count: size))
        return 0
      })
  }
}
