import Foundation
import LibFuzzer

/// Runs one fuzz target: `hone-fuzz TARGET [libFuzzer options and corpus folders]`.
@main
struct HoneFuzz {
  // The driver's callback is a C function without context, so the target is found here.
  nonisolated(unsafe) private static var target = FuzzTarget.all[0]

  static func main() {
    var arguments = CommandLine.arguments
    guard arguments.count > 1, let target = FuzzTarget.all.first(where: { $0.name == arguments[1] })
    else {
      let names = FuzzTarget.all.map(\.name).joined(separator: "|")
      print("usage: hone-fuzz \(names) [libFuzzer options and corpus folders]")
      exit(2)
    }
    self.target = target
    arguments.remove(at: 1)
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
