/// How the numbers of a stored tensor are encoded.
public enum ElementType: String, Sendable, CaseIterable {
  case float32 = "f32"
  case float16 = "f16"
  case bfloat16 = "bf16"
}
