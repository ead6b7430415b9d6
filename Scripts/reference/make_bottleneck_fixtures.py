"""Writes Tests/HoneAdaptersTests/Fixtures/adapterhub/*: bottleneck adapters that AdapterHub's adapters package saves.

Needs adapters 1.3.0 and the transformers that it pins (4.57), in a virtual environment of their own. The bases are the folders
tiny-llama-tied and tiny-llama-untied of Tests/HoneModelsTests/Fixtures. Each folder holds the adapter as the package saves it, its
numbers drawn at random, and `expected.safetensors`:
  input_ids, labels   I64 [3, 20]; the loss is the mean over labels that are not -100, shifted by one
  loss                F32 [1]
  logits              F32 [3, 20, vocabulary]
  gradient.NAME       F32, NAME as in the adapter's file

Then loads what Hone wrote, Tests/HoneAdaptersTests/Fixtures/written-bottleneck/* (made by running that target's tests with
HONE_RECORD=1): each must load without a missing or unexpected tensor, give the logits that Hone computed with it, and be saved again as
it was.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import json
import pathlib
import shutil
import warnings

import adapters
import torch
from adapters import BnConfig, DoubleSeqBnConfig, ParBnConfig, SeqBnConfig
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASES, FOLDER = TESTS / "HoneModelsTests/Fixtures", TESTS / "HoneAdaptersTests/Fixtures"
VARIANTS = {
    "sequential": ("tied", SeqBnConfig()),
    "double": ("untied", DoubleSeqBnConfig()),
    "parallel": ("tied", ParBnConfig(reduction_factor=8)),
    "learned": ("untied", ParBnConfig(scaling="learned", reduction_factor=6.5, non_linearity="gelu")),
    "channel": ("tied", DoubleSeqBnConfig(scaling="channel", leave_out=[0], non_linearity="gelu_new")),
    "both": ("untied", BnConfig(mh_adapter=True, output_adapter=True, reduction_factor={"1": 32, "default": 8},
        non_linearity="relu", original_ln_before=True, init_weights="mam_adapter", scaling=0.5)),
    "attention": ("tied", BnConfig(mh_adapter=True, output_adapter=False, reduction_factor=16, non_linearity="swish", is_parallel=True)),
}  # fmt: skip


def base(name):
    model = AutoModelForCausalLM.from_pretrained(name, attn_implementation="eager")
    adapters.init(model)
    return model


def run(model, ids, labels):
    logits = model(input_ids=ids).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()), logits


warnings.simplefilter("ignore")
torch.set_num_threads(1)
os.chdir(BASES)  # so that the adapters name their base without a path
generator = torch.Generator().manual_seed(6)
ids = torch.randint(3, 272, (3, 20), generator=generator)
labels = torch.where(torch.rand(ids.shape, generator=generator) < 0.7, ids, -100)
for variant, (name, config) in VARIANTS.items():
    folder = FOLDER / "adapterhub" / variant
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(12)
    model = base(f"tiny-llama-{name}")
    model.add_adapter("pell", config=config)
    model.train_adapter("pell")
    model.eval()
    trained = {n: p for n, p in sorted(model.named_parameters()) if p.requires_grad}
    with torch.no_grad():
        for parameter in trained.values():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    model.save_adapter(str(folder), "pell", with_head=False, use_safetensors=True)
    names = set(load_file(folder / "adapter.safetensors"))
    assert names == set(trained), (names ^ set(trained))
    loss, logits = run(model, ids, labels)
    loss.backward()
    gradients = {f"gradient.{n}": p.grad for n, p in trained.items()}
    save_file(
        {"input_ids": ids, "labels": labels, "loss": loss.detach()[None], "logits": logits.detach().contiguous()} | gradients,
        folder / "expected.safetensors",
    )
manifest.write(FOLDER / "adapterhub", ["torch", "transformers", "adapters", "safetensors"])

for folder in sorted((FOLDER / "written-bottleneck").glob("*/")):
    config = json.loads((folder / "adapter_config.json").read_text())
    model = base(config["model_name"])
    name = model.load_adapter(str(folder), use_safetensors=True, set_active=True)
    expected = load_file(folder / "expected.safetensors")
    with torch.no_grad():
        error = (model(input_ids=expected["input_ids"]).logits - expected["logits"]).abs().max().item()
    assert error < 1e-5, (folder, error)
    saved = folder.parent / "saved-again"
    model.save_adapter(str(saved), name, with_head=False, use_safetensors=True)
    for file in ["adapter_config.json", "adapter.safetensors"]:
        assert (saved / file).read_bytes() == (folder / file).read_bytes(), (folder, file)
    shutil.rmtree(saved)
    print(f"{folder.name}: adapters loads what Hone wrote, logits differ by {error:.1e}, and saves the same bytes")
