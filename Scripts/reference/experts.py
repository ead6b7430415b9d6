"""Mixtures of experts for make_family_fixtures.py: their GGUF tensors, and a LoRA on every expert.

transformers 5 keeps the experts of a block as two parameters of three axes; on disk each expert has matrices of its own, and so had the
modules of transformers 4. A LoRA is written here with the names of those modules, as Hone writes it, and peft takes it in: A of gate and
up stand below each other, B on the diagonal of one matrix, experts beside each other. What is written is checked to come out of that.
"""

import json
import re

import gguf
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

Q8_0 = gguf.GGMLQuantizationType.Q8_0
# Families whose GGUF has its experts in Q8_0, to which the folder's are rounded.
QUANTISED = {"qwen3_moe"}
RANK = 2
ALPHA = 4


def has_some(model):
    return any(".mlp.experts." in name for name, _ in model.named_parameters())


def sizes(config):
    count = getattr(config, "num_experts", None) or config.num_local_experts
    return count, getattr(config, "moe_intermediate_size", config.intermediate_size)


def names(config):
    """The names of an expert's three matrices on disk, and of what holds them."""
    if config.model_type == "mixtral":
        return "block_sparse_moe", ("w1", "w3", "w2")
    return "mlp", ("gate_proj", "up_proj", "down_proj")


def add_metadata(writer, config):
    if not hasattr(config, "num_experts_per_tok"):
        return
    count, inner = sizes(config)
    writer.add_expert_count(count)
    writer.add_expert_used_count(config.num_experts_per_tok)
    if config.model_type != "mixtral":
        writer.add_expert_feed_forward_length(inner)
    if hasattr(config, "shared_expert_intermediate_size"):
        writer.add_expert_shared_feed_forward_length(config.shared_expert_intermediate_size)


def rounded(weight):
    return torch.from_numpy(gguf.quants.dequantize(gguf.quants.quantize(weight.numpy(), Q8_0), Q8_0))


def write_gguf(writer, name, weight, is_quantised):
    def add(name, weight):
        if is_quantised:
            writer.add_tensor(name, gguf.quants.quantize(weight, Q8_0), raw_dtype=Q8_0)
        else:
            writer.add_tensor(name, weight)

    block = f"blk.{re.search(r'layers.([0-9]+).', name)[1]}."
    if "shared_expert_gate" in name:
        writer.add_tensor(block + "ffn_gate_inp_shexp.weight", weight[0].copy())
    elif "gate_up_proj" in name:
        inner = weight.shape[1] // 2
        add(block + "ffn_gate_exps.weight", weight[:, :inner].copy())
        add(block + "ffn_up_exps.weight", weight[:, inner:].copy())
    else:
        add(block + "ffn_down_exps.weight", weight)


def add_adapter(model, folder):
    """A LoRA on all projections of attention, on the shared expert and its gate, and on each expert's three; not on the router."""
    config = model.config
    count, inner = sizes(config)
    hidden = config.hidden_size
    holder, (gate, up, down) = names(config)
    tensors = {}

    def add(path, outputs, inputs):
        tensors[f"base_model.model.{path}.lora_A.weight"] = torch.randn(RANK, inputs) * 0.2
        tensors[f"base_model.model.{path}.lora_B.weight"] = torch.randn(outputs, RANK) * 0.2

    linear = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and name != "lm_head"}
    for name, module in linear.items():
        add(name, module.out_features, module.in_features)
    for name, _ in model.named_parameters():
        if name.endswith("mlp.experts.down_proj"):
            block = name.removesuffix("mlp.experts.down_proj")
            for expert in range(count):
                path = f"{block}{holder}.experts.{expert}."
                add(path + gate, inner, hidden)
                add(path + up, inner, hidden)
                add(path + down, hidden, inner)
    targets = sorted({name.rsplit(".", 1)[-1] for name in linear} | {gate, up, down})
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    written = dict(
        peft_type="LORA", task_type="CAUSAL_LM", r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=targets, bias="none",
        inference_mode=True,
    )
    (folder / "adapter_config.json").write_text(json.dumps(written, indent=2) + "\n")
    if config.model_type == "qwen2_moe":
        adapted = fused(model, linear, tensors)
    else:
        adapted = PeftModel.from_pretrained(model, folder, is_trainable=True).eval()
    taken = {name.replace(".default", ""): value.detach() for name, value in adapted.named_parameters() if "lora_" in name}
    for name, value in split_gradients(taken, config).items():
        assert torch.equal(value, tensors.pop(name)), name
    assert not tensors, tensors.keys()
    return adapted


def fused(model, linear, tensors):
    """The same adapter on the two parameters of three axes: peft leaves out the experts of this model_type when it reads such a folder."""
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=list(linear), target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
        rank_pattern={GATE_UP: 2 * RANK}, alpha_pattern={GATE_UP: 2 * ALPHA}, task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(model, config).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" not in name:
                continue
            plain = name.replace(".default", "")
            if plain in tensors:
                parameter.copy_(tensors[plain])
                continue
            block, is_gate_up, matrix = FUSED.fullmatch(plain).groups()
            holder, (gate, up, down) = names(model.config)
            count, _ = sizes(model.config)

            def part(projection, expert):
                return tensors[f"{block}{holder}.experts.{expert}.{projection}.{matrix}.weight"]

            if matrix == "lora_A":
                stacked = [torch.cat([part(p, e) for p in ((gate, up) if is_gate_up else (down,))]) for e in range(count)]
                parameter.copy_(torch.cat(stacked))
            else:
                stacked = [torch.block_diag(*[part(p, e) for p in ((gate, up) if is_gate_up else (down,))]) for e in range(count)]
                parameter.copy_(torch.stack(stacked, dim=2).flatten(1))
    return adapted


def stacked_adapter(model, folder):
    """A LoRA as peft makes one over transformers 5: on the parameters of three axes, where gate and up share their A."""
    config = LoraConfig(
        r=RANK, lora_alpha=3 * RANK, target_modules=["q_proj"], target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(model, config).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.normal_(0.0, 0.2)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    return adapted


GATE_UP = r".*\.gate_up_proj"
FUSED = re.compile(r"(.*)mlp\.experts\.(base_layer\.)?(lora_[AB])\.weight")


def split_gradients(found, config):
    """peft's matrices of a block's experts, or their gradients, as those of each expert."""
    count, inner = sizes(config)
    holder, (gate, up, down) = names(config)
    split = {}
    for name, value in found.items():
        match = FUSED.fullmatch(name)
        if not match:
            split[name] = value
            continue
        block, is_gate_up, matrix = match.groups()
        for expert in range(count):
            path = f"{block}{holder}.experts.{expert}."
            if matrix == "lora_A":
                part = value.reshape(count, -1, value.shape[-1])[expert]
            else:
                part = value.reshape(value.shape[0], -1, count)[:, :, expert]
            if not is_gate_up:
                split[f"{path}{down}.{matrix}.weight"] = part.contiguous()
                continue
            parts = (part[:RANK], part[RANK:]) if matrix == "lora_A" else (part[:inner, :RANK], part[inner:, RANK:])
            for projection, half in zip((gate, up), parts):
                split[f"{path}{projection}.{matrix}.weight"] = half.contiguous()
    return split
