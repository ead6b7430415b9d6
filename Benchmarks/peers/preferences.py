"""Measures preference tuning by Hone and by TRL: SmolLM2-135M-Instruct, DPO, LoRA of rank 16 on all linear layers, 4 pairs a step, the
reference's log-probabilities computed beforehand. Called by measure.py --preferences.

A pair is a prompt of 100 tokens and two answers of 112, 424 tokens as everybody counts them: the prompt once for each answer. Hone trains
over the Q4_1 GGUF with a recipe; TRL's DPOTrainer over the same weights in f32, eager and under torch.compile, and in bf16 where the CPU
has bf16 products, each in a process of its own. Tokens a second are the median of the steps after the first.
"""

import argparse
import json
import pathlib
import random
import statistics
import sys
import tempfile
import time

PAIRS, PROMPT, ANSWER, STEPS = 4, 100, 112, 4
TOKENS = PAIRS * 2 * (PROMPT + ANSWER)
# Each is one token after a space.
WORDS = "the of and to in is that for with was on are by not this but from have they which one you were all her would there their".split()

RECIPE = """
model: {model}
method: {{lora: {{rank: 16, alpha: 32, target_modules: all-linear}}}}
objective: {{dpo: {{beta: 0.1, reference: base}}}}
data: {{train: pairs.jsonl, max_tokens: 512, shuffle: false}}
training: {{steps: {steps}, batch_size: {pairs}, learning_rate: 1.0e-5, memory: {memory}}}
output: run
"""


def rows():
    chance = random.Random(0)

    def text(count):
        return "".join(" " + chance.choice(WORDS) for _ in range(count))

    # The end token is the answer's last one.
    return [
        {"prompt": text(PROMPT), "chosen": text(ANSWER - 1), "rejected": text(ANSWER - 1)} for _ in range(PAIRS * (STEPS + 1))
    ]


def hone(options, memory):
    """Tokens a second of each step, the peak memory in bytes, and seconds of the reference's pass over the pairs."""
    import measure

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
        model = (options.peers / "models/smollm2-135m-q4_1.gguf").resolve()
        (folder / "recipe.yaml").write_text(RECIPE.format(model=model, pairs=PAIRS, steps=STEPS + 1, memory=memory))
        _, _, memory = measure.run([options.hone.resolve(), "train", folder / "recipe.yaml", "--threads", options.threads])
        events = [json.loads(line) for line in (folder / "run/events.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["event"] == "step"]
    unshared = PAIRS * PROMPT
    assert all(step["tokens"] + unshared == TOKENS for step in steps), steps
    return [TOKENS / step["seconds"] for step in steps[1:]], memory


def trl(options, way):
    import measure

    number = "float32" if way.startswith("f32") else "bfloat16"
    this = [sys.executable, __file__, "--folder", options.peers / "models" / number, "--threads", options.threads]
    output, _, memory = measure.run([*this, "--inside", way])
    return json.loads(output.splitlines()[-1]), memory


def inside(options):
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import DPOConfig, DPOTrainer

    number, how = options.inside.split("-")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(options.folder)
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32 if number == "f32" else torch.bfloat16)
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    rates = []

    class Watch(TrainerCallback):
        def on_step_begin(self, *_, **__):
            self.start = time.perf_counter()

        def on_step_end(self, *_, **__):
            rates.append(TOKENS / (time.perf_counter() - self.start))

    with tempfile.TemporaryDirectory() as place:
        config = DPOConfig(
            output_dir=place, use_cpu=True, max_steps=STEPS + 1, per_device_train_batch_size=PAIRS, learning_rate=1e-5, beta=0.1,
            max_length=512, precompute_ref_log_probs=True, gradient_checkpointing=False, torch_compile=how == "compile",
            bf16=False, report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True, dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = DPOTrainer(
            model, args=config, train_dataset=Dataset.from_list(rows()), processing_class=tokenizer, callbacks=[Watch()],
            peft_config=LoraConfig(r=16, lora_alpha=32, target_modules=names, task_type="CAUSAL_LM"),
        )  # fmt: skip
        batch = next(iter(trainer.get_train_dataloader()))
        assert batch["attention_mask"].sum() == TOKENS, batch["attention_mask"].sum()
        trainer.train()
    print(json.dumps(rates[1:]))


def measure(options):
    import train

    ways = ["f32-eager", "f32-compile"] + (["bf16-eager", "bf16-compile"] if train.has_bf16_products() else [])
    turns = [("hone", "auto", lambda: hone(options, "fast")), ("hone", "saving", lambda: hone(options, "saving"))]
    turns += [("trl", way, lambda way=way: trl(options, way)) for way in ways]
    turns.append(("hone", "auto again", lambda: hone(options, "fast")))
    return train.take_turns("dpo", turns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--inside", required=True)
    inside(parser.parse_args())
