#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What this process holds of the machine's memory.
public enum ProcessMemory {
  /// The most that was ever resident at once, in bytes.
  public static var peak: Int {
    var usage = rusage()
    // RUSAGE_SELF, which is an enumeration in one C library and a number in the others.
    getrusage(0, &usage)
    #if os(Linux)
      return usage.ru_maxrss * 1024
    #else
      return usage.ru_maxrss
    #endif
  }
}
