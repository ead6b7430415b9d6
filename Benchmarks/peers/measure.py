"""Measures Hone, llama.cpp and transformers in turn on SmolLM2-135M-Instruct: --threads threads, medians of --rounds.

  prefill      512 tokens at once                         tokens a second
  decode       64 tokens one by one, one row              tokens a second
  decode_8     64 tokens one by one, eight rows together  tokens a second, all rows counted
  first_token  from starting the program to its first token, with the files cached
  memory       peak resident bytes of the program while it generates 64 tokens
  lora         training (--training), see train.py       tokens a second
  dpo          preferences (--preferences), preferences.py  tokens a second

Each round runs every program once, so that all meet the machine in the same states. Last comes a table of Hone over the others.
llama.cpp runs the Q4_1 GGUF (llama-bench, llama-batched-bench, llama-simple). transformers runs `generate` on Hugging Face folders
of the same weights in bf16 and f32, and its first token also straight from the GGUF, as it comes.

--json FILE writes {"machine": {...}, "threads": n, "versions": {...}, "results": [{"peer", "compute", "what", and one of
"tokens_per_second", "seconds", "bytes"; "samples" where there are several}]}.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import preferences
import train

PROMPT = "The capital of France is"


def machine():
    model = platform.processor()
    if pathlib.Path("/proc/cpuinfo").exists():
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        facts = dict(line.split(":", 1) for line in lines if ":" in line)
        facts = {key.strip(): value.strip() for key, value in facts.items()}
        model = facts.get("model name", model)
        flags = facts.get("flags", "").split()
        model += ", " + " ".join(f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags)
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.platform()}


def run(command):
    """The program's output, how long it ran and its peak memory."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=errors, text=True)
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = status
        if status:
            errors.seek(0)
            sys.exit(f"{command[0]} failed:\n{errors.read()[-2000:]}")
    return output, seconds, usage.ru_maxrss * (1 if platform.system() == "Darwin" else 1024)


def hone(options):
    model = ["--model", options.peers / "models/smollm2-135m-q4_1.gguf", "--threads", options.threads]
    names = {"prefill of 512": "prefill", "decode": "decode", "decode of 8 together": "decode_8"}
    rates = json.loads(run([options.hone, "bench", *model, "--only", "model", "--json"])[0])
    for result in rates["model_speed"]:
        if result["name"] in names:
            yield "auto", names[result["name"]], result["value"]
    yield "auto", "first_token", run([options.hone, "generate", *model, "--prompt", PROMPT, "--max-tokens", 1])[1]
    yield "auto", "memory", run([options.hone, "generate", *model, "--prompt", PROMPT, "--max-tokens", 64])[2]


def llama_cpp(options):
    bin, gguf, n = options.peers / "llama.cpp/build/bin", options.peers / "models/smollm2-135m-q4_1.gguf", options.threads
    output, _, memory = run([bin / "llama-bench", "-m", gguf, "-t", n, "-p", 512, "-n", 64, "-r", 1, "-o", "json"])
    for test in json.loads(output):
        yield "q4_1", "prefill" if test["n_prompt"] else "decode", test["avg_ts"]
    sizes = ["-npp", 16, "-ntg", 64, "-npl", 8, "-c", 1024, "--output-format", "jsonl"]
    output = run([bin / "llama-batched-bench", "-m", gguf, "-t", n, "-tb", n, *sizes])[0]
    line = next(line for line in output.splitlines() if line.startswith("{"))
    yield "q4_1", "decode_8", json.loads(line)["speed_tg"]
    yield "q4_1", "memory", memory
    yield "q4_1", "first_token", run([bin / "llama-simple", "-m", gguf, "-n", 1, PROMPT])[1]


def transformers(options):
    this = [sys.executable, __file__, "--peers", options.peers, "--threads", options.threads]
    for compute, folder in [("bf16", "bfloat16"), ("f32", "float32")]:
        folder = options.peers / "models" / folder
        output, _, memory = run([*this, "--inside", "rates", "--folder", folder])
        for what, rate in json.loads(output).items():
            yield compute, what, rate
        yield compute, "memory", memory
        yield compute, "first_token", run([*this, "--inside", "first", "--folder", folder])[1]


def inside(options):
    """What the child processes do with transformers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(options.threads)
    where = dict(pretrained_model_name_or_path=options.folder)
    if options.folder.suffix == ".gguf":
        where = dict(pretrained_model_name_or_path=options.folder.parent, gguf_file=options.folder.name)
    model = AutoModelForCausalLM.from_pretrained(**where, dtype="auto").eval()

    def generate(ids, count):
        start = time.perf_counter()
        model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, min_new_tokens=count, do_sample=False
        )
        return time.perf_counter() - start

    if options.inside == "first":
        tokenizer = AutoTokenizer.from_pretrained(**where)
        ids = torch.tensor([tokenizer(PROMPT)["input_ids"]])
        generate(ids, 1)
        return
    torch.manual_seed(0)
    long, short = torch.randint(17, 49152, (1, 512)), torch.randint(17, 49152, (8, 16))
    generate(long, 1)
    rates = {"prefill": 512 / generate(long, 1)}
    rates["decode"] = 64 / (generate(short[:1], 65) - generate(short[:1], 1))
    rates["decode_8"] = 8 * 64 / (generate(short, 65) - generate(short, 1))
    print(json.dumps(rates))


def show(results):
    """What everybody did, and Hone's part of it: rates as Hone over the other, seconds and bytes the other over Hone."""
    own = {r["what"]: r for r in results if r["peer"] == "hone"}
    for r in results:
        if "tokens_per_second" in r:
            shown = f"{r['tokens_per_second']:9.1f} tokens/s"
            ratio = own[r["what"]]["tokens_per_second"] / r["tokens_per_second"] if r["what"] in own else None
        else:
            unit, factor, name = ("seconds", 1, "s") if "seconds" in r else ("bytes", 1e-6, "MB")
            shown = f"{r[unit] * factor:9.{2 if unit == 'seconds' else 0}f} {name:8}"
            ratio = r[unit] / own[r["what"]][unit] if r["what"] in own else None
        gain = "" if ratio is None or r["peer"] == "hone" else f"   Hone {ratio:.2f} x"
        print(f"{r['what']:12} {r['peer']:13} {r['compute']:13} {shown}{gain}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=pathlib.Path, required=True, help="the folder made by setup")
    parser.add_argument("--hone", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / ".build/release/hone")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pin", action="store_true", help="keep to as many CPUs as threads (on a machine that does nothing else)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--training", action="store_true", help="measure training too: some minutes more")
    parser.add_argument("--preferences", action="store_true", help="measure preference tuning too: some minutes more")
    parser.add_argument("--bf16", action="store_true", help="measure torch in bf16 where the CPU has no products for it too")
    parser.add_argument("--only", nargs="+", choices=["hone", "llama.cpp", "transformers"], default=["hone", "llama.cpp", "transformers"])
    parser.add_argument("--inside", choices=["rates", "first"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return inside(options)
    before = os.getloadavg()[0]
    if options.pin and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads :])

    samples = {}
    for turn in range(options.rounds):
        for peer, measure in {"hone": hone, "llama.cpp": llama_cpp, "transformers": transformers}.items():
            if peer in options.only:
                print(f"round {turn + 1} of {options.rounds}: {peer}", file=sys.stderr, flush=True)
                for compute, what, sample in measure(options):
                    samples.setdefault((what, peer, compute), []).append(sample)
    units = {"memory": "bytes", "first_token": "seconds"}
    results = [
        {"what": what, "peer": peer, "compute": compute, units.get(what, "tokens_per_second"): statistics.median(all), "samples": all}
        for (what, peer, compute), all in samples.items()
    ]
    results.sort(key=lambda r: ["prefill", "decode", "decode_8", "first_token", "memory"].index(r["what"]))
    if options.training:
        results += train.measure(options)
    if options.preferences:
        results += preferences.measure(options)
    show(results)
    if options.json:
        versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft", "trl")}
        versions["llama-cpp-python"] = next((options.peers / "llama.cpp").glob("llama_cpp_python-*.tar.gz")).name[17:-7]
        load = {"load_average": [round(before, 2), round(os.getloadavg()[0], 2)]}
        report = {"machine": machine() | load, "threads": options.threads, "versions": versions, "results": results}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
