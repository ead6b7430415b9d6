/// The sizes of a tensor's axes, outermost first.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public let axes: [Int]

  public init(_ axes: [Int]) {
    precondition(axes.allSatisfy { $0 >= 0 }, "a negative axis in \(axes)")
    self.axes = axes
  }

  public init(arrayLiteral axes: Int...) { self.init(axes) }

  /// How many numbers a tensor of this shape holds.
  public var count: Int { axes.reduce(1, *) }

  /// The innermost axis.
  public var columns: Int { axes.last ?? 1 }

  /// All axes but the innermost, as one.
  public var rows: Int { axes.dropLast().reduce(1, *) }

  public subscript(axis: Int) -> Int { axes[axis] }

  public var description: String { "[" + axes.map(String.init).joined(separator: " x ") + "]" }
}
