"""Writes Tests/HoneTrainingTests/Fixtures/smollm2-methods/expected.json: the losses of ten steps of SmolLM2-135M-Instruct with peft's other methods.

    python make_smollm2_methods_fixture.py SMOLLM2.gguf [VARIANT ...]        all of them without a name

The bottleneck is that of AdapterHub's adapters 1.3.0, which needs a transformers of its own (4.57): without a name it is left out, and
made in that virtual environment with its name (manifest.json then wants its versions under "bottleneck").

The base, the batch, the optimiser and the float64 are those of make_smollm2_lora_fixture.py. Number i of a trained tensor NAME starts as
centre + bound (2 u - 1), u from the name and i as there; centre and bound are those of the first of "starts" whose text NAME contains; without one it stays as peft starts it.
PiSSA's matrices start as the principal part of the base, which is taken off it in float64. AdaLoRA's losses are with its regulariser; its
ranks are allotted in the ten steps, and "kept" has which triplets are left at each projection. P-tuning's last layer starts large: rows near zero
are magnified by the first norm, and ten steps from there are chaotic.
For each variant: method and settings of Hone's, the learning rate, the starts, and the losses before each of ten steps and after the last.
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import json
import pathlib

import torch
from peft import AdaLoraConfig, IA3Config, LNTuningConfig, LoHaConfig, LoKrConfig, LoraConfig, OFTConfig, PrefixTuningConfig, PromptEncoderConfig
from peft import PromptTuningConfig, VeraConfig, get_peft_model
from safetensors.torch import load_file

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
    "pissa": (
        LoraConfig(r=8, lora_alpha=16, init_lora_weights="pissa", target_modules=["q_proj", "down_proj"]),
        "pissa", {"rank": 8, "alpha": 16, "target_modules": ["q_proj", "down_proj"]}, 2e-4, None,
    ),
    "adalora": (
        AdaLoraConfig(init_r=6, target_r=3, lora_alpha=12, tinit=2, tfinal=3, total_step=10, target_modules=["q_proj", "down_proj"]),
        "adalora", {"init_rank": 6, "target_rank": 3, "alpha": 12, "tinit": 2, "tfinal": 3, "target_modules": ["q_proj", "down_proj"]}, 5e-3,
        [["lora_E", 0.0, 0.2], ["", 0.0, 0.05]],
    ),
    "p_tuning": (
        PromptEncoderConfig(num_virtual_tokens=8, encoder_hidden_size=64),
        "p_tuning", {"num_virtual_tokens": 8, "encoder_hidden_size": 64, "initialisation": "random"}, 5e-4,
        [["mlp_head.4.weight", 0.0, 0.5], ["mlp_head.4.bias", 0.0, 0.1], ["mlp_head.2", 0.0, 0.125], ["mlp_head.0", 0.0, 0.04], ["", 0.0, 1.0]],
    ),
    "bottleneck": (None, "bottleneck", {}, 2e-4, [["adapter_down", 0.0, 0.05], ["", 0.0, 0.02]]),
    "loha": (
        LoHaConfig(r=4, alpha=8, target_modules=["q_proj", "v_proj"]),
        "loha", {"rank": 4, "alpha": 8, "target_modules": ["q_proj", "v_proj"]}, 5e-3, [["", 0.0, 0.2]],
    ),
    "lokr": (
        LoKrConfig(r=4, alpha=8, target_modules=["q_proj", "down_proj"]),
        "lokr", {"rank": 4, "alpha": 8, "decompose_factor": -1, "target_modules": ["q_proj", "down_proj"]}, 5e-3, [["", 0.0, 0.1]],
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
    """A parameter's name in the adapter's file; AdapterHub's has the adapter's in it."""
    return name if ".adapters." in name else name.removeprefix("prompt_encoder.default.").replace(".default", "")


def bottleneck(base):
    """What adapters 1.3.0 calls seq_bn, in float64."""
    import adapters

    adapters.init(base)
    base.add_adapter("default", config=adapters.SeqBnConfig())
    base.train_adapter("default")
    base.get_base_model = lambda: base
    return base


def take_off_exactly(model, weights):
    """PiSSA's start in float64, where peft has float32."""
    for path, module in model.base_model.model.named_modules():
        if hasattr(module, "lora_A"):
            u, s, v = torch.linalg.svd(weights[f"{path}.weight"].double(), full_matrices=False)
            rank, scale = module.r["default"], module.scaling["default"]
            half = (s[:rank] / scale).sqrt()
            module.lora_A["default"].weight.data = half[:, None] * v[:rank]
            module.lora_B["default"].weight.data = u[:, :rank] * half
            module.base_layer.weight.data = weights[f"{path}.weight"].double() - (u[:, :rank] * s[:rank]) @ v[:rank]


def main():
    gguf = pathlib.Path(sys.argv[1])
    torch.set_num_threads(2)
    ids = load_file(lora.FOLDER / "expected.safetensors")["ids"].long()  # the tokenizers of two transformers differ
    path = FOLDER / "expected.json"
    said = json.loads(path.read_text()) if path.exists() else {}
    for variant, (config, method, settings, rate, starts) in VARIANTS.items():
        if len(sys.argv) > 2 and variant not in sys.argv[2:] or len(sys.argv) == 2 and config is None:
            continue
        model = dequantise_folder.model(gguf, torch.float32)
        weights = {n: w.clone() for n, w in model.state_dict().items()} if variant == "pissa" else None
        if config is None:
            model = bottleneck(model)
        else:
            config.task_type = "CAUSAL_LM"
            model = get_peft_model(model, config)
        model = model.to(torch.float64).train()
        if variant == "pissa":
            take_off_exactly(model, weights)
        lora.compute_exactly(model)
        trained = {file_name(n): p for n, p in model.named_parameters() if p.requires_grad}
        if len(trained) == 1 and "embedding.weight" in trained:
            trained = {"prompt_embeddings": trained["embedding.weight"]}  # no encoder: its rows are what the file holds
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(start(name, parameter, starts))
        # transformers' own loss is in float32
        model.get_base_model().loss_function = lambda logits, labels, **_: torch.nn.functional.cross_entropy(
            logits[:, -ids.shape[1] :][:, :-1].flatten(0, 1), labels[:, -ids.shape[1] :][:, 1:].flatten()
        )
        optimizer = torch.optim.AdamW(trained.values(), lr=rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
        losses = []
        for step in range(11):
            optimizer.zero_grad()
            loss = model(input_ids=ids, labels=ids).loss
            losses.append(loss.item())
            if step < 10:
                loss.backward()
                optimizer.step()
                if variant == "adalora":
                    model.base_model.update_and_allocate(step + 1)
        names = [name for name in trained if len(trained) < 20 or "layers.0." in name or "layers" not in name]
        said[variant] = {
            "method": method, "settings": settings, "learning_rate": rate, "starts": starts, "trained": sum(p.numel() for p in trained.values()),
            "losses": losses,
        }  # fmt: skip
        if variant == "adalora":
            said[variant]["kept"] = ["".join("01"[kept] for kept in pattern) for pattern in config.rank_pattern.values()]
        print(f"{variant}: {len(trained)} tensors ({', '.join(names)}), losses {' '.join(f'{x:.4f}' for x in losses)}", flush=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said, indent=1) + "\n")
    manifest.write(FOLDER, ["torch", "transformers", "peft", "gguf", "numpy"])


if __name__ == "__main__":
    main()
