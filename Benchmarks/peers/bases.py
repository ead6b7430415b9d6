"""Trains LoRA as train.py does over one model that is kept in several ways, in turn, and prints tokens a second beside bf16's.

    python bases.py --bf16 FOLDER [--gguf FILE] [--hone PROGRAM] [--threads 2] [--rounds 3]

FOLDER is the model in Hugging Face layout in bf16: it is trained over as it is, and quantised to nf4, fp4 and int8 while it is loaded.
FILE is the same model quantised already. setup makes both of SmolLM2, Scripts/reference/dequantise_folder.py the folder of another file.
Figures are medians over the steps after the first of all rounds. Only Python's own library is needed.
"""

import argparse
import pathlib
import statistics
import sys

import train


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bf16", type=pathlib.Path, required=True)
    parser.add_argument("--gguf", type=pathlib.Path)
    parser.add_argument("--hone", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / ".build/release/hone")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    folder = options.bf16.resolve()
    bases = {"bf16": folder}
    bases |= {weights: f"{{path: {folder}, weights: {weights}}}" for weights in ("nf4", "fp4", "int8")}
    if options.gguf:
        bases[options.gguf.name] = options.gguf.resolve()
    samples = {name: [] for name in bases}
    for turn in range(options.rounds):
        for name, model in bases.items():
            print(f"round {turn + 1} of {options.rounds}: {name}", file=sys.stderr, flush=True)
            samples[name] += train.hone(options, "fast", model)[0]
    medians = {name: statistics.median(rates) for name, rates in samples.items()}
    for name, rate in medians.items():
        print(f"{name:36} {rate:7.0f} tokens/s  {100 * rate / medians['bf16']:4.0f} % of bf16")


if __name__ == "__main__":
    main()
