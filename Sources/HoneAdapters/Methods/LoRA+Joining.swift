import HoneModels
import HoneTensors

extension LoRA {
  /// Several LoRAs are one of the sum of their ranks: `Σ sᵢ Bᵢ Aᵢ = [s₁B₁ s₂B₂ …] [A₁; A₂; …]`.
  public func joined(with others: [any TrainableAdapter], in engine: Engine) -> (any Adapter)? {
    let all = [self] + others.compactMap { $0 as? LoRA }
    guard all.count == others.count + 1,
      all.allSatisfy({ !$0.isShared && $0.saved.isEmpty && $0.replaced.isEmpty })
    else { return nil }
    let modules = model.spec.sites.compactMap { site -> Module? in
      let parts = all.compactMap { lora in lora.modules.first { $0.site == site } }
      guard let first = parts.first else { return nil }
      let (inputs, outputs) = (first.down.tensor.shape[1], first.up.tensor.shape[0])
      let rank = parts.reduce(0) { $0 + $1.rank }
      let down = engine.tensor([rank, inputs])
      let up = engine.tensor([outputs, rank])
      var start = 0
      for part in parts {
        (down.pointer + start * inputs).update(
          from: part.down.tensor.pointer, count: part.rank * inputs)
        for row in 0..<outputs {
          for inner in 0..<part.rank {
            up.pointer[row * rank + start + inner] =
              part.scale * part.up.tensor.pointer[row * part.rank + inner]
          }
        }
        start += part.rank
      }
      return Module(
        site: site, down: Parameter(first.down.name, down), up: Parameter(first.up.name, up),
        scale: 1, dropout: 0, place: first.place)
    }
    return LoRA(
      options: options, modules: modules, saved: saved, isShared: false, model: model)
  }
}
