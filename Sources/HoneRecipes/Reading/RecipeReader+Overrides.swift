import HoneFormats

extension RecipeReader {
  /// Puts values of the command line in the place of the file's.
  mutating func apply(_ overrides: [String], to root: inout RecipeNode) {
    for override in overrides {
      let halves = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let path = halves[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard halves.count == 2, path.allSatisfy({ !$0.isEmpty }) else {
        faults.append(
          RecipeFault(
            .override(override), key: "", "is not an override",
            advice: "write section.key=value, like training.steps=10"))
        continue
      }
      let empty = RecipeNode(origin: .override(override), content: .scalar(.null))
      do {
        let value = try RecipeNode.parse(String(halves[1]), file: file, override: override)
        try put(value ?? empty, at: path, override: override, into: &root)
      } catch let error as RecipeError {
        faults += error.faults
      } catch {
        faults.append(RecipeFault(.override(override), key: "", "cannot be read: \(error)"))
      }
    }
  }

  /// Puts a value at a path; `stages.NAME.` leads into the stage of that name, and what is said of
  /// data or training beside the stages wins over what they say.
  private func put(
    _ value: RecipeNode, at path: [String], override: String, into root: inout RecipeNode
  ) throws {
    func displaced(by path: [String]) -> String? {
      ["training.steps": "epochs", "training.epochs": "steps"][path.joined(separator: ".")]
    }
    guard case .list(var stages)? = root["stages"]?.content else {
      root.set(path[...], to: value)
      displaced(by: path).map { root.remove($0, from: "training") }
      return
    }
    if path[0] == "stages", path.count > 1 {
      let names = stages.compactMap { $0["name"]?.value.string }
      guard let index = stages.firstIndex(where: { $0["name"]?.value == .string(path[1]) }) else {
        let advice =
          path[1].nearest(in: names).map { "did you mean \($0)?" }
          ?? "there are \(names.joined(separator: ", "))"
        throw RecipeError(
          file: file,
          faults: [
            RecipeFault(
              .override(override), key: "stages", "has no \(FormatError.quoted(path[1]))",
              advice: advice)
          ])
      }
      let inner = Array(path.dropFirst(2))
      stages[index].set(inner[...], to: value)
      displaced(by: inner).map { stages[index].remove($0, from: "training") }
    } else {
      root.set(path[...], to: value)
      displaced(by: path).map { root.remove($0, from: "training") }
      if path.count == 2 {
        for index in stages.indices {
          stages[index].remove(path[1], from: path[0])
          displaced(by: path).map { stages[index].remove($0, from: "training") }
        }
      }
    }
    root.replace("stages", with: .list(stages))
  }
}
