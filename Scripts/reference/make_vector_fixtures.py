"""Writes Tests/HoneAdaptersTests/Fixtures/peft-vectors/*: what peft computes and saves for (IA)3 and for norm tuning.

The bases are the folders tiny-llama-tied and tiny-llama-untied of Tests/HoneModelsTests/Fixtures. Each folder holds the adapter as peft
saves it, its numbers drawn at random, and `expected.safetensors`:
  input_ids, labels   I64 [3, 20]; the loss is the mean over labels that are not -100, shifted by one
  loss                F32 [1]
  logits              F32 [3, 20, vocabulary]
  gradient.NAME       F32, NAME as in the adapter's file

Then loads what Hone wrote, Tests/HoneAdaptersTests/Fixtures/written-vectors/* (made by running that target's tests with HONE_RECORD=1):
each must load without a missing or unexpected key, give the logits that Hone computed with it, and be saved again with the same keys and
tensors.
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
if os.environ.get("PYTHONHASHSEED") != "0":  # peft writes target_modules in the order of a set
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})

import json
import pathlib
import shutil
import warnings

import torch
from peft import IA3Config, LNTuningConfig, PeftConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASES, FOLDER = TESTS / "HoneModelsTests/Fixtures", TESTS / "HoneAdaptersTests/Fixtures"
VARIANTS = {
    "ia3-defaults": ("tied", IA3Config(task_type="CAUSAL_LM")),
    "ia3-regex": ("untied", IA3Config(target_modules=r".*(q|gate|down)_proj", feedforward_modules=r".*1.*(gate|down)_proj", task_type="CAUSAL_LM")),
    "ia3-all": ("untied", IA3Config(target_modules="all-linear", feedforward_modules=[], exclude_modules=["o_proj"], task_type="CAUSAL_LM")),
    "ia3-saved": ("tied", IA3Config(target_modules=["k_proj", "up_proj"], feedforward_modules=["up_proj"], modules_to_save=["norm"], task_type="CAUSAL_LM")),
    "norms": ("untied", LNTuningConfig(task_type="CAUSAL_LM")),
    "norms-some": ("tied", LNTuningConfig(target_modules=["input_layernorm"], task_type="CAUSAL_LM")),
}  # fmt: skip


def base(name):
    return AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, attn_implementation="eager")


warnings.simplefilter("ignore")
torch.set_num_threads(1)
os.chdir(BASES)  # so that the adapters name their base without a path
generator = torch.Generator().manual_seed(6)
ids = torch.randint(3, 272, (3, 20), generator=generator)
labels = torch.where(torch.rand(ids.shape, generator=generator) < 0.7, ids, -100)
for variant, (name, config) in VARIANTS.items():
    folder = FOLDER / "peft-vectors" / variant
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(12)
    model = get_peft_model(base(f"tiny-llama-{name}"), config).eval()
    trained = {n: p for n, p in sorted(model.named_parameters()) if p.requires_grad}
    with torch.no_grad():
        for parameter in trained.values():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    logits = model(input_ids=ids).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    loss.backward()
    names = {t.data_ptr(): n for n, t in get_peft_model_state_dict(model, save_embedding_layers=False).items()}
    gradients = {f"gradient.{names[p.data_ptr()]}": p.grad for p in trained.values()}
    save_file(
        {"input_ids": ids, "labels": labels, "loss": loss.detach()[None], "logits": logits.detach().contiguous()} | gradients,
        folder / "expected.safetensors",
    )
manifest.write(FOLDER / "peft-vectors", ["torch", "transformers", "peft", "safetensors"])

for folder in sorted((FOLDER / "written-vectors").glob("*/")):
    config = json.loads((folder / "adapter_config.json").read_text())
    model = PeftModel.from_pretrained(base(config["base_model_name_or_path"]), folder)
    stored = load_file(folder / "adapter_model.safetensors")
    fresh = get_peft_model(base(config["base_model_name_or_path"]), PeftConfig.from_pretrained(folder))
    found = set_peft_model_state_dict(fresh, stored)
    missing = [k for k in found.missing_keys if ".default" in k]
    assert not missing and not found.unexpected_keys, (folder, missing, found.unexpected_keys)
    expected = load_file(folder / "expected.safetensors")
    with torch.no_grad():
        error = (model(input_ids=expected["input_ids"]).logits - expected["logits"]).abs().max().item()
    assert error < 1e-5, (folder, error)
    saved = folder.parent / "saved-again"
    model.save_pretrained(saved, selected_adapters=["default"])
    again = load_file(saved / "adapter_model.safetensors")
    assert stored.keys() == again.keys() and all(stored[n].equal(again[n]) for n in stored), folder
    keys = set(json.loads((saved / "adapter_config.json").read_text())) ^ set(config)
    assert not keys, (folder, keys)
    shutil.rmtree(saved)
    print(f"{folder.name}: peft loads what Hone wrote, logits differ by {error:.1e}, and saves the same tensors")
