import Foundation
import HoneAdapters
import HoneTensors

/// Adafactor with an external learning rate, as transformers has it with `scale_parameter` and
/// `relative_step` off: the second moment of a matrix is kept as a row and a column.
///
/// Shazeer & Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018.
final class Adafactor: Optimizer {
  private enum Moment {
    case whole(Tensor)
    case factored(rows: Tensor, columns: Tensor)
  }

  private let parameters: [Parameter]
  private let moments: [Moment]
  private let weightDecay: Double
  /// Added to squared gradients.
  private let floor: Float = 1e-30
  /// The largest root mean square of an update.
  private let clip = 1.0
  private let decayExponent = -0.8

  init(_ parameters: [Parameter], weightDecay: Double, engine: Engine) {
    self.parameters = parameters
    self.weightDecay = weightDecay
    moments = parameters.map { parameter in
      let shape = parameter.tensor.shape
      return shape.axes.count >= 2
        ? .factored(rows: engine.zeros([shape.rows]), columns: engine.zeros([shape.columns]))
        : .whole(engine.zeros(shape))
    }
  }

  var state: [(name: String, tensor: Tensor)] {
    zip(parameters, moments).flatMap { parameter, moment in
      switch moment {
      case .whole(let whole): [("\(parameter.name).second_moment", whole)]
      case .factored(let rows, let columns):
        [
          ("\(parameter.name).second_moment_rows", rows),
          ("\(parameter.name).second_moment_columns", columns),
        ]
      }
    }
  }

  func update(
    _ gradients: Gradients, scale: Float, rate: Double, step: Int, in engine: Engine
  ) {
    let decay = Float(1 - pow(Double(step), decayExponent))
    // A parameter a piece: what one computes never depends on the others.
    engine.threads.run(pieces: parameters.count) { index in
      let parameter = parameters[index]
      guard let gradient = gradients[parameter.tensor] else { return }
      let (rowCount, columnCount) = (gradient.shape.rows, gradient.shape.columns)
      let values = UnsafeMutableBufferPointer(start: gradient.pointer, count: gradient.shape.count)
      for index in values.indices { values[index] *= scale }
      switch moments[index] {
      case .whole(let moment):
        for index in values.indices {
          let square = values[index] * values[index] + floor
          moment.pointer[index] = decay * moment.pointer[index] + (1 - decay) * square
          values[index] /= moment.pointer[index].squareRoot()
        }
      case .factored(let rows, let columns):
        var columnSums = [Double](repeating: 0, count: columnCount)
        for row in 0..<rowCount {
          var sum = 0.0
          for column in 0..<columnCount {
            let value = values[row * columnCount + column]
            let square = Double(value * value + floor)
            sum += square
            columnSums[column] += square
          }
          rows.pointer[row] =
            decay * rows.pointer[row] + (1 - decay) * Float(sum / Double(columnCount))
        }
        for column in 0..<columnCount {
          columns.pointer[column] =
            decay * columns.pointer[column]
            + (1 - decay) * Float(columnSums[column] / Double(rowCount))
        }
        let mean = rows.values.reduce(0.0) { $0 + Double($1) } / Double(rowCount)
        for row in 0..<rowCount {
          let rowFactor = 1 / (Double(rows.pointer[row]) / mean).squareRoot()
          for column in 0..<columnCount {
            let factor = rowFactor / Double(columns.pointer[column]).squareRoot()
            values[row * columnCount + column] *= Float(factor)
          }
        }
      }
      let square = values.reduce(0.0) { $0 + Double($1) * Double($1) }
      let rootMeanSquare = (square / Double(max(values.count, 1))).squareRoot()
      let rate = rate * Double(parameter.rateFactor)
      let step = Float(rate / max(1, rootMeanSquare / clip))
      let kept = parameter.decays ? 1 - Float(rate * weightDecay) : 1
      for index in values.indices {
        parameter.tensor.pointer[index] =
          parameter.tensor.pointer[index] * kept - step * values[index]
      }
    }
  }
}
