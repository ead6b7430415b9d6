/// Which sequences share a row, planned once for the whole data set from the lengths alone.
///
/// First-fit decreasing: the longest first, each into the first row that still has room; at most
/// 11/9 of the fewest rows possible (Johnson, "Near-optimal bin packing algorithms", 1973). O(n log n).
package struct PackingPlan: Sendable {
  /// The sequences of all rows, row after row, and where each row begins among them.
  private let members: [Int32]
  private let starts: [Int32]

  package var rowCount: Int { starts.count - 1 }

  /// A row's sequences by number, as they were placed.
  package subscript(row: Int) -> ArraySlice<Int32> {
    members[Int(starts[row])..<Int(starts[row + 1])]
  }

  /// - Parameters:
  ///   - lengths: the sequences' tokens, none above the capacity.
  ///   - capacity: tokens in a row.
  package init(_ lengths: [Int32], capacity: Int) {
    // A tree over rows that knows the most room of any row below each node.
    var leaves = 1
    while leaves < lengths.count { leaves *= 2 }
    var room = [Int32](repeating: Int32(capacity), count: 2 * leaves)
    let order = Self.decreasing(lengths, capacity: capacity)
    var rowOf = [Int32](repeating: 0, count: lengths.count)
    var rowCount = 0
    for index in order {
      let length = lengths[Int(index)]
      var node = 1
      while node < leaves { node = room[2 * node] >= length ? 2 * node : 2 * node + 1 }
      rowOf[Int(index)] = Int32(node - leaves)
      rowCount = max(rowCount, node - leaves + 1)
      room[node] -= length
      while node > 1 {
        node /= 2
        room[node] = max(room[2 * node], room[2 * node + 1])
      }
    }
    var starts = [Int32](repeating: 0, count: rowCount + 1)
    for row in rowOf { starts[Int(row) + 1] += 1 }
    for row in 0..<rowCount { starts[row + 1] += starts[row] }
    var next = starts
    var members = [Int32](repeating: 0, count: lengths.count)
    for index in order {
      let row = Int(rowOf[Int(index)])
      members[Int(next[row])] = index
      next[row] += 1
    }
    self.members = members
    self.starts = starts
  }

  /// The sequences from the longest to the shortest; equally long ones in their own order.
  private static func decreasing(_ lengths: [Int32], capacity: Int) -> [Int32] {
    var places = [Int32](repeating: 0, count: capacity + 2)
    for length in lengths {
      precondition(length <= capacity, "a sequence of \(length) in rows of \(capacity)")
      places[capacity - Int(length) + 1] += 1
    }
    for place in 0...capacity { places[place + 1] += places[place] }
    var order = [Int32](repeating: 0, count: lengths.count)
    for (index, length) in lengths.enumerated() {
      let place = capacity - Int(length)
      order[Int(places[place])] = Int32(index)
      places[place] += 1
    }
    return order
  }
}
