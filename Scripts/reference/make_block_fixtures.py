"""Writes Tests/HoneTensorsTests/Fixtures/blocks/blocks.safetensors: raw blocks of each GGUF type and what they stand for.

For each type T the file holds `T.raw` (U8, [blocks, bytes a block]) and `T.expected` (F32, [blocks, values a block]), the
result of gguf.quants.dequantize, to be met bit for bit. The first blocks are edge cases (all zero bits, all one bits, zero,
negative, largest, smallest normal and subnormal scales); the others are random bits with random finite scales.
"""

import pathlib

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize
from safetensors.numpy import save_file

import manifest

BLOCKS = 24
FOLDER = pathlib.Path(__file__).parents[2] / "Tests/HoneTensorsTests/Fixtures/blocks"
# Where each type's half-precision scales stand in a block, in bytes.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}  # fmt: skip
EDGES = numpy.array([0x3C00, 0x0000, 0x8000, 0xBC00, 0x7BFF, 0xFBFF, 0x0400, 0x0001, 0x8001, 0x03FF, 0x83FF], "<u2")


def finite_halves(random, count):
    bits = random.integers(0, 1 << 16, count, dtype=numpy.uint16)
    infinite = (bits & 0x7C00) == 0x7C00
    bits[infinite] ^= 0x4000
    return bits


def raw_blocks(random, name, size):
    raw = random.integers(0, 256, (BLOCKS, size), dtype=numpy.uint8)
    raw[0:2], raw[2:4], raw[4] = 0x00, 0xFF, 0x0F
    for n, offset in enumerate(SCALES[name]):
        halves = finite_halves(random, BLOCKS)
        # Blocks 0 and 1 differ in their scale only, as do 2 and 3; 5 and later get every edge in turn.
        halves[[0, 1, 2, 3, 4]] = [0x0000, 0x3C00, 0x3C00, 0xB555, 0x3555]
        halves[5 : 5 + len(EDGES)] = numpy.roll(EDGES, n)
        raw[:, offset : offset + 2] = halves.astype("<u2").view(numpy.uint8).reshape(BLOCKS, 2)
    return raw


tensors = {}
for seed, name in enumerate(["F16", "BF16", *SCALES]):
    random = numpy.random.default_rng(seed)
    kind = GGMLQuantizationType[name]
    if name == "F16":
        raw = finite_halves(random, BLOCKS * 32)
        raw[: len(EDGES)] = EDGES
        expected = raw.view(numpy.float16).astype(numpy.float32).reshape(BLOCKS, 32)
        raw = raw.view(numpy.uint8).reshape(BLOCKS, 64)
    elif name == "BF16":
        raw = random.integers(0, 1 << 16, BLOCKS * 32, dtype=numpy.uint16)
        raw[(raw & 0x7F80) == 0x7F80] ^= 0x4000
        raw[:6] = [0x0000, 0x8000, 0x0001, 0x8001, 0x7F7F, 0xFF7F]
        raw = raw.view(numpy.uint8).reshape(BLOCKS, 64)
        expected = dequantize(raw, kind)
    else:
        raw = raw_blocks(random, name, GGML_QUANT_SIZES[kind][1])
        expected = dequantize(raw, kind)
    assert expected.dtype == numpy.float32 and numpy.isfinite(expected).all(), name
    tensors[f"{name}.raw"], tensors[f"{name}.expected"] = raw, numpy.ascontiguousarray(expected)

FOLDER.mkdir(parents=True, exist_ok=True)
save_file(tensors, FOLDER / "blocks.safetensors")
manifest.write(FOLDER, ["gguf", "numpy", "safetensors"], blocks=BLOCKS)
