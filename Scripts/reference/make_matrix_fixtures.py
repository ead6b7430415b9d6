"""Writes Tests/HoneAdaptersTests/Fixtures/peft-matrices/*: what peft computes and saves for DoRA, PiSSA, LoHa, LoKr, VeRA and OFT.

    python make_matrix_fixtures.py [VARIANT ...]        all of them without a name

The bases are the folders tiny-llama-tied and tiny-llama-untied of Tests/HoneModelsTests/Fixtures. Each folder holds the adapter as peft
saves it, its numbers moved from their start at random, and `expected.safetensors`:
  input_ids, labels   I64 [3, 20]; the loss is the mean over labels that are not -100, shifted by one
  loss                F32 [1]
  logits              F32 [3, 20, vocabulary]
  gradient.NAME       F32, NAME as in the adapter's file
  losses              F32 [10], of ten steps of Adam (rate 5e-3) from there

Then loads what Hone wrote with the methods' defaults and examples, Tests/HoneAdaptersTests/Fixtures/written-matrices/* (made by running that target's tests with HONE_RECORD=1):
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
from peft import LoHaConfig, LoKrConfig, LoraConfig, OFTConfig, PeftConfig, PeftModel, VeraConfig, get_peft_model, set_peft_model_state_dict
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASES, FOLDER = TESTS / "HoneModelsTests/Fixtures", TESTS / "HoneAdaptersTests/Fixtures"
SOME = ["q_proj", "down_proj"]
VARIANTS = {
    "dora-defaults": ("untied", LoraConfig(target_modules="all-linear", use_dora=True)),
    "dora-some": ("tied", LoraConfig(r=3, lora_alpha=12, use_rslora=True, use_dora=True, target_modules=SOME, rank_pattern={"down_proj": 2})),
    "dora-head": ("untied", LoraConfig(r=2, use_dora=True, target_modules=r".*(k_proj|lm_head)", modules_to_save=["norm"])),
    "pissa-defaults": ("untied", LoraConfig(target_modules="all-linear", init_lora_weights="pissa")),
    "pissa-some": (
        "tied",
        LoraConfig(r=3, lora_alpha=12, use_rslora=True, init_lora_weights="pissa", target_modules=SOME, rank_pattern={"down_proj": 2}),
    ),
    "loha-defaults": ("untied", LoHaConfig(target_modules="all-linear")),
    "loha-some": ("tied", LoHaConfig(r=2, alpha=6, target_modules=SOME, rank_pattern={"down_proj": 3}, alpha_pattern={"q_proj": 4})),
    "loha-saved": ("tied", LoHaConfig(r=3, target_modules=r".*(k|gate)_proj", modules_to_save=["norm"])),
    "lokr-defaults": ("untied", LoKrConfig(target_modules="all-linear")),
    "lokr-both": ("tied", LoKrConfig(r=2, alpha=6, decompose_both=True, target_modules="all-linear", exclude_modules=["v_proj"])),
    "lokr-factor": ("untied", LoKrConfig(r=2, decompose_factor=4, target_modules=SOME, rank_pattern={"down_proj": 9})),
    "vera-defaults": ("untied", VeraConfig(r=12, target_modules="all-linear")),
    "vera-key": ("tied", VeraConfig(r=8, target_modules=SOME, projection_prng_key=11, save_projection=False, d_initial=0.3)),
    "oft-defaults": ("untied", OFTConfig(target_modules="all-linear")),
    "oft-exact": ("tied", OFTConfig(oft_block_size=8, target_modules=SOME, use_cayley_neumann=False)),
    "oft-shared": ("tied", OFTConfig(r=6, oft_block_size=0, target_modules=SOME, block_share=True, num_cayley_neumann_terms=3)),
}  # fmt: skip


def base(name):
    return AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, attn_implementation="eager")


def take_off_exactly(model, untouched):
    """PiSSA's bases without the principal part in float64: peft's float32 leaves logits that are 8e-5 off."""
    for path, module in model.base_model.model.named_modules():
        if hasattr(module, "lora_A"):
            weight = untouched.get_submodule(path).weight.data.double()
            u, s, v = torch.linalg.svd(weight, full_matrices=False)
            rank = module.r["default"]
            module.base_layer.weight.data = (weight - (u[:, :rank] * s[:rank]) @ v[:rank]).float()


def moved(name, config):
    """The adapter, its trained numbers elsewhere than at the start."""
    torch.manual_seed(12)
    model = get_peft_model(base(f"tiny-llama-{name}"), config).eval()
    if getattr(config, "init_lora_weights", None) == "pissa":
        take_off_exactly(model, base(f"tiny-llama-{name}"))
    trained = {n: p for n, p in sorted(model.named_parameters()) if p.requires_grad}
    with torch.no_grad():
        for parameter in trained.values():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model, trained


def outcome(model, ids, labels):
    logits = model(input_ids=ids).logits
    return logits, torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


warnings.simplefilter("ignore")
torch.set_num_threads(1)
os.chdir(BASES)  # so that the adapters name their base without a path
generator = torch.Generator().manual_seed(6)
ids = torch.randint(3, 272, (3, 20), generator=generator)
labels = torch.where(torch.rand(ids.shape, generator=generator) < 0.7, ids, -100)
for variant, (name, config) in VARIANTS.items():
    if len(sys.argv) > 1 and variant not in sys.argv:
        continue
    folder = FOLDER / "peft-matrices" / variant
    shutil.rmtree(folder, ignore_errors=True)
    config.task_type = "CAUSAL_LM"
    model, trained = moved(name, config)
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    logits, loss = outcome(model, ids, labels)
    loss.backward()
    names = {t.data_ptr(): n for n, t in get_peft_model_state_dict(model, save_embedding_layers=False).items()}
    gradients = {f"gradient.{names[p.data_ptr()]}": p.grad.clone() for p in trained.values()}
    adam, losses = torch.optim.Adam(trained.values(), lr=5e-3), []
    for _ in range(10):
        adam.zero_grad()
        step = outcome(model, ids, labels)[1]
        step.backward()
        adam.step()
        losses.append(step.item())
    assert losses[-1] < losses[0], (variant, losses)
    tensors = {"input_ids": ids, "labels": labels, "loss": loss.detach()[None], "logits": logits.detach().contiguous()}
    save_file(tensors | gradients | {"losses": torch.tensor(losses)}, folder / "expected.safetensors")
    print(f"{variant}: losses {losses[0]:.4f} .. {losses[-1]:.4f}, {len(gradients)} gradients")
manifest.write(FOLDER / "peft-matrices", ["torch", "transformers", "peft", "safetensors"])

for folder in sorted((FOLDER / "written-matrices").glob("*/")):
    config = json.loads((folder / "adapter_config.json").read_text())
    model = PeftModel.from_pretrained(base(config["base_model_name_or_path"]), folder)
    if config.get("init_lora_weights") == "pissa":
        take_off_exactly(model, base(config["base_model_name_or_path"]))
    stored = load_file(folder / "adapter_model.safetensors")
    fresh = get_peft_model(base(config["base_model_name_or_path"]), PeftConfig.from_pretrained(folder))
    found = set_peft_model_state_dict(fresh, dict(stored))
    # Every projection refers to VeRA's random matrices; the file has them once.
    missing = [k for k in found.missing_keys if ".default" in k and ".vera_A." not in k and ".vera_B." not in k]
    assert not missing and not found.unexpected_keys, (folder, missing, found.unexpected_keys)
    expected = load_file(folder / "expected.safetensors")
    with torch.no_grad():
        error = (model(input_ids=expected["input_ids"]).logits - expected["logits"]).abs().max().item()
    assert error < 1e-5 * max(1, expected["logits"].abs().max().item()), (folder, error)
    saved = folder.parent / "saved-again"
    model.save_pretrained(saved, selected_adapters=["default"])
    again = load_file(saved / "adapter_model.safetensors")
    assert stored.keys() == again.keys() and all(stored[n].equal(again[n]) for n in stored), folder
    keys = set(json.loads((saved / "adapter_config.json").read_text())) ^ set(config)
    assert not keys, (folder, keys)
    shutil.rmtree(saved)
    print(f"{folder.name}: peft loads what Hone wrote, logits differ by {error:.1e}, and saves the same tensors")
