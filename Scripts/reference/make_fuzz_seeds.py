"""Writes Fuzz/Seeds/{gguf,safetensors,json,jinja}: small well-formed inputs for the fuzzer to start from."""

import json
import pathlib

import gguf
import numpy
import torch
from safetensors.torch import save_file

SEEDS = pathlib.Path(__file__).parents[2] / "Fuzz/Seeds"


def folder(name):
    path = SEEDS / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_gguf(path, alignment=None, tensors=(), split=False):
    writer = gguf.GGUFWriter(path, "llama")
    if alignment:
        writer.add_custom_alignment(alignment)
    writer.add_uint8("u8", 1)
    writer.add_int8("i8", -1)
    writer.add_uint16("u16", 2)
    writer.add_int16("i16", -2)
    writer.add_int32("i32", -3)
    writer.add_uint64("u64", 1 << 40)
    writer.add_int64("i64", -(1 << 40))
    writer.add_float32("f32", 0.5)
    writer.add_float64("f64", 0.1)
    writer.add_bool("bool", True)
    writer.add_string("text", "héllo")
    writer.add_array("strings", ["a", "", "ü"])
    writer.add_array("ints", [1, 2, 3])
    writer.add_array("floats", [1.5, 2.5])
    writer.add_array("nested", [[1, 2], [3]])
    if split:
        writer.add_uint16("split.no", 0)
        writer.add_uint16("split.count", 2)
        writer.add_int32("split.tensors.count", 2)
    for name, array, kind in tensors:
        writer.add_tensor(name, array, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


Q = gguf.GGMLQuantizationType
tensors = [
    ("token_embd.weight", numpy.ones((2, 4), numpy.float32), None),
    ("norm.weight", numpy.ones(3, numpy.float16), None),
    ("q.weight", numpy.zeros((2, 20), numpy.uint8), Q.Q4_1),
    ("k.weight", numpy.zeros((1, 144), numpy.uint8), Q.Q4_K),
]
write_gguf(folder("gguf") / "plain.gguf", tensors=tensors)
write_gguf(folder("gguf") / "aligned.gguf", alignment=64, tensors=tensors[:2])
write_gguf(folder("gguf") / "vocabulary.gguf")
write_gguf(folder("gguf") / "split.gguf", tensors=tensors[:1], split=True)

save_file(
    {"a": torch.ones(2, 3), "b": torch.ones(4, dtype=torch.bfloat16), "c": torch.ones(1, dtype=torch.bool), "e": torch.zeros(0, 2)},
    folder("safetensors") / "types.safetensors",
    {"format": "pt"},
)
save_file({"w": torch.ones(1, dtype=torch.complex64), "s": torch.tensor(1)}, folder("safetensors") / "scalar.safetensors")
header = b'{"a":{"dtype":"F4","shape":[2,2],"data_offsets":[0,2]},"b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[2,5]}}'
(folder("safetensors") / "small.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(5))

document = {"model": {"vocab": {"a": 0, "é": 1, "\U0001f600": 2}, "merges": [["a", "b"], "a b"]}, "x": [1, -2.5e-3, True, None, "\n\"\\\u0001"]}
(folder("json") / "escaped.json").write_text(json.dumps(document))
(folder("json") / "plain.json").write_text(json.dumps(document, ensure_ascii=False, indent=2))
(folder("json") / "lines.jsonl").write_text('{"text": "a"}\n\n[1, 2]\r\n3e5\n')
(folder("json") / "surrogates.json").write_text('["\\ud83d\\ude00", "\\ud83d", "\\ude00\\u00e9", 1e308, 123456789012345678901]')
(folder("json") / "keys.json").write_text(json.dumps({str(n): n for n in range(12)}))

# The templates of the language's tests that render, some at a time.
fixture = json.loads((SEEDS.parents[1] / "Tests/HoneTextTests/Fixtures/jinja-language.json").read_text())
for group, rows in fixture["groups"].items():
    sources = [row[0] for row in rows if row[1] is not None and "\0" not in row[0]]
    size = 1 if group == "conversations" else 40
    for first in range(0, len(sources), size):
        name = f"{group.replace(' ', '-')}-{first // size}.jinja"
        (folder("jinja") / name).write_text("\n".join(sources[first : first + size]), newline="")
conversation = {"messages": [{"role": "user", "content": "Hi"}], "tools": [], "bos_token": "<s>", "x": [1.5, {"a": None}]}
loop = "{% for m in messages %}{{ bos_token + m.role }}{{ m|tojson }}{{ x }}{% endfor %}"
(folder("jinja") / "with-conversation.jinja").write_text(loop + "\0" + json.dumps(conversation))
