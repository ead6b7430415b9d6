"""Writes Tests/HoneTrainingTests/Fixtures/smollm2-lora: what peft and torch compute when SmolLM2-135M-Instruct is trained with LoRA.

    python make_smollm2_lora_fixture.py SMOLLM2.gguf [--full FILE]

The base is the Q4_1 file dequantised to float32, and all is computed in float64: the model's first token has activations of 22,000,
beside which float32 leaves torch's own gradients off by up to 6e-4 (`float32` in manifest.json), more than what is to be shown. Variants are those of `VARIANTS` below; each trains all linear layers on one batch
of two rows of 64 tokens, ten AdamW steps (betas 0.9 and 0.999, epsilon 1e-8, no decay, no clipping, constant learning rate).

The adapter is too large to be kept, so both sides make its start from names: number i of the tensor NAME is
(2 u - 1) bound with u = (mix(hash(NAME) + (i + 1) * 0x9e3779b97f4a7c15) >> 11) / 2^53, where `mix` is SplitMix64's and `hash` is
FNV-1a of 64 bits; the bound of A is 1 / sqrt(inputs), of B 0.02. And of each tensor only its norm and eight projections are kept:
projection j is the sum of the numbers with a minus where bit j of mix(hash("signs NAME") + (i + 1) * 0x9e37...) is clear. The mean square of
eight such projections of a difference estimates the square of its norm, so a difference anywhere in a tensor shows.

expected.safetensors:
  ids                      I32 [2, 64]; the loss is the mean over all tokens but each row's first
  VARIANT.losses           F64 [11], before each of ten steps and after the last
  VARIANT.gradients        F64 [tensors, 9], of the loss before the first step: the norm and the projections of each tensor, in the order
                           of the names in expected.json
  VARIANT.changes          F64 [tensors, 9], of the adapter after the last step, less the one before the first
  VARIANT.norms            F64 [tensors], of the adapter after the last step
`--full FILE` also writes every gradient and the final adapters, to compare in full; too large to be kept.
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import argparse
import json
import pathlib

import numpy
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

import dequantise_folder
import manifest

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/HoneTrainingTests/Fixtures/smollm2-lora"
LEARNING_RATE = 2e-4
TEXTS = [
    "The ferry to the outer islands leaves at seven, and again at noon when the tide allows. Bring small coins for the toll at the pier, "
    "because the woman who keeps the gate has never accepted anything else, and she remembers everyone who argued with her. On the water "
    "it is colder than it looks from the town, even in June.",
    "def moving_average(values, width):\n    total = 0.0\n    result = []\n    for index, value in enumerate(values):\n"
    "        total += value\n        if index >= width:\n            total -= values[index - width]\n"
    "        result.append(total / min(index + 1, width))\n    return result\n\nassert moving_average([1, 2, 3], 2) == [1, 1.5, 2.5]\n",
]  # fmt: skip
VARIANTS = {
    "plain": {},
    "rslora": dict(use_rslora=True),
    "patterns": dict(
        rank_pattern={"q_proj": 4, r"layers\.1\d\.mlp\.down_proj": 24, "model.layers.0.mlp.up_proj": 1},
        alpha_pattern={"k_proj": 8, r".*\.2\d\.mlp\.(gate|up)_proj": 64},
    ),
}
GOLDEN = numpy.uint64(0x9E3779B97F4A7C15)


def fnv(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def bits(name: str, count: int) -> numpy.ndarray:
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(fnv(name)) + numpy.arange(1, count + 1, dtype=numpy.uint64) * GOLDEN
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return x ^ (x >> numpy.uint64(31))


def start(name: str, shape: torch.Size) -> torch.Tensor:
    uniform = (bits(name, shape.numel()) >> numpy.uint64(11)).astype(numpy.float64) / 2.0**53
    bound = 1 / numpy.sqrt(float(shape[1])) if "lora_A" in name else 0.02
    return torch.from_numpy(((2 * uniform - 1) * bound).astype(numpy.float32)).view(shape)


def summary(name: str, tensor: torch.Tensor) -> list[float]:
    numbers = tensor.detach().double().flatten().numpy()
    words = bits(f"signs {name}", numbers.size)
    signs = [numpy.where(words >> numpy.uint64(j) & numpy.uint64(1), 1.0, -1.0) for j in range(8)]
    return [float(numpy.linalg.norm(numbers))] + [float(numbers @ s) for s in signs]


def exact_attention(module, query, key, value, mask, scaling, **_):
    """Eager attention without transformers' float32 softmax in the middle."""
    key, value = (t.repeat_interleave(module.num_key_value_groups, 1) for t in (key, value))
    rows, columns = query.shape[2], key.shape[2]
    mask = torch.full((rows, columns), -torch.inf, dtype=query.dtype).triu(1 + columns - rows)
    scores = query @ key.transpose(2, 3) * scaling + mask
    return (scores.softmax(-1) @ value).transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS["exact"] = exact_attention


def compute_exactly(model):
    """No float32 in the middle of float64."""
    model.get_base_model().set_attn_implementation("exact")
    for module in model.modules():
        if type(module).__name__ == "LlamaRMSNorm":
            module.forward = lambda x, m=module: m.weight * x * (x.square().mean(-1, True) + m.variance_epsilon).rsqrt()


def batch(gguf):
    tokenizer = dequantise_folder.tokenizer(gguf)
    ids = torch.tensor([tokenizer(text)["input_ids"][:64] for text in TEXTS])
    assert ids.shape == (2, 64)
    return ids


def adapted(gguf, settings, dtype):
    """The model with its adapter, and what is trained by its name in the adapter's file."""
    model = dequantise_folder.model(gguf, torch.float32)
    config = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, task_type="CAUSAL_LM", target_modules="all-linear", **settings)
    model = get_peft_model(model, config).to(dtype)
    if dtype == torch.float64:
        compute_exactly(model)
    trained = {n.replace(".default", ""): p for n, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(start(name, parameter.shape))
    return model, trained


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gguf", type=pathlib.Path)
    parser.add_argument("--full", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(2)
    ids = batch(options.gguf)

    def loss_of(model):
        logits = model(input_ids=ids).logits
        return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())

    tensors, names, full, noise = {"ids": ids.int()}, {}, {}, {}
    for variant, settings in VARIANTS.items():
        model, trained = adapted(options.gguf, settings, torch.float32)
        loss_of(model).backward()
        rounded = {n: p.grad for n, p in trained.items()}
        model, trained = adapted(options.gguf, settings, torch.float64)
        first = {n: p.detach().clone() for n, p in trained.items()}
        names[variant] = {n: list(p.shape) for n, p in trained.items()}
        optimizer = torch.optim.AdamW(trained.values(), lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
        losses = []
        for step in range(10):
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            if step == 0:
                tensors[f"{variant}.gradients"] = torch.tensor([summary(n, p.grad) for n, p in trained.items()], dtype=torch.float64)
                errors = {n: ((rounded[n] - p.grad).norm() / p.grad.norm()).item() for n, p in trained.items()}
                noise[variant] = dict(largest=max(errors.values()), median=sorted(errors.values())[len(errors) // 2])
                full |= {f"{variant}.gradient.{n}": p.grad.float() for n, p in trained.items()}
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            losses.append(loss_of(model).item())
        tensors[f"{variant}.losses"] = torch.tensor(losses, dtype=torch.float64)
        tensors[f"{variant}.changes"] = torch.tensor([summary(n, p.detach() - first[n]) for n, p in trained.items()], dtype=torch.float64)
        tensors[f"{variant}.norms"] = torch.tensor([p.detach().double().norm().item() for p in trained.values()], dtype=torch.float64)
        full |= {f"{variant}.final.{n}": p.detach().float() for n, p in trained.items()}
        print(f"{variant}: {len(trained)} tensors, losses {' '.join(f'{x:.4f}' for x in losses)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_file(tensors, FOLDER / "expected.safetensors")
    said = {"learning_rate": LEARNING_RATE, "rank": 16, "alpha": 32}
    said["variants"] = {v: {"settings": VARIANTS[v], "tensors": list(names[v])} for v in VARIANTS}
    (FOLDER / "expected.json").write_text(json.dumps(said, indent=1) + "\n")
    (FOLDER / "expected.safetensors").chmod(0o644)
    manifest.write(FOLDER, ["torch", "transformers", "peft", "gguf", "numpy", "safetensors"], float32=noise)
    if options.full:
        save_file({n: t.contiguous() for n, t in full.items()}, options.full)


if __name__ == "__main__":
    main()
