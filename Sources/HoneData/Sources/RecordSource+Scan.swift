import Dispatch
import HoneFormats
import Synchronization

extension RecordSource {
  /// Reads all records on as many threads as there are cores, some hundred at a time.
  ///
  /// - Parameters:
  ///   - read: what is found in a range of records; called on several threads at once.
  ///   - take: is given what was found, in the records' order.
  func scan<Found: Sendable>(
    _ read: @Sendable (Range<Int>) -> Found, then take: (Found) -> Void
  ) {
    let chunk = 512
    let chunks = (count + chunk - 1) / chunk
    let results = Mutex([Found?](repeating: nil, count: chunks))
    DispatchQueue.concurrentPerform(iterations: chunks) { number in
      let found = read(number * chunk..<min(count, (number + 1) * chunk))
      results.withLock { $0[number] = found }
    }
    for number in 0..<chunks {
      // Taken out of the list, so that no chunk is held twice.
      if let found = results.withLock({ $0[number].take() }) { take(found) }
    }
  }

  /// One sentence about what is wrong with a record, with its place.
  func sentence(about error: any Error, in index: Int) -> String {
    switch error {
    case let fault as ExampleFault: return "\(place(index)): \(fault.sentence)"
    case var error as FormatError where error.file == path && !error.place.isEmpty:
      error.file = error.place
      error.place = ""
      return "\(error)"
    default: return "\(place(index)): \(error)"
    }
  }
}
