import HoneTensors

extension AdaLoRA {
  /// When ranks are allotted in a run.
  struct Schedule: Equatable {
    /// The last step on which all triplets have their value.
    var start: Int
    /// The step on which the ranks become final.
    var end: Int
    /// Steps between two allotments.
    var interval: Int

    /// How many triplets have their value after a step.
    func budget(step: Int, from first: Int, to last: Int) -> Int {
      guard step < end else { return last }
      guard step > start else { return first }
      let left = 1 - Double(step - start) / Double(end - start)
      return Int(Double(first - last) * left * left * left + Double(last))
    }
  }

  /// How important triplets have been so far.
  ///
  /// The sensitivity of a number `p` with the gradient `g` is `|p g|`; `I` is its moving average and
  /// `U` that of how far it is from `I`; the number's importance is `I U`. A triplet has that of its
  /// value, and the means of those of its two vectors (equations 6 to 9 of the paper).
  final class Allotment {
    fileprivate struct Measured {
      let parameter: Parameter
      /// `I` and `U`.
      let sensitivity: Tensor
      let uncertainty: Tensor
    }

    /// How far it is (0: nothing was taken yet, 1: it goes on, 2: done), and the run's steps; in the
    /// state, so that a resumed run knows.
    private let progress: Tensor
    fileprivate let measured: [Measured]

    /// - Parameter isDone: whether the ranks are final, as those of a folder that says them are.
    init(of parameters: [Parameter], isDone: Bool, stepCount: Int, engine: Engine) {
      progress = engine.tensor([2], [isDone ? 2 : 0, Float(stepCount)])
      measured =
        isDone
        ? []
        : parameters.map {
          Measured(
            parameter: $0, sensitivity: engine.zeros($0.tensor.shape),
            uncertainty: engine.zeros($0.tensor.shape))
        }
    }

    var hasBegun: Bool { progress.pointer[0] != 0 }
    var isDone: Bool { progress.pointer[0] == 2 }
    var stepCount: Int { Int(progress.pointer[1]) }

    var state: [(name: String, tensor: Tensor)] {
      measured.flatMap {
        [
          ("\($0.parameter.name).sensitivity", $0.sensitivity),
          ("\($0.parameter.name).uncertainty", $0.uncertainty),
        ]
      } + [("progress", progress)]
    }

    /// Takes a step's gradients, with the numbers as the step left them, and allots where it is time.
    func measure(
      _ gradients: Gradients, step: Int, of stepCount: Int, _ options: AdaLoRAOptions,
      _ triplets: [Triplets], moduleCount: Int, in engine: Engine
    ) {
      let schedule = options.schedule(of: stepCount)
      progress.pointer[1] = Float(stepCount)
      // Where the ranks are final at once, there is one step to know them from.
      if step < schedule.end || step == 1 { add(gradients, options, in: engine) }
      let (first, last) = (options.rank * moduleCount, options.targetRank * moduleCount)
      if step >= schedule.end {
        keep(last, of: triplets)
        progress.pointer[0] = 2
      } else if step > schedule.start && step % schedule.interval == 0 {
        keep(schedule.budget(step: step, from: first, to: last), of: triplets)
        progress.pointer[0] = 1
      }
    }

    private func add(_ gradients: Gradients, _ options: AdaLoRAOptions, in engine: Engine) {
      let (first, second) = (Float(options.beta1), Float(options.beta2))
      for item in measured {
        guard let gradient = gradients[item.parameter.tensor] else { continue }
        let (numbers, sensitivity, uncertainty) = (
          item.parameter.tensor.pointer, item.sensitivity.pointer, item.uncertainty.pointer
        )
        engine.threads.run(rows: gradient.shape.count, columns: 1) { range in
          for place in range {
            let now = abs(numbers[place] * gradient.pointer[place])
            let mean = first * sensitivity[place] + (1 - first) * now
            sensitivity[place] = mean
            uncertainty[place] = second * uncertainty[place] + (1 - second) * abs(now - mean)
          }
        }
      }
    }

    /// Takes the value from all triplets but the most important; of equals the first keep theirs.
    private func keep(_ budget: Int, of triplets: [Triplets]) {
      var scores: [(score: Double, module: Int, place: Int)] = []
      for (module, item) in triplets.enumerated() {
        // Three parameters a module, as they were given: vectors, values, vectors.
        let parts = measured[3 * module..<3 * module + 3].map(\.importance)
        for place in 0..<item.rank {
          let right = parts[0].mean(ofRow: place)
          let left = parts[2].mean(ofColumn: place)
          scores.append((parts[1].numbers[place] + right + left, module, place))
        }
      }
      scores.sort {
        ($1.score, $0.module, $0.place) < ($0.score, $1.module, $1.place)
      }
      for (rank, item) in scores.enumerated() {
        let stays = rank < budget
        triplets[item.module].kept.pointer[item.place] = stays ? 1 : 0
        if !stays { triplets[item.module].values.tensor.pointer[item.place] = 0 }
      }
    }
  }

  /// The importance of each number of a matrix.
  fileprivate struct Importance {
    let rows: Int
    let columns: Int
    let numbers: [Double]

    func mean(ofRow row: Int) -> Double {
      numbers[row * columns..<(row + 1) * columns].reduce(0, +) / Double(columns)
    }

    func mean(ofColumn column: Int) -> Double {
      (0..<rows).reduce(0) { $0 + numbers[$1 * columns + column] } / Double(rows)
    }
  }
}

extension AdaLoRA.Allotment.Measured {
  fileprivate var importance: AdaLoRA.Importance {
    AdaLoRA.Importance(
      rows: sensitivity.shape[0], columns: sensitivity.shape[1],
      numbers: zip(sensitivity.values, uncertainty.values).map { Double($0 * $1) })
  }
}
