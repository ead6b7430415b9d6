"""Writes Tests/HoneAdaptersTests/Fixtures/adapterhub-peers/*: LoRAs, (IA)³ and prefixes that AdapterHub's adapters package saves.

Needs adapters 1.3.0 and the transformers that it pins (4.57), in a virtual environment of their own. Each folder holds the adapter as the
package saves it, its numbers drawn at random, and `expected.safetensors`:
  input_ids   I64 [3, 20]
  logits      F32 [3, 20, vocabulary]
The package cannot save prefixes as safetensors (blocks share their memory): what stands here is the one tensor that it has, under the
first of its names, which the package loads.

Then loads what Hone wrote, Tests/HoneAdaptersTests/Fixtures/written-adapterhub/* (made by running that target's tests with HONE_RECORD=1):
each must load, its tensors must be those that the package has, and it must give the logits that Hone computed with it.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import json
import pathlib
import shutil
import warnings

import adapters
import torch
from adapters import IA3Config, LoRAConfig, PrefixTuningConfig
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASES, FOLDER = TESTS / "HoneModelsTests/Fixtures", TESTS / "HoneAdaptersTests/Fixtures"
VARIANTS = {
    "lora": ("tied", LoRAConfig(r=3, alpha=6)),
    "lora-all": ("untied", LoRAConfig(r=2, alpha=7, attn_matrices=["q", "k", "v"], intermediate_lora=True, output_lora=True, leave_out=[0])),
    "lora-feed-forward": ("untied", LoRAConfig(r=4, alpha=4, selfattn_lora=False, intermediate_lora=True)),
    "ia3": ("tied", IA3Config()),
    "ia3-all": ("untied", IA3Config(attn_matrices=["q", "k", "v"], output_lora=True, alpha=2)),
    "prefix": ("tied", PrefixTuningConfig(flat=True, prefix_length=5)),
    "prefix-untied": ("untied", PrefixTuningConfig(flat=True, prefix_length=9)),
}  # fmt: skip


def base(name):
    model = AutoModelForCausalLM.from_pretrained(name, attn_implementation="eager")
    adapters.init(model)
    return model


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=ids).logits.contiguous()


warnings.simplefilter("ignore")
torch.set_num_threads(1)
os.chdir(BASES)  # so that the adapters name their base without a path
ids = torch.randint(3, 272, (3, 20), generator=torch.Generator().manual_seed(6))
for variant, (name, config) in VARIANTS.items():
    folder = FOLDER / "adapterhub-peers" / variant
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
    if variant.startswith("prefix"):
        model.save_adapter(str(folder), "pell", with_head=False)
        (folder / "pytorch_adapter.bin").unlink()
        ((tensor, numbers),) = trained.items()
        # The package gives the pool and each block a name for it.
        save_file({"model.prefix_tuning.prefix_tunings.pell.self_prefix.control_trans": numbers.detach()}, folder / "adapter.safetensors")
    else:
        model.save_adapter(str(folder), "pell", with_head=False, use_safetensors=True)
        names = set(load_file(folder / "adapter.safetensors"))
        assert names == set(trained), names ^ set(trained)
    save_file({"input_ids": ids, "logits": logits(model, ids)}, folder / "expected.safetensors")
manifest.write(FOLDER / "adapterhub-peers", ["torch", "transformers", "adapters", "safetensors"])

for folder in sorted((FOLDER / "written-adapterhub").glob("*/")):
    config = json.loads((folder / "adapter_config.json").read_text())
    model = base(config["model_name"])
    name = model.load_adapter(str(folder), use_safetensors=True, set_active=True)
    for tensor, numbers in load_file(folder / "adapter.safetensors").items():
        assert torch.equal(dict(model.named_parameters(remove_duplicate=False))[tensor], numbers), (folder, tensor)
    expected = load_file(folder / "expected.safetensors")
    error = (logits(model, expected["input_ids"]) - expected["logits"]).abs().max().item()
    assert error < 2e-5, (folder, error)
    print(f"{folder.name}: adapters loads what Hone wrote, logits differ by {error:.1e}")
