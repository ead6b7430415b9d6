"""Measures LoRA training with peft: SmolLM2-135M-Instruct, rank 16 on all linear layers, 4 rows of 512 random tokens a step, AdamW.

    .venv-peers/bin/python Benchmarks/peers/train.py --folder .venv-peers/models/float32 [--json FILE] [--only NAME ...] [--steps 4]

The ways to run it, each in a process of its own: f32-eager, bf16-eager, f32-compile, bf16-compile (torch.compile of the whole model).
On a CPU without AVX-512-BF16 or AMX, torch's bf16 is many times slower than its f32: choose with --only there.

Prints tokens a second (median of the steps after the first), the first step's seconds (compiling included), and peak memory.
"""

import argparse
import importlib.metadata
import json
import pathlib
import statistics
import sys
import time

from measure import machine, run

WAYS = ["f32-eager", "bf16-eager", "f32-compile", "bf16-compile"]
ROWS, LENGTH = 4, 512


def inside(options):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    number, how = options.inside.split("-")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    dtype = torch.float32 if number == "f32" else torch.bfloat16
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=dtype)
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=names, task_type="CAUSAL_LM"))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4)
    step_of = torch.compile(model) if how == "compile" else model
    seconds, losses = [], []
    for _ in range(options.steps + 1):
        ids = torch.randint(17, 49152, (ROWS, LENGTH))
        start = time.perf_counter()
        loss = step_of(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"first_step_seconds": seconds[0], "samples": [ROWS * LENGTH / s for s in seconds[1:]], "losses": losses}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--inside", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return inside(options)
    results = []
    for way in options.only:
        this = [sys.executable, __file__, "--folder", options.folder, "--threads", options.threads, "--steps", options.steps]
        output, _, memory = run([*this, "--inside", way])
        measured = json.loads(output.splitlines()[-1])
        rate = statistics.median(measured["samples"])
        results.append({"peer": "peft", "compute": way, "what": "lora", "tokens_per_second": round(rate, 2), "bytes": memory} | measured)
        print(f"peft {way:14}{rate:8.1f} tokens/s, first step {measured['first_step_seconds']:.0f} s, {memory / 1e9:.2f} GB", flush=True)
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")}
    if options.json:
        report = {"machine": machine(), "threads": options.threads, "versions": versions, "results": results}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
