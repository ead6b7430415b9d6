/// First-fit decreasing: the longest first, each into the first row that still has room.
///
/// Johnson, "Near-optimal bin packing algorithms", 1973: at most 11/9 of the fewest rows.
package enum FirstFitDecreasing {
  /// Rows of sequences' indices; in a row, and among rows, as they were placed.
  ///
  /// - Parameters:
  ///   - lengths: none above the capacity.
  ///   - capacity: tokens in a row.
  package static func rows(_ lengths: [Int32], capacity: Int) -> [[Int32]] {
    let order = lengths.indices.sorted {
      lengths[$0] == lengths[$1] ? $0 < $1 : lengths[$0] > lengths[$1]
    }
    // A tree over rows that knows the most room of any row below each node.
    var leaves = 1
    while leaves < lengths.count { leaves *= 2 }
    var room = [Int32](repeating: Int32(capacity), count: 2 * leaves)
    var rows: [[Int32]] = []
    for index in order {
      let length = lengths[index]
      precondition(length <= capacity, "a sequence of \(length) in rows of \(capacity)")
      var node = 1
      while node < leaves { node = room[2 * node] >= length ? 2 * node : 2 * node + 1 }
      let row = node - leaves
      if row == rows.count { rows.append([]) }
      rows[row].append(Int32(index))
      room[node] -= length
      while node > 1 {
        node /= 2
        room[node] = max(room[2 * node], room[2 * node + 1])
      }
    }
    return rows
  }
}
