"""Writes Tests/HoneFormatsTests/Fixtures/reference: what safetensors and Python's json make of known values.

- `types.safetensors`: a tensor of each type that PyTorch has, `T` holding bytes 0, 1, 2, ...; metadata {"format": "pt"}.
- `f32.safetensors`: three f32 tensors whose element i is i / 8, as an adapter would have them.
- `numbers.json`: [hexadecimal bits of a double, repr of it] for edge cases and random doubles.
- `values.json`, `values.*.txt`: one document and what json.dumps makes of it in each style.
"""

import json
import pathlib
import random
import struct

import torch
from safetensors.torch import save_file

import manifest

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/HoneFormatsTests/Fixtures/reference"
FOLDER.mkdir(parents=True, exist_ok=True)

TYPES = (
    "bool uint8 int8 float8_e5m2 float8_e4m3fn float8_e8m0fnu float8_e4m3fnuz float8_e5m2fnuz int16 uint16 float16 bfloat16 "
    "int32 uint32 float32 complex64 float64 int64 uint64"
).split()
tensors = {}
for name in TYPES:
    dtype = getattr(torch, name)
    data = torch.arange(6 * dtype.itemsize, dtype=torch.uint8)
    if name == "bool":
        data %= 2
    tensors[name] = data.view(dtype).reshape(2, 3)
tensors["scalar"] = torch.tensor(1.5)
tensors["empty"] = torch.zeros(0, 4)
save_file(tensors, FOLDER / "types.safetensors", {"format": "pt"})

eighths = lambda *shape: (torch.arange(torch.Size(shape).numel()) / 8).reshape(shape)
save_file(
    {"b.lora_B.weight": eighths(4, 2), "a.lora_A.weight": eighths(2, 5), "é \"quoted\"": eighths(3)},
    FOLDER / "f32.safetensors",
    {"format": "pt"},
)

random.seed(1)
doubles = [0.0, -0.0, 1.0, 0.1, 1e15, 1e16, 1.5e16, 123456789012345680.0, 9007199254740993.0, 1e-4, 1.25e-4, 1e-5, 1.5e-5]
doubles += [1e22, 1e23, 1e100, -1e-100, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1 / 3, 2 / 3, 100.0, 99999.5]
while len(doubles) < 150:
    value = struct.unpack("<d", random.randbytes(8))[0]
    if value - value == 0:
        doubles.append(value)
doubles += [random.uniform(-1, 1) * 10.0 ** random.randint(-8, 20) for _ in range(150)]
rows = [[struct.pack(">d", value).hex(), repr(value)] for value in doubles]
(FOLDER / "numbers.json").write_text(json.dumps(rows, indent=0) + "\n")

document = {
    "b": [1, -2, 2.5, 1e-7, True, None, []],
    "a": {"text": "tab\t line\n quote\" back\\ slash/ bell\a del\x7f é \U0001f600 \u2028", "empty": {}},
    "Z": [[1, [2]], {"x": {"y": []}}],
    "é": 12345678901234,
    "": "",
}
dump = lambda **style: json.dumps(document, ensure_ascii=False, **style)
(FOLDER / "values.json").write_text(json.dumps(document))
(FOLDER / "values.compact.txt").write_text(dump(separators=(",", ":")))
(FOLDER / "values.spaced.txt").write_text(dump())
(FOLDER / "values.spaced.sorted.txt").write_text(dump(sort_keys=True))
(FOLDER / "values.indented.txt").write_text(dump(indent=2))
manifest.write(FOLDER, ["torch", "safetensors"])
