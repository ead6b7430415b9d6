"""Writes Tests/HoneAdaptersTests/Fixtures/peft/*: adapters that peft saves, with settings beyond those of make_lora_fixtures.py.

The bases are the folders tiny-llama-tied and tiny-llama-untied of Tests/HoneModelsTests/Fixtures. Each folder holds the adapter as peft
saves it, its numbers drawn at random, and `expected.safetensors`:
  input_ids   I64 [2, 16]
  logits      F32 [2, 16, vocabulary]
The folder's base is the `base_model_name_or_path` of its configuration.

Then loads what Hone wrote into peft: each folder of Tests/HoneAdaptersTests/Fixtures/written (made by running that target's tests with
HONE_RECORD=1) must load without a missing or unexpected key, and give the logits that Hone computed with it.
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
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASES, FOLDER = TESTS / "HoneModelsTests/Fixtures", TESTS / "HoneAdaptersTests/Fixtures"
VARIANTS = {
    "regex": ("tied", dict(target_modules=r".*layers\.1\.(self_attn\.[qk]|mlp\.up)_proj")),
    "exclude": ("untied", dict(target_modules="all-linear", exclude_modules=r".*\.0\..*", init_lora_weights="gaussian")),
    "exclude-names": ("tied", dict(target_modules=["q_proj", "mlp.gate_proj", "down_proj"], exclude_modules=["layers.0.mlp.gate_proj"])),
    "layers": ("tied", dict(target_modules=["q_proj", "down_proj"], layers_to_transform=[1], layers_pattern="layers")),
    "one-layer": ("untied", dict(target_modules=["o_proj"], layers_to_transform=0)),
    "saved-head": ("tied", dict(target_modules=["q_proj"], modules_to_save=["lm_head", "model.norm"])),
    "saved-embedding": ("untied", dict(target_modules=["v_proj"], modules_to_save=["embed_tokens"])),
    "saved-block": ("untied", dict(target_modules="all-linear", modules_to_save=["1.mlp", "layernorm"])),
    "saved-tied": ("tied", dict(target_modules=["o_proj"], modules_to_save=["lm_head"], ensure_weight_tying=True)),
    "embedding-by-regex": ("tied", dict(target_modules=".*(embed_tokens|k_proj)")),
    "embedding-by-path": ("untied", dict(target_modules=["model.embed_tokens", "k_proj"])),
    "patterns": ("untied", dict(target_modules="all-linear", use_rslora=True, rank_pattern={"[qk]_proj": 3}, alpha_pattern={r"^model\.layers\.0\.mlp\.down_proj": 1.5})),
}  # fmt: skip
HALF = {"exclude-names", "saved-embedding"}  # stored in bf16 and f16


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=ids).logits


def base(name, dtype=torch.float32):
    return AutoModelForCausalLM.from_pretrained(name, dtype=dtype, attn_implementation="eager")


warnings.simplefilter("ignore")
torch.set_num_threads(1)
os.chdir(BASES)  # so that the adapters name their base without a path
ids = torch.randint(3, 272, (2, 16), generator=torch.Generator().manual_seed(6))
for variant, (name, settings) in VARIANTS.items():
    folder = FOLDER / "peft" / variant
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(12)
    model = get_peft_model(base(f"tiny-llama-{name}"), LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape))
                if variant in HALF:
                    parameter.copy_(parameter.to(torch.bfloat16))
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    if variant in HALF:
        path = folder / "adapter_model.safetensors"
        kind = torch.bfloat16 if variant == "exclude-names" else torch.float16
        tensors = {n: t.to(kind) for n, t in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    model = PeftModel.from_pretrained(base(f"tiny-llama-{name}"), folder)
    save_file({"input_ids": ids, "logits": logits(model, ids).contiguous()}, folder / "expected.safetensors")
manifest.write(FOLDER / "peft", ["torch", "transformers", "peft", "safetensors"])

for folder in sorted((FOLDER / "written").glob("*/")):
    config = json.loads((folder / "adapter_config.json").read_text())
    model = PeftModel.from_pretrained(base(config["base_model_name_or_path"]), folder)
    stored = load_file(folder / "adapter_model.safetensors")
    fresh = get_peft_model(base(config["base_model_name_or_path"]), PeftConfig.from_pretrained(folder))
    found = set_peft_model_state_dict(fresh, stored)
    # Missing are the base's own tensors; of the adapter's, none may be.
    missing = [k for k in found.missing_keys if ".default" in k]
    assert not missing and not found.unexpected_keys, (folder, missing, found.unexpected_keys)
    expected = load_file(folder / "expected.safetensors")
    error = (logits(model, expected["input_ids"]) - expected["logits"]).abs().max().item()
    assert error < 1e-5, (folder, error)
    saved = folder.parent / "saved-again"
    model.save_pretrained(saved, selected_adapters=["default"])
    again = load_file(saved / "adapter_model.safetensors")
    assert stored.keys() == again.keys() and all(stored[n].equal(again[n]) for n in stored), folder
    keys = set(json.loads((saved / "adapter_config.json").read_text())) ^ set(config)
    assert not keys, (folder, keys)
    shutil.rmtree(saved)
    print(f"{folder.name}: peft loads what Hone wrote, logits differ by {error:.1e}, and saves the same tensors")
