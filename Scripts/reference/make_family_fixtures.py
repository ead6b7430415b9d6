"""Writes Tests/HoneModelsTests/Fixtures/families/NAME: a tiny random model of each family beside Llama, with what transformers and peft make of it.

  config.json, model.safetensors    in Hugging Face layout, F32; the tokenizer is that of ../../tiny-llama-tied
  model.gguf                        the same weights under llama.cpp's names (gguf's own table of them) and in its order of rows
  adapter/                          a LoRA of rank 2 on all linear layers, both matrices random, as peft saves it
  expected.safetensors
    input_ids   I64 [2, 24]
    logits      F32 [2, 24, vocabulary]   computed in float64 throughout, eager attention, then rounded; so are loss and gradients
    loss        F32 [1]                   with the adapter: the mean cross-entropy of all tokens but the first of each row
    gradients of the adapter, by peft's names

Usage: make_family_fixtures.py [NAME ...]
"""

import contextlib
import json
import os
import pathlib
import shutil
import sys

import gguf
import numpy
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

import manifest
import tiny_tokenizer

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/HoneModelsTests/Fixtures"
PACKAGES = ["torch", "transformers", "peft", "tokenizers", "safetensors", "gguf", "numpy"]
VOCABULARY = 272
TEXT = "the thing in the other hand and then there an in on he the"
SIZES = dict(hidden_size=24, intermediate_size=32, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2)
ROPE = dict(rope_theta=10000.0, rope_type="default")
YARN = dict(rope_theta=10000.0, rope_type="yarn", factor=4.0, original_max_position_embeddings=16)

# model_type, settings of its configuration, seed
FAMILIES = {
    "mistral": ("mistral", dict(head_dim=8, sliding_window=8, rope_parameters=ROPE), 1),
    "qwen2": ("qwen2", dict(rope_parameters=ROPE, tie_word_embeddings=True), 2),
    "qwen2-window": ("qwen2", dict(rope_parameters=YARN, use_sliding_window=True, sliding_window=8, max_window_layers=1), 3),
    "qwen3": ("qwen3", dict(head_dim=8, rope_parameters=ROPE, tie_word_embeddings=True), 4),
    "gemma2": ("gemma2", dict(head_dim=8, sliding_window=8, query_pre_attn_scalar=8, rope_parameters=ROPE), 5),
    "gemma3": ("gemma3_text", dict(
        hidden_size=16, intermediate_size=24, num_hidden_layers=6, head_dim=8, sliding_window=8, query_pre_attn_scalar=8,
        rope_parameters=dict(sliding_attention=ROPE, full_attention=dict(rope_theta=1e6, rope_type="linear", factor=8.0))), 6),
    "smollm3": ("smollm3", dict(num_hidden_layers=4, rope_parameters=ROPE), 7),
    "olmo2": ("olmo2", dict(rope_parameters=ROPE), 8),
    "granite": ("granite", dict(
        rope_parameters=ROPE, embedding_multiplier=6.0, attention_multiplier=0.2, residual_multiplier=0.3, logits_scaling=4.0), 9),
}  # fmt: skip
# What has no GGUF: llama.cpp has no window in this one.
NO_GGUF = {"qwen2-window"}


def make_model(name):
    kind, more, seed = FAMILIES[name]
    torch.manual_seed(seed)
    config = AutoConfig.for_model(
        kind, **(SIZES | more), vocab_size=VOCABULARY, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=2
    )
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "norm" in parameter_name:
                parameter.normal_(0.0 if "gemma" in name else 1.0, 0.3)
            elif parameter_name.endswith("bias"):
                parameter.normal_(0.0, 0.3)
            else:
                parameter.normal_(0.0, 0.1 if "embed" in parameter_name or "lm_head" in parameter_name else 0.2)
    return model


@contextlib.contextmanager
def in_float64(model):
    """transformers takes norms, softmax and rotation to float32 by name; that name means float64 here."""
    kept = torch.float32, torch.Tensor.float
    model.double()
    torch.float32, torch.Tensor.float = torch.float64, torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.Tensor.float = kept


def add_adapter(model, folder):
    config = LoraConfig(r=2, lora_alpha=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(0.0, 0.2)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    return model.eval()


def interleaved(weight, heads):
    """The order in which llama.cpp keeps query and key rows of families that it turns by neighbours: halves of a head interleaved."""
    rows = weight.shape[0]
    return weight.reshape(heads, 2, rows // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(name, model, tokenizer, path):
    config = model.config
    kind = {"mistral": "llama", "gemma3_text": "gemma3"}.get(config.model_type, config.model_type)
    interleaves = kind in ("llama", "smollm3", "granite")
    architecture = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == kind)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, kind)
    writer.add_name(path.parent.name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    dimension = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(dimension)
    writer.add_value_length(dimension)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if kind == "granite":
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    special = {t["content"] for t in core["added_tokens"]}
    tokens = sorted(core["model"]["vocab"], key=core["model"]["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL for t in tokens])
    writer.add_token_merges([" ".join(pair) for pair in core["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(False)
    for tensor_name, tensor in model.state_dict().items():
        if tensor_name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        weight = tensor.float().numpy()
        if interleaves and ".q_proj." in tensor_name:
            weight = interleaved(weight, config.num_attention_heads)
        if interleaves and ".k_proj." in tensor_name:
            weight = interleaved(weight, config.num_key_value_heads)
        if kind.startswith("gemma") and tensor_name.endswith("norm.weight"):
            weight = weight + 1
        found = names.get_name(tensor_name, try_suffixes=(".weight", ".bias"))
        assert found, tensor_name
        writer.add_tensor(found, numpy.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


torch.set_num_threads(1)
tokenizer = tiny_tokenizer.train([TEXT], VOCABULARY)
for name in sys.argv[1:] or FAMILIES:
    folder = FIXTURES / "families" / name
    shutil.rmtree(folder, ignore_errors=True)
    model = make_model(name)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        os.symlink(f"../../tiny-llama-tied/{file}", folder / file)
    if name not in NO_GGUF:
        write_gguf(name, model, tokenizer, folder / "model.gguf")
    ids = torch.randint(0, VOCABULARY, (2, 24), generator=torch.Generator().manual_seed(100))
    with torch.no_grad():
        plain = model(ids).logits
        with in_float64(model):
            logits = model(ids).logits.contiguous()
    error = (plain - logits).abs().max().item()
    adapted = add_adapter(model.float(), folder / "adapter")
    with in_float64(adapted):
        loss = adapted(input_ids=ids, labels=ids).loss
        loss.backward()
    gradients = {
        parameter_name.replace(".default", ""): parameter.grad.float()
        for parameter_name, parameter in adapted.named_parameters()
        if "lora_" in parameter_name
    }
    tensors = {"input_ids": ids, "logits": logits.float(), "loss": loss.detach().float()[None]} | gradients
    save_file(tensors, folder / "expected.safetensors")
    spread = round(logits.std().item(), 3)
    manifest.write(folder, PACKAGES, logits_standard_deviation=spread, largest_float32_error=error)
