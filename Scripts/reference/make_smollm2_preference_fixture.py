"""Writes Tests/HoneTrainingTests/Fixtures/smollm2-preference/expected.json: ten DPO steps of SmolLM2-135M-Instruct as TRL computes them.

    python make_smollm2_preference_fixture.py SMOLLM2.gguf

The base, the LoRA, its start and the float64 are those of make_smollm2_lora_fixture.py, variant `plain`; the reference is the base. The
batch are the first four held-out pairs of Examples/pellgarth-voice as TRL's tokenisation gives them. The loss (`sigmoid`, beta 0.1) and
the metrics are those of `DPOTrainer._compute_loss` itself.

  pairs           objects of prompt, chosen, rejected: tokens
  learning_rate   of AdamW, constant, without decay and clipping
  losses, rewards/chosen, rewards/rejected, logps/chosen, logps/rejected   before each of ten steps and after the last
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import json
import pathlib

import torch

import dequantise_folder
import make_preference_fixtures as preferences
import make_smollm2_lora_fixture as lora
import manifest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "Tests/HoneTrainingTests/Fixtures/smollm2-preference"
RATE = 1e-4
NAMES = ["rewards/chosen", "rewards/rejected", "logps/chosen", "logps/rejected"]


def tokens(tokenizer):
    """As DPOTrainer's tokenisation of conversational pairs."""
    lines = (ROOT / "Examples/pellgarth-voice/valid.jsonl").read_text().splitlines()[:4]
    for row in map(json.loads, lines):
        render = lambda messages, **more: tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **more)
        prompt = render(row["prompt"], add_generation_prompt=True)
        whole = [render(row["prompt"] + row[side]) for side in ("chosen", "rejected")]
        assert all(ids[: len(prompt)] == prompt for ids in whole)
        yield dict(prompt=prompt, chosen=whole[0][len(prompt) :], rejected=whole[1][len(prompt) :])


def main():
    torch.set_num_threads(2)
    gguf = pathlib.Path(sys.argv[1])
    pairs = list(tokens(dequantise_folder.tokenizer(gguf)))
    items = [(p["prompt"], p[side]) for side in ("chosen", "rejected") for p in pairs]
    length = max(len(p) + len(a) for p, a in items)
    pad = lambda parts: torch.tensor([part + [0] * (length - len(part)) for part in parts])
    ids = pad([p + a for p, a in items])
    mask = pad([[0] * len(p) + [1] * len(a) for p, a in items])
    attention = pad([[1] * (len(p) + len(a)) for p, a in items])
    model, trained = lora.adapted(gguf, {}, torch.float64)

    def call(input_ids, attention_mask, labels, **_):
        return preferences.statistics(model(input_ids=input_ids, attention_mask=attention_mask).logits, labels)

    with torch.no_grad(), model.disable_adapter():
        reference = call(ids, attention, ids.masked_fill(mask == 0, -100)).log_probs.sum(-1)
    inputs = dict(input_ids=ids, attention_mask=attention, completion_mask=mask, ref_chosen_logps=reference[:4], ref_rejected_logps=reference[4:])
    optimizer = torch.optim.AdamW(trained.values(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    said = dict(pairs=pairs, learning_rate=RATE, losses=[]) | {name: [] for name in NAMES}
    for step in range(11):
        own = preferences.trainer()
        loss = preferences.DPOTrainer._compute_loss(own, call, inputs, False)
        said["losses"].append(loss.item())
        for name in NAMES:
            said[name].append(float(own._metrics["train"][name][0]))
        print(step, {k: v[-1] for k, v in said.items() if isinstance(v, list) and k != "pairs"}, flush=True)
        if step < 10:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "expected.json").write_text(json.dumps(said) + "\n")
    manifest.write(FOLDER, ["torch", "transformers", "peft", "trl", "gguf"])


if __name__ == "__main__":
    main()
