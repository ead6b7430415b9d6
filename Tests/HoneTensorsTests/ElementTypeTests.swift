import HoneTensors
import Testing

@Suite struct ElementTypeTests {
  @Test func `names are the field's`() {
    #expect(ElementType.allCases.map(\.rawValue) == ["f32", "f16", "bf16"])
  }
}
