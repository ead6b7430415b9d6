"""Writes Tests/HoneAdaptersTests/Fixtures/prompts/*: prompt tuning, P-tuning and prefix tuning as peft computes and saves them.

The bases are the folders tiny-llama-tied and tiny-llama-untied of Tests/HoneModelsTests/Fixtures. Each folder holds the adapter as peft
saves it, its numbers moved from their start at random, and `expected.safetensors`:
  input_ids, labels    I64 [2, 16]; a label of -100 is not trained; the loss is the mean over trained tokens, labels shifted by one
  logits               F32 [2, 16, vocabulary], of the tokens without what stands ahead
  loss                 F32 [1]
  encoder.NAME         F32, what peft trains, under its own names: an encoder's numbers, which the adapter's file does not hold
  gradient.NAME        F32, of the loss
  start                F32, what peft (for prefix-text: transformers' cache of the text) starts from, where a text decides it

Then loads what Hone wrote into peft: each folder of Tests/HoneAdaptersTests/Fixtures/prompts-written (made by running that target's
tests with HONE_RECORD=1) must load without a missing or unexpected key, and give the logits that Hone computed with it.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import json
import pathlib
import shutil
import warnings

import torch
from peft import PeftModel, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASES, FOLDER = TESTS / "HoneModelsTests/Fixtures", TESTS / "HoneAdaptersTests/Fixtures"
TEXT = "The answer is known."
TIED = dict(prompt_tuning_init="TEXT", prompt_tuning_init_text=TEXT, tokenizer_name_or_path="tiny-llama-tied")
VARIANTS = {
    "prompt-text": ("tied", PromptTuningConfig, dict(num_virtual_tokens=40, **TIED)),
    "prompt-short-text": ("tied", PromptTuningConfig, dict(num_virtual_tokens=3, **TIED)),
    "prompt-random": ("untied", PromptTuningConfig, dict(num_virtual_tokens=7)),
    "prompt-vocabulary": ("untied", PromptTuningConfig, dict(num_virtual_tokens=1, prompt_tuning_init="SAMPLE_VOCAB")),
    "p-mlp": ("untied", PromptEncoderConfig, dict(num_virtual_tokens=6)),
    "p-mlp-narrow": ("tied", PromptEncoderConfig, dict(num_virtual_tokens=5, encoder_hidden_size=10)),
    "p-lstm": ("tied", PromptEncoderConfig, dict(num_virtual_tokens=6, encoder_reparameterization_type="LSTM", encoder_hidden_size=12)),
    "p-lstm-deep": ("untied", PromptEncoderConfig, dict(num_virtual_tokens=9, encoder_reparameterization_type="LSTM", encoder_num_layers=3, encoder_hidden_size=7)),
    "prefix-plain": ("untied", PrefixTuningConfig, dict(num_virtual_tokens=6)),
    "prefix-zero": ("tied", PrefixTuningConfig, dict(num_virtual_tokens=5, init_weights="zero")),
    "prefix-text": ("tied", PrefixTuningConfig, dict(num_virtual_tokens=8)),
    "prefix-projection": ("tied", PrefixTuningConfig, dict(num_virtual_tokens=6, prefix_projection=True, encoder_hidden_size=20)),
}  # fmt: skip


def base(name):
    return AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, attn_implementation="eager")


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=ids).logits[:, -ids.shape[1] :].contiguous()


def keys_and_values(name, count):
    ids = AutoTokenizer.from_pretrained(name)(TEXT)["input_ids"]
    ids = (ids * count)[:count]
    with torch.no_grad():
        cache = base(name)(input_ids=torch.tensor([ids]), use_cache=True).past_key_values
    parts = [part[0].transpose(0, 1).reshape(count, -1) for layer in cache.layers for part in (layer.keys, layer.values)]
    return torch.cat(parts, dim=1).contiguous()


warnings.simplefilter("ignore")
torch.set_num_threads(1)
os.chdir(BASES)  # so that the adapters name their base without a path
generator = torch.Generator().manual_seed(6)
ids = torch.randint(3, 272, (2, 16), generator=generator)
labels = torch.where(torch.rand(ids.shape, generator=generator) < 0.3, -100, ids)
labels[:, 0] = -100  # the first token would be trained from the row ahead of it
for variant, (kind, config, settings) in VARIANTS.items():
    name, folder = f"tiny-llama-{kind}", FOLDER / "prompts" / variant
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(12)
    model = get_peft_model(base(name), config(task_type="CAUSAL_LM", **settings)).eval()
    encoder, expected = model.prompt_encoder["default"], {"input_ids": ids, "labels": labels}
    with torch.no_grad():
        if variant == "prefix-text":
            encoder.embedding.weight.copy_(keys_and_values(name, settings["num_virtual_tokens"]))
        if "text" in variant:
            expected["start"] = encoder.embedding.weight.detach().clone()
        for _, parameter in sorted(encoder.named_parameters()):
            parameter.add_(0.1 * torch.randn(parameter.shape))
    loss = model(input_ids=ids, labels=labels).loss
    loss.backward()
    expected["loss"] = loss.detach().reshape(1)
    for key, parameter in encoder.named_parameters():
        expected[f"encoder.{key}"] = parameter.detach().clone()
        expected[f"gradient.{key}"] = parameter.grad.clone()
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    again = PeftModel.from_pretrained(base(name), folder)
    expected["logits"] = logits(again, ids)
    assert (expected["logits"] - logits(model, ids)).abs().max() < 1e-5, variant
    save_file(expected, folder / "expected.safetensors")
manifest.write(FOLDER / "prompts", ["torch", "transformers", "peft", "safetensors"])

for folder in sorted((FOLDER / "prompts-written").glob("*/")):
    config = json.loads((folder / "adapter_config.json").read_text())
    model = base(config["base_model_name_or_path"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(model, folder)
    complaints = [str(c.message) for c in caught if "key" in str(c.message)]
    assert not complaints, (folder, complaints)
    stored = load_file(folder / "adapter_model.safetensors")
    expected = load_file(folder / "expected.safetensors")
    error = (logits(model, expected["input_ids"]) - expected["logits"]).abs().max().item()
    assert error < 1e-5, (folder, error)
    saved = FOLDER / "saved-again"
    model.save_pretrained(saved, selected_adapters=["default"])
    again = load_file(saved / "adapter_model.safetensors")
    assert stored.keys() == again.keys() and all(stored[n].equal(again[n]) for n in stored), folder
    keys = set(json.loads((saved / "adapter_config.json").read_text())) ^ set(config)
    assert not keys, (folder, keys)
    shutil.rmtree(saved)
    print(f"{folder.name}: peft loads what Hone wrote, logits differ by {error:.1e}, and saves the same tensors")
