"""Writes Tests/HoneAdaptersTests/Fixtures/combining/*: LoRAs of tiny-llama-tied and what peft's add_weighted_adapter makes of them.

  a, b, c       LoRAs with random numbers: rank 4, and rank 2 for c; other targets, alphas and scalings
  d, e          rank 3, on the embedding and the head
  CASE          the combined adapter as peft saves it; manifest.json has its adapters, weights and settings

Then loads what Hone wrote, Tests/HoneAdaptersTests/Fixtures/written-combining/* (made by running that target's tests with
HONE_RECORD=1): each must load without a missing or unexpected key, and give the logits that Hone computed with it.
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
if os.environ.get("PYTHONHASHSEED") != "0":  # peft writes target_modules in the order of a set
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})

import pathlib
import shutil
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASES, FOLDER = TESTS / "HoneModelsTests/Fixtures", TESTS / "HoneAdaptersTests/Fixtures/combining"
WRITTEN = FOLDER.parent / "written-combining"
ADAPTERS = {
    "a": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"]),
    "b": dict(r=4, lora_alpha=4, target_modules=["q_proj", "k_proj", "down_proj"], alpha_pattern={"down_proj": 12}),
    "c": dict(r=2, lora_alpha=3, target_modules=["v_proj", "down_proj"], use_rslora=True),
    "d": dict(r=3, lora_alpha=6, target_modules=["embed_tokens", "lm_head"]),
    "e": dict(r=3, lora_alpha=3, target_modules=["embed_tokens", "o_proj"]),
}
AB = (["a", "b"], [0.7, 0.3])
CASES = {
    "linear": (*AB, dict(combination_type="linear")),
    "linear-negative": (["a", "b"], [1.5, -0.5], dict(combination_type="linear")),
    "cat": (["a", "b", "c"], [0.7, 0.3, -2.0], dict(combination_type="cat")),
    "svd": (["a", "c", "b"], [0.7, 1.25, 0.3], dict(combination_type="svd")),
    "svd-rank": (["a", "b"], [1.0, -1.0], dict(combination_type="svd", svd_rank=2)),
    "ties": (*AB, dict(combination_type="ties", density=0.5)),
    "ties-frequency": (
        ["a", "b", "a2"],
        [0.7, 0.3, 0.4],
        dict(combination_type="ties", density=0.37, majority_sign_method="frequency"),
    ),
    "dare-ties-whole": (["a", "b", "a2"], [0.7, 0.3, -0.4], dict(combination_type="dare_ties", density=1.0)),
    "dare-linear-whole": (*AB, dict(combination_type="dare_linear", density=1.0)),
    "magnitude": (*AB, dict(combination_type="magnitude_prune", density=0.2)),
    "ends-svd": (["d", "e"], [0.5, 0.8], dict(combination_type="svd", svd_rank=4)),
    "ends-ties": (["d", "e"], [0.5, 0.8], dict(combination_type="ties", density=0.6)),
}
ADAPTERS["a2"] = dict(ADAPTERS["a"], lora_alpha=5)


def base():
    return AutoModelForCausalLM.from_pretrained("tiny-llama-tied", attn_implementation="eager")


warnings.simplefilter("ignore")
torch.set_num_threads(1)
os.chdir(BASES)  # so that the adapters name their base without a path
shutil.rmtree(FOLDER, ignore_errors=True)
listed = {}
for number, (name, settings) in enumerate(ADAPTERS.items()):
    model = get_peft_model(base(), LoraConfig(task_type="CAUSAL_LM", **settings))
    torch.manual_seed(20 + number)
    with torch.no_grad():
        for parameter in (p for p in model.parameters() if p.requires_grad):
            parameter.copy_(0.1 * torch.randn(parameter.shape))
    model.save_pretrained(FOLDER / name, save_embedding_layers=False)
    (FOLDER / name / "README.md").unlink()
for case, (adapters, weights, settings) in CASES.items():
    model = PeftModel.from_pretrained(base(), FOLDER / adapters[0], adapter_name=adapters[0])
    for name in adapters[1:]:
        model.load_adapter(FOLDER / name, adapter_name=name)
    model.add_weighted_adapter(adapters, weights, "combined", **settings)
    model.save_pretrained(FOLDER / ".all", selected_adapters=["combined"], save_embedding_layers=False)
    shutil.move(FOLDER / ".all/combined", FOLDER / case)
    shutil.rmtree(FOLDER / ".all")
    listed[case] = {"adapters": adapters, "weights": weights, "settings": settings}
manifest.write(FOLDER, ["torch", "peft", "transformers", "safetensors"], cases=listed)

for folder in sorted(WRITTEN.glob("*/adapter_config.json")):
    model = base()
    model = PeftModel.from_pretrained(model, folder.parent)
    found = {n for n in load_file(folder.parent / "adapter_model.safetensors") if "lora_" in n}
    names = {n.replace(".default", "") for n, p in model.named_parameters() if "lora_" in n}
    assert found == names, (folder, found ^ names)
    expected = load_file(folder.parent / "expected.safetensors")
    with torch.no_grad():
        logits = model(input_ids=expected["input_ids"]).logits
    difference = (logits - expected["logits"]).abs().max().item()
    assert difference < 1e-4, (folder, difference)
    print(folder.parent.name, "loads; logits differ by", difference)
