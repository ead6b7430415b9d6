"""Writes Tests/HoneTrainingTests/Fixtures/smollm2-methods/expected.json: the losses of ten steps of SmolLM2-135M-Instruct with peft's other methods.

    python make_smollm2_methods_fixture.py SMOLLM2.gguf

The base, the batch, the optimiser and the float64 are those of make_smollm2_lora_fixture.py. Number i of a trained tensor NAME starts as
centre + bound (2 u - 1), u from the name and i as there; centre and bound are those of the first of "starts" whose text NAME contains; without one it stays as peft starts it.
For each variant: method and settings of Hone's, the learning rate, the starts, and the losses before each of ten steps and after the last.
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import json
import pathlib

import torch
from peft import IA3Config, LNTuningConfig, LoHaConfig, LoKrConfig, LoraConfig, OFTConfig, PrefixTuningConfig, PromptTuningConfig, VeraConfig, get_peft_model

import dequantise_folder
import make_smollm2_lora_fixture as lora
import manifest

FOLDER = lora.FOLDER.parent / "smollm2-methods"
SMALL = [["", 0.0, 0.02]]
VARIANTS = {
    "ia3": (
        IA3Config(target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"]),
        "ia3", {}, 5e-3, [["", 1.0, 0.05]],
    ),
    "prompt_tuning": (PromptTuningConfig(num_virtual_tokens=8), "prompt_tuning", {"num_virtual_tokens": 8}, 1e-2, [["", 0.0, 0.1]]),
    "prefix_tuning": (PrefixTuningConfig(num_virtual_tokens=5), "prefix_tuning", {"num_virtual_tokens": 5}, 1e-2, [["", 0.0, 0.5]]),
    "norms": (LNTuningConfig(target_modules=["input_layernorm", "post_attention_layernorm", "norm"]), "selective", {"norms": True, "last_layers": 0}, 1e-3, None),
    "dora": (
        LoraConfig(r=8, lora_alpha=16, use_dora=True, target_modules=["q_proj", "down_proj"]),
        "dora", {"rank": 8, "alpha": 16, "target_modules": ["q_proj", "down_proj"]}, 1e-3, [["lora_A", 0.0, 0.05], ["lora_B", 0.0, 0.02]],
    ),
    "loha": (
        LoHaConfig(r=4, alpha=8, target_modules=["q_proj", "v_proj"]),
        "loha", {"rank": 4, "alpha": 8, "target_modules": ["q_proj", "v_proj"]}, 1e-3, [["", 0.0, 0.1]],
    ),
    "lokr": (
        LoKrConfig(r=4, alpha=8, target_modules=["q_proj", "down_proj"]),
        "lokr", {"rank": 4, "alpha": 8, "decompose_factor": -1, "target_modules": ["q_proj", "down_proj"]}, 1e-3, [["", 0.0, 0.1]],
    ),
    "vera": (
        VeraConfig(r=64, target_modules=["q_proj", "down_proj"], projection_prng_key=0),
        "vera", {"rank": 64, "target_modules": ["q_proj", "down_proj"]}, 1e-2, [["vera_lambda_b", 0.0, 0.05], ["vera_lambda_d", 0.1, 0.05]],
    ),
    "oft": (
        OFTConfig(oft_block_size=32, target_modules=["q_proj", "down_proj"]),
        "oft", {"block_size": 32, "target_modules": ["q_proj", "down_proj"]}, 1e-3, [["", 0.0, 0.01]],
    ),
}  # fmt: skip


def start(name, tensor, starts):
    """The numbers that follow from a name; a tensor that no start is meant for stays as it is."""
    found = next((rest for text, *rest in starts or [] if text in name), None)
    if found is None:
        return tensor
    centre, bound = found
    uniform = torch.from_numpy((lora.bits(name, tensor.numel()) >> lora.numpy.uint64(11)).astype(lora.numpy.float64)) / 2.0**53
    return (centre + bound * (2 * uniform - 1)).float().view(tensor.shape)


def file_name(name):
    """A parameter's name in the adapter's file."""
    return name.removeprefix("prompt_encoder.default.").replace(".default", "")


def main():
    gguf = pathlib.Path(sys.argv[1])
    torch.set_num_threads(2)
    ids = lora.batch(gguf)
    path = FOLDER / "expected.json"
    said = json.loads(path.read_text()) if path.exists() else {}
    for variant, (config, method, settings, rate, starts) in VARIANTS.items():
        if len(sys.argv) > 2 and variant not in sys.argv[2:]:
            continue
        config.task_type = "CAUSAL_LM"
        model = get_peft_model(dequantise_folder.model(gguf, torch.float32), config).to(torch.float64).train()
        lora.compute_exactly(model)
        trained = {file_name(n): p for n, p in model.named_parameters() if p.requires_grad}
        if len(trained) == 1 and "embedding.weight" in trained:
            trained = {"prompt_embeddings": trained["embedding.weight"]}  # no encoder: its rows are what the file holds
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(start(name, parameter, starts))
        optimizer = torch.optim.AdamW(trained.values(), lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
        losses = []
        for step in range(11):
            optimizer.zero_grad()
            logits = model(input_ids=ids).logits[:, -ids.shape[1] :]
            loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
            losses.append(loss.item())
            if step < 10:
                loss.backward()
                optimizer.step()
        names = [name for name in trained if len(trained) < 20 or "layers.0." in name or "layers" not in name]
        said[variant] = {
            "method": method, "settings": settings, "learning_rate": rate, "starts": starts, "trained": sum(p.numel() for p in trained.values()),
            "losses": losses,
        }  # fmt: skip
        print(f"{variant}: {len(trained)} tensors ({', '.join(names)}), losses {' '.join(f'{x:.4f}' for x in losses)}", flush=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said, indent=1) + "\n")
    manifest.write(FOLDER, ["torch", "transformers", "peft", "gguf", "numpy"])


if __name__ == "__main__":
    main()
