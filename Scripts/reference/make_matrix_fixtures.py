"""Writes Tests/HoneAdaptersTests/Fixtures/peft-matrices/*: what peft computes and saves for DoRA, PiSSA, AdaLoRA, LoHa, LoKr, VeRA and OFT.

    python make_matrix_fixtures.py [VARIANT ...]        all of them without a name

The bases are the folders tiny-llama-tied and tiny-llama-untied of Tests/HoneModelsTests/Fixtures. Each folder holds the adapter as peft
saves it, its numbers moved from their start at random, and `expected.safetensors`:
  input_ids, labels   I64 [3, 20]; the loss is the mean over labels that are not -100, shifted by one
  loss                F32 [1]
  logits              F32 [3, 20, vocabulary]
  gradient.NAME       F32, NAME as in the adapter's file
  losses              F32 [10], of ten steps of Adam (rate 5e-3) from there
  kept.NAME           F32, which of a place's triplets AdaLoRA has left after them
AdaLoRA's losses and gradients are with its regulariser, and its ranks are allotted in the ten steps; of adalora-allotted they were before.

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
import tempfile
import warnings

import torch
from peft import AdaLoraConfig, LoHaConfig, LoKrConfig, LoraConfig, OFTConfig, PeftConfig, PeftModel, VeraConfig, get_peft_model, set_peft_model_state_dict
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
    "adalora-defaults": ("untied", AdaLoraConfig(target_modules="all-linear", tinit=2, tfinal=3, total_step=10)),
    "adalora-some": (
        "tied",
        AdaLoraConfig(
            init_r=6, target_r=2, lora_alpha=12, deltaT=2, beta1=0.7, beta2=0.9, orth_reg_weight=0.2, tfinal=1, total_step=10,
            target_modules=SOME, modules_to_save=["norm"],
        ),
    ),
    "adalora-allotted": ("untied", AdaLoraConfig(init_r=4, target_r=1, total_step=4, target_modules="all-linear")),
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


def moved(variant, name, config):
    """The adapter, its trained numbers elsewhere than at the start."""
    torch.manual_seed(12)
    model = get_peft_model(base(f"tiny-llama-{name}"), config).eval()
    if getattr(config, "init_lora_weights", None) == "pissa":
        take_off_exactly(model, base(f"tiny-llama-{name}"))

    def trained():
        return {n: p for n, p in sorted(model.named_parameters()) if p.requires_grad and p.numel() > 0}

    with torch.no_grad():
        for parameter in trained().values():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    if variant == "adalora-allotted":
        train(model, trained(), config.total_step)
        with tempfile.TemporaryDirectory() as again:
            model.save_pretrained(again)
            model = PeftModel.from_pretrained(base(f"tiny-llama-{name}"), again, is_trainable=True).eval()
        ranks = [sum(pattern) for pattern in model.peft_config["default"].rank_pattern.values()]
        assert min(ranks) == 0 and max(ranks) > 1, ranks
    return model, trained()


def outcome(model, ids, labels):
    if isinstance(model.peft_config["default"], AdaLoraConfig):
        output = model(input_ids=ids, labels=labels)  # peft adds the regulariser to the loss
        return output.logits, output.loss
    logits = model(input_ids=ids).logits
    return logits, torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def train(model, trained, steps, allots=True):
    adam, losses = torch.optim.Adam(trained.values(), lr=5e-3), []
    for step in range(1, steps + 1):
        adam.zero_grad()
        loss = outcome(model, ids, labels)[1]
        loss.backward()
        adam.step()
        if allots and isinstance(model.peft_config["default"], AdaLoraConfig):
            model.base_model.update_and_allocate(step)
        losses.append(loss.item())
    return losses


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
    model, trained = moved(variant, name, config)
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    logits, loss = outcome(model, ids, labels)
    loss.backward()
    names = {t.data_ptr(): n for n, t in get_peft_model_state_dict(model, save_embedding_layers=False).items()}
    gradients = {f"gradient.{names[p.data_ptr()]}": p.grad.clone() for p in trained.values()}
    losses = train(model, trained, 10, allots=variant != "adalora-allotted")
    assert losses[-1] < losses[0], (variant, losses)
    tensors = {"input_ids": ids, "labels": labels, "loss": loss.detach()[None], "logits": logits.detach().contiguous()}
    if isinstance(config, AdaLoraConfig) and variant != "adalora-allotted":
        patterns = model.peft_config["default"].rank_pattern.items()
        tensors |= {f"kept.base_model.model.{n.removesuffix('.lora_E.default')}": torch.tensor(p).float() for n, p in patterns}
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
    # Every projection refers to VeRA's random matrices, which the file has once; AdaLoRA's first rank is in the configuration.
    missing = [k for k in found.missing_keys if ".default" in k and not any(s in k for s in (".vera_A.", ".vera_B.", ".ranknum."))]
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
