"""Checks that peft loads an adapter that `hone train` wrote, and that it computes with it what Hone does.

    python check_adapter.py MODEL.gguf ADAPTER [--hone .build/release/hone]

Prints the largest difference of a token's log-probability, which is its logit less the logarithm of the sum of all, over a few texts.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import torch
from peft import PeftModel

import dequantise_folder

TEXTS = [
    "The capital of France is Paris, and that of Peru is Lima.",
    "for i in range(10):\n    print(i * 2024)\n",
    "<|im_start|>user\nWho runs Bookings?<|im_end|>\n<|im_start|>assistant\nOda Ferring runs Bookings.<|im_end|>\n",
]

arguments = argparse.ArgumentParser()
arguments.add_argument("gguf", type=pathlib.Path)
arguments.add_argument("adapter")
arguments.add_argument("--hone", default=".build/release/hone")
arguments = arguments.parse_args()
model = PeftModel.from_pretrained(dequantise_folder.model(arguments.gguf, torch.float32), arguments.adapter)
worst = moved = 0.0
for text in TEXTS:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        command = [arguments.hone, "score", "--model", arguments.gguf, "--adapter", arguments.adapter, "--file", file.name]
        said = json.loads(subprocess.run([*command, "--json", "--compute", "f32"], capture_output=True, check=True).stdout)
    ids = torch.tensor([said["ids"]])
    with torch.no_grad():
        theirs = model(input_ids=ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        with model.disable_adapter():
            base = model(input_ids=ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    worst = max(worst, (theirs - torch.tensor(said["logprobs"])).abs().max().item())
    moved = max(moved, (theirs - base).abs().max().item())
print(f"log-probabilities differ by {worst:.2g} at most; the adapter moves them by up to {moved:.2g}")
assert worst < 1e-3 < moved
