"""Merges the LoRA of each family's tiny model with `hone merge`, and compares what transformers loads of it with what peft computes.

Usage: check_merged_families.py HONE [FAMILY ...]        HONE: the program; the families are folders of Tests/HoneModelsTests/Fixtures/families
"""

import pathlib
import subprocess
import sys
import tempfile

import experts
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

FAMILIES = pathlib.Path(__file__).parents[2] / "Tests/HoneModelsTests/Fixtures/families"
hone, *names = sys.argv[1:]
ids = torch.tensor([[(n * 37 + 11) % 250 + 3 for n in range(19)]])
failed = []
for folder in sorted(FAMILIES.iterdir()):
    if (names and folder.name not in names) or not (folder / "adapter").is_dir():
        continue
    with tempfile.TemporaryDirectory() as place:
        merged = pathlib.Path(place) / "merged"
        command = [hone, "merge", "--model", folder, "--adapter", folder / "adapter", "--out", merged, "--format", "f32", "--compute", "f32"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            failed.append(folder.name)
            print(f"{folder.name:20} {done.stderr.strip()}")
            continue
        model, loading = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32, output_loading_info=True)
        base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        if base.config.model_type == "qwen2_moe":
            linear = {n: m for n, m in base.named_modules() if isinstance(m, torch.nn.Linear) and n != "lm_head"}
            adapted = experts.fused(base, linear, load_file(folder / "adapter/adapter_model.safetensors"))
        else:
            adapted = PeftModel.from_pretrained(base, folder / "adapter").eval()
        with torch.no_grad():
            one, two = model.eval()(input_ids=ids).logits, adapted(input_ids=ids).logits
        keys = [key for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in loading[kind]]
        error = (one - two).abs().max().item() / two.abs().max().item()
        print(f"{folder.name:20} largest difference {error:.1e} of the largest logit{f', keys {keys}' if keys else ''}")
        if keys or error > 1e-5:
            failed.append(folder.name)
sys.exit(f"differ: {', '.join(failed)}" if failed else 0)
