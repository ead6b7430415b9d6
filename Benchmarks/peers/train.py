"""Measures LoRA training by Hone and by peft: SmolLM2-135M-Instruct, rank 16 on all linear layers, 4 rows of 512 tokens a step,
loss on all tokens, AdamW. Called by measure.py --training.

Hone trains over the Q4_1 GGUF with a recipe, fast and saving; peft trains over the same weights in f32 and bf16, eager and under
torch.compile, each in a process of its own. Where the CPU has no bf16 products, torch's bf16 is slower than its f32 and is left out
unless --bf16 is given. Tokens a second are the median of the steps after the first.
"""

import argparse
import json
import pathlib
import random
import statistics
import sys
import tempfile
import time

ROWS, LENGTH, STEPS = 4, 512, 4

RECIPE = """
model: {model}
method: {{lora: {{rank: 16, alpha: 32, target_modules: all-linear}}}}
data: {{train: text.txt, format: text, train_on: all, truncation: split, max_truncated: 1, max_tokens: {length}, shuffle: false}}
training: {{steps: {steps}, batch_size: {rows}, learning_rate: 2.0e-4, memory: {memory}}}
output: run
"""


def hone(options, memory, model=None):
    """Tokens a second of each step but the first, and the peak memory in bytes; over the Q4_1 GGUF unless `model` is another base."""
    import measure

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        chance = random.Random(0)
        words = [w for w in pathlib.Path(__file__).read_text().split() if w.isalpha()]
        (folder / "text.txt").write_text(" ".join(chance.choice(words) for _ in range(ROWS * LENGTH * (STEPS + 2))))
        model = model or (options.peers / "models/smollm2-135m-q4_1.gguf").resolve()
        sizes = dict(model=model, length=LENGTH, rows=ROWS, steps=STEPS + 1, memory=memory)
        (folder / "recipe.yaml").write_text(RECIPE.format(**sizes))
        _, _, memory = measure.run([options.hone.resolve(), "train", folder / "recipe.yaml", "--threads", options.threads])
        events = [json.loads(line) for line in (folder / "run/events.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["event"] == "step"]
    assert all(step["tokens"] == ROWS * LENGTH for step in steps), steps
    return [step["tokens_per_second"] for step in steps[1:]], memory


def peft(options, way):
    import measure

    number = "float32" if way.startswith("f32") else "bfloat16"
    this = [sys.executable, __file__, "--folder", options.peers / "models" / number, "--threads", options.threads]
    output, _, memory = measure.run([*this, "--inside", way])
    return json.loads(output.splitlines()[-1]), memory


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
    rates = []
    for _ in range(STEPS + 1):
        ids = torch.randint(17, 49152, (ROWS, LENGTH))
        start = time.perf_counter()
        loss = step_of(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()
        rates.append(ROWS * LENGTH / (time.perf_counter() - start))
    print(json.dumps(rates[1:]))


def has_bf16_products():
    flags = pathlib.Path("/proc/cpuinfo").read_text() if pathlib.Path("/proc/cpuinfo").exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def take_turns(what, turns):
    """Results of programs that give tokens a second of their steps and their peak memory, run one after the other."""
    results = []
    for peer, way, run in turns:
        print(f"{what}: {peer} {way}", file=sys.stderr, flush=True)
        samples, memory = run()
        common = {"peer": peer, "compute": way}
        results.append({"what": what, **common, "tokens_per_second": statistics.median(samples), "samples": samples})
        results.append({"what": f"{what}_memory", **common, "bytes": memory})
    return sorted(results, key=lambda r: r["what"])


def measure(options):
    ways = ["f32-eager", "f32-compile"]
    if has_bf16_products() or options.bf16:
        ways += ["bf16-eager", "bf16-compile"]
    else:
        print("torch's bf16 is left out, this CPU has no bf16 products; --bf16 measures it anyway", file=sys.stderr)
    turns = [("hone", "auto", lambda: hone(options, "fast")), ("hone", "saving", lambda: hone(options, "saving"))]
    turns += [("peft", way, lambda way=way: peft(options, way)) for way in ways]
    turns.append(("hone", "auto again", lambda: hone(options, "fast")))
    return take_turns("lora", turns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--inside", required=True)
    inside(parser.parse_args())
