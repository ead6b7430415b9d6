"""Writes Tests/HoneTrainingTests/Fixtures/reward-tiny: what peft and TRL make of a reward model over tiny-llama-tied.

initial/                a LoRA with a score head as peft saves it for SEQ_CLS, every number of it random
expected.safetensors    rewards F32 [8]: of the four chosen, then the four rejected answers of preference-tiny/pairs.json
                        VARIANT.loss, VARIANT.gradient.NAME, float64's rounded: of `plain` and `centered` (center_rewards_coefficient 0.01)
                        losses, accuracies, margins F32 [11] before each of ten AdamW steps (learning rate 1e-2) and after the last
The losses are those of `RewardTrainer.compute_loss` itself.
"""

import collections
import json
import os
import pathlib
import types

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification
from trl.trainer.reward_trainer import RewardTrainer

import manifest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Tests/HoneTrainingTests/Fixtures"
FOLDER = FIXTURES / "reward-tiny"
BASE = ROOT / "Tests/HoneModelsTests/Fixtures/tiny-llama-tied"


def base(dtype):
    model = AutoModelForSequenceClassification.from_pretrained(BASE, num_labels=1, dtype=dtype, attn_implementation="eager")
    model.config.pad_token_id = 0
    return model


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(5)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"], task_type="SEQ_CLS")
    model = get_peft_model(base(torch.float32), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.normal_(0, 0.1)
    model.save_pretrained(FOLDER / "initial")
    (FOLDER / "initial/README.md").unlink(missing_ok=True)
    path = FOLDER / "initial/adapter_config.json"
    path.write_text(path.read_text().replace(str(BASE), "tiny-llama-tied"))

    pairs = json.loads((FIXTURES / "preference-tiny/pairs.json").read_text())
    items = [p["prompt"] + p[side] for side in ("chosen", "rejected") for p in pairs]
    length = max(map(len, items))
    ids = torch.tensor([i + [0] * (length - len(i)) for i in items])
    attention = torch.tensor([[1] * len(i) + [0] * (length - len(i)) for i in items])

    def load(dtype):
        return PeftModel.from_pretrained(base(dtype), FOLDER / "initial", is_trainable=True).to(dtype).train()

    def loss(model, center=None):
        own = types.SimpleNamespace(
            model=types.SimpleNamespace(training=True), _total_train_tokens=0, _tp_size=1, _metrics={"train": collections.defaultdict(list)},
            args=types.SimpleNamespace(center_rewards_coefficient=center),
            accelerator=types.SimpleNamespace(gather=lambda x: x, gather_for_metrics=lambda x: x),
        )  # fmt: skip
        found, outputs = RewardTrainer.compute_loss(own, model, dict(input_ids=ids, attention_mask=attention), return_outputs=True)
        return found, outputs.logits.squeeze(-1), {k: v[0] for k, v in own._metrics["train"].items()}

    def name(key):
        return key.replace(".default", "").replace(".modules_to_save", "")

    tensors = {}
    for variant, center in dict(plain=None, centered=0.01).items():
        model = load(torch.float64)
        found, rewards, _ = loss(model, center)
        found.backward()
        tensors["rewards"] = rewards.detach().float()
        tensors[f"{variant}.loss"] = found.detach().float().reshape(1)
        for key, parameter in model.named_parameters():
            if parameter.grad is not None:
                tensors[f"{variant}.gradient.{name(key)}"] = parameter.grad.float().contiguous()

    model = load(torch.float32)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    series = collections.defaultdict(list)
    for _ in range(11):
        found, _, metrics = loss(model)
        series["losses"].append(found.item())
        series["accuracies"].append(metrics["accuracy"])
        series["margins"].append(metrics["margin"])
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
    tensors |= {key: torch.tensor(value, dtype=torch.float32) for key, value in series.items()}
    save_file(tensors, FOLDER / "expected.safetensors")
    manifest.write(FOLDER, ["torch", "transformers", "peft", "trl"], learning_rate=1e-2)
    print(dict(series), sorted(tensors))


if __name__ == "__main__":
    main()
