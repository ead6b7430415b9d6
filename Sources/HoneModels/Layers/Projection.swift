import HoneTensors

/// A frozen linear map, `y = x Wᵀ + b`, with its weight as it is stored.
public final class Projection {
  public let weight: Weight
  /// `[outputs]`, or nil.
  package let bias: Tensor?

  package init(weight: Weight, bias: Tensor? = nil) {
    self.weight = weight
    self.bias = bias
  }

  public var inputCount: Int { weight.columns }
  public var outputCount: Int { weight.rows }

  /// The outputs of several projections of one input, computed together.
  package static func apply(_ projections: [Projection], to input: Tensor, in pass: Pass)
    -> [Tensor]
  {
    let outputs = projected(input, through: projections.map(\.weight), in: pass)
    return zip(projections, outputs).map { projection, output in
      projection.bias.map { added($0, toRowsOf: output, in: pass) } ?? output
    }
  }
}
