"""Writes Tests/HoneAdaptersTests/Fixtures/base-changes/*.safetensors: diff pruning and BitFit with added biases, in torch.

No library has the two, so here they stand in a few lines by their papers' definitions. The base is tiny-llama-tied of
Tests/HoneModelsTests/Fixtures. Each file holds
  input_ids, labels   I64 [3, 20]; the loss is the mean over labels that are not -100, shifted by one, plus the penalty
  loss                F32 [1]
  logits              F32 [3, 20, vocabulary]
  start.NAME, gradient.NAME   F32, of each trained tensor
Gates are used without noise, as at the time of inference.
"""

import math
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import pathlib

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASE, FOLDER = TESTS / "HoneModelsTests/Fixtures/tiny-llama-tied", TESTS / "HoneAdaptersTests/Fixtures/base-changes"
LOWER, UPPER, WEIGHT = -1.5, 1.5, 1e-5


def gate(a):
    return (torch.sigmoid(a) * (UPPER - LOWER) + LOWER).clamp(0, 1)


def expected_count(a):
    return torch.sigmoid(a - math.log(-LOWER / UPPER)).sum()


def diff_pruning(module, w, a, g):
    module.register_forward_hook(lambda m, x, y: y + x[0] @ (gate(a) * gate(g) * w).T)
    return WEIGHT * expected_count(a) * torch.sigmoid(g - math.log(-LOWER / UPPER)).sum()


def added_bias(module, b):
    module.register_forward_hook(lambda m, x, y: y + b)
    return torch.zeros(())


generator = torch.Generator().manual_seed(6)
ids = torch.randint(3, 272, (3, 20), generator=generator)
labels = torch.where(torch.rand(ids.shape, generator=generator) < 0.7, ids, -100)
FOLDER.mkdir(parents=True, exist_ok=True)
for method in ["diff_pruning", "bitfit"]:
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32, attn_implementation="eager").requires_grad_(False)
    trained, penalty = {}, torch.zeros(())

    def draw(name, shape, scale, shift=0.0):
        trained[name] = (scale * torch.randn(shape, generator=generator) + shift).requires_grad_()
        return trained[name]

    for path, module in model.named_modules():
        name = f"base_model.model.{path}"
        if path.endswith("_proj") and method == "bitfit":
            added_bias(module, draw(f"{name}.bias", module.out_features, 0.1))
        elif path.endswith(("q_proj", "down_proj")):
            shape = module.weight.shape
            penalty = penalty + diff_pruning(
                module, draw(f"{name}.diff_weight", shape, 0.1), draw(f"{name}.diff_gate", shape, 1.0),
                draw(f"{name}.diff_group_gate", 1, 0.0, 0.4))  # fmt: skip
    logits = model(input_ids=ids).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()) + penalty
    loss.backward()
    tensors = {"input_ids": ids, "labels": labels, "loss": loss.detach()[None], "logits": logits.detach().contiguous()}
    tensors |= {f"start.{n}": p.detach() for n, p in trained.items()} | {f"gradient.{n}": p.grad for n, p in trained.items()}
    save_file(tensors, FOLDER / f"{method}.safetensors")
manifest.write(FOLDER, ["torch", "transformers", "safetensors"])
