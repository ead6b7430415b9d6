import HoneFormats

/// A model's `config.json`, read with types and with errors that name the key.
package struct Configuration {
  package let file: String
  private let json: JSONValue

  package init(_ json: JSONValue, file: String) {
    self.json = json
    self.file = file
  }

  package func has(_ key: String) -> Bool { json[key].map { !$0.isNull } ?? false }

  package func int(_ key: String) throws -> Int? {
    try typed(key, "an integer from 1 to 2^31") {
      $0.integer.flatMap { (1..<1 << 31).contains($0) ? $0 : nil }
    }
  }

  /// An integer of any sign.
  package func integer(_ key: String) throws -> Int? {
    try typed(key, "an integer") { $0.integer }
  }

  package func float(_ key: String) throws -> Float? {
    try typed(key, "a number") { $0.double.map { Float($0) } }
  }

  package func bool(_ key: String) throws -> Bool? { try typed(key, "true or false") { $0.bool } }

  package func string(_ key: String) throws -> String? { try typed(key, "a text") { $0.string } }

  package func strings(_ key: String) throws -> [String]? {
    try typed(key, "a list of texts") { value in
      value.array.flatMap { list in
        let texts = list.compactMap(\.string)
        return texts.count == list.count ? texts : nil
      }
    }
  }

  package func integers(_ key: String) throws -> [Int]? {
    try typed(key, "a list of integers") { value in
      value.array.flatMap { list in
        let numbers = list.compactMap(\.integer)
        return numbers.count == list.count ? numbers : nil
      }
    }
  }

  package func floats(_ key: String) throws -> [Float]? {
    try typed(key, "a list of numbers") { value in
      value.array.flatMap { list in
        let numbers = list.compactMap(\.double)
        return numbers.count == list.count ? numbers.map { Float($0) } : nil
      }
    }
  }

  package func object(_ key: String) throws -> Configuration? {
    guard let value = json[key], !value.isNull else { return nil }
    guard value.object != nil else { throw fault(key, "is not an object") }
    return Configuration(value, file: file)
  }

  package func require<Value>(_ key: String, _ read: (String) throws -> Value?) throws -> Value {
    guard let value = try read(key) else { throw fault(key, "is missing") }
    return value
  }

  package func fault(_ key: String, _ problem: String) -> ModelError {
    ModelError(subject: file, place: "\"\(key)\"", problem: problem)
  }

  private func typed<Value>(_ key: String, _ expected: String, _ read: (JSONValue) -> Value?)
    throws -> Value?
  {
    guard let value = json[key], !value.isNull else { return nil }
    guard let result = read(value) else { throw fault(key, "is not \(expected)") }
    return result
  }
}
