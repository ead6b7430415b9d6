import HoneFormats
import HoneGeneration

/// The JSON Schema of a recipe, read from its file.
package struct RecordSchema: Sendable {
  /// As it stands in the file.
  package let json: JSONValue
  package let schema: JSONSchema
  /// How many bytes the shortest record has: tokens that must be allowed, a byte a token at worst.
  package let shortestRecord: Int

  /// Reads a schema.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a file that cannot be read or is no JSON,
  ///   ``SynthesisError`` for a schema with what a model cannot be held to.
  package init(path: String) throws {
    json = try JSONParser.parse(contentsOf: MappedFile(path: path))
    do {
      schema = try JSONSchema(json)
      shortestRecord = try ByteAutomaton(schema.grammar()).shortestText
    } catch let error as GenerationError {
      throw SynthesisError(path, problem: error.problem, advice: error.advice)
    }
  }
}
