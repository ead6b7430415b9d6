"""Makes Tests/HoneTensorsTests/Fixtures/four-bit/four-bit.safetensors: matrices as bitsandbytes quantises them on a CPU.

    pip install bitsandbytes==0.50.2 torch==2.13.0 safetensors numpy
    python make_four_bit_fixtures.py

For each kind (nf4, fp4): the matrix, its codes as packed bytes, the largest magnitude of each block of 64, the same after double
quantisation, and the numbers decoded from either.
"""

import pathlib

import bitsandbytes.functional as F
import torch
from safetensors.torch import save_file

torch.manual_seed(0)
matrix = torch.randn(48, 192)
matrix *= torch.rand(48, 1) * 3
matrix[5, 7], matrix[9, 64:128] = 40.0, 0.0
tensors = {"matrix": matrix}
for kind in ["nf4", "fp4"]:
    packed, state = F.quantize_4bit(matrix, quant_type=kind, blocksize=64)
    tensors |= {f"{kind}.codes": packed.flatten(), f"{kind}.scales": state.absmax, f"{kind}.numbers": F.dequantize_4bit(packed, state)}
    packed, state = F.quantize_4bit(matrix, quant_type=kind, blocksize=64, compress_statistics=True)
    scales = F.dequantize_blockwise(state.absmax, state.state2) + state.offset
    tensors |= {f"{kind}.double.scales": scales, f"{kind}.double.numbers": F.dequantize_4bit(packed, state)}
tensors["dynamic"] = F.create_dynamic_map()
path = pathlib.Path(__file__).parents[2] / "Tests/HoneTensorsTests/Fixtures/four-bit"
path.mkdir(parents=True, exist_ok=True)
save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, path / "four-bit.safetensors")
