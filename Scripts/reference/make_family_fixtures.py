"""Writes Tests/HoneModelsTests/Fixtures/families/NAME: a tiny random model of each family beside Llama, with what transformers and peft make of it.

  config.json, model.safetensors    in Hugging Face layout, F32; the tokenizer is that of ../../tiny-llama-tied
  model.gguf                        the same weights under llama.cpp's names (gguf's own table of them) and in its order of rows
  adapter/                          a LoRA of rank 2 on all linear layers, both matrices random, as peft saves it
  expected.safetensors
    input_ids   I64 [2, 24]
    logits      F32 [2, 24, vocabulary]   computed in float64 throughout, eager attention, then rounded; so are loss and gradients
    loss        F32 [1]                   with the adapter: the mean cross-entropy of all tokens but the first of each row
    gradients of the adapter, by peft's names; of each expert's matrices by those of transformers 4
  adapter-stacked/, stacked_loss    of one family with experts, a LoRA on its parameters of three axes

Usage: make_family_fixtures.py [NAME ...]
"""

import contextlib
import json
import math
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

import experts
import manifest
import tiny_tokenizer

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/HoneModelsTests/Fixtures"
PACKAGES = ["torch", "transformers", "peft", "tokenizers", "safetensors", "gguf", "numpy"]
VOCABULARY = 272
TEXT = "the thing in the other hand and then there an in on he the"
SIZES = dict(hidden_size=24, intermediate_size=32, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2)
ROPE = dict(rope_theta=10000.0, rope_type="default")
YARN = dict(rope_theta=10000.0, rope_type="yarn", factor=4.0, original_max_position_embeddings=16)

SHORT_FACTORS, LONG_FACTORS = [1.0, 1.1, 1.3, 1.2], [1.0, 2.0, 3.5, 4.0]
HEADS = dict(hidden_size=24, num_attention_heads=3, num_hidden_layers=2)

# model_type, settings of its configuration beside SIZES (or, where it has other words for them, all), seed
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
    "mistral-nemo": ("mistral", dict(num_attention_heads=4, num_key_value_heads=1, head_dim=10, sliding_window=None, rope_parameters=ROPE), 10),
    "llama-linear": ("llama", dict(rope_parameters=ROPE | dict(rope_type="linear", factor=3.0)), 11),
    "llama-dynamic": ("llama", dict(max_position_embeddings=16, rope_parameters=ROPE | dict(rope_type="dynamic", factor=2.0)), 12),
    "phi3": ("phi3", dict(sliding_window=8, rope_parameters=ROPE), 13),
    "phi3-long": ("phi3", dict(
        hidden_size=20, num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True, original_max_position_embeddings=16,
        rope_parameters=dict(
            rope_theta=10000.0, rope_type="longrope", partial_rotary_factor=0.8, short_factor=SHORT_FACTORS, long_factor=LONG_FACTORS,
            original_max_position_embeddings=16)), 14),
    "phi3-short": ("phi3", dict(
        hidden_size=24, num_attention_heads=3, num_key_value_heads=1, original_max_position_embeddings=32,
        rope_parameters=dict(
            rope_theta=10000.0, rope_type="longrope", short_factor=SHORT_FACTORS, long_factor=LONG_FACTORS,
            original_max_position_embeddings=32)), 15),
    "stablelm": ("stablelm", dict(num_attention_heads=3, num_key_value_heads=1, use_qkv_bias=True, rope_parameters=ROPE | dict(partial_rotary_factor=0.25)), 16),
    "stablelm-parallel": ("stablelm", dict(
        qk_layernorm=True, use_parallel_residual=True, rope_parameters=ROPE | dict(partial_rotary_factor=0.7)), 17),
    "gpt_neox": ("gpt_neox", HEADS | dict(intermediate_size=48, rope_parameters=ROPE | dict(partial_rotary_factor=0.25)), 18),
    "gpt_neox-sequential": ("gpt_neox", HEADS | dict(
        intermediate_size=48, use_parallel_residual=False, attention_bias=False, hidden_act="gelu_fast", tie_word_embeddings=True,
        rope_parameters=ROPE | dict(partial_rotary_factor=1.0)), 19),
    "gpt2": ("gpt2", dict(n_embd=24, n_head=4, n_layer=2, n_inner=40), 20),
    "opt": ("opt", HEADS | dict(ffn_dim=48), 21),
    "opt-after": ("opt", HEADS | dict(ffn_dim=48, do_layer_norm_before=False, enable_bias=False, activation_function="gelu"), 22),
    "falcon": ("falcon", HEADS | dict(rope_parameters=ROPE), 23),
    "falcon-new": ("falcon", HEADS | dict(
        num_attention_heads=4, num_kv_heads=2, new_decoder_architecture=True, ffn_hidden_size=48, bias=True, tie_word_embeddings=False, rope_parameters=ROPE), 24),
    "falcon-heads": ("falcon", HEADS | dict(multi_query=False, parallel_attn=False, rope_parameters=ROPE), 25),
    "mixtral": ("mixtral", dict(
        head_dim=8, intermediate_size=16, rope_parameters=ROPE, num_local_experts=4, num_experts_per_tok=2, tie_word_embeddings=True), 21),
    "qwen2_moe": ("qwen2_moe", dict(
        rope_parameters=ROPE, intermediate_size=16, num_experts=5, num_experts_per_tok=3, moe_intermediate_size=8,
        shared_expert_intermediate_size=12, tie_word_embeddings=True), 22),
    "qwen2_moe-dense": ("qwen2_moe", dict(
        rope_parameters=ROPE, intermediate_size=20, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=8,
        shared_expert_intermediate_size=12, mlp_only_layers=[0], norm_topk_prob=True, qkv_bias=False), 23),
    "qwen3_moe": ("qwen3_moe", dict(
        hidden_size=32, num_hidden_layers=1, head_dim=8, rope_parameters=ROPE, num_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=32, norm_topk_prob=True, tie_word_embeddings=True), 24),
    "lfm2": ("lfm2", dict(
        num_hidden_layers=3, layer_types=["conv", "full_attention", "conv"], rope_parameters=ROPE,
        block_ff_dim=44, block_multiple_of=16, tie_word_embeddings=True), 25),
    "lfm2-biased": ("lfm2", dict(
        layer_types=["full_attention", "conv"], rope_parameters=ROPE, conv_bias=True, conv_L_cache=4,
        block_auto_adjust_ff_dim=False, tie_word_embeddings=False), 26),
}  # fmt: skip
OTHER_WORDS = {"gpt_neox", "gpt2", "opt", "falcon"}
# What has no GGUF: llama.cpp has no window in the first, OPT not at all, of the others only what its converter keeps, experts in all
# blocks, and no biases of convolutions.
NO_GGUF = {
    "qwen2-window", "llama-dynamic", "gpt_neox-sequential", "opt", "opt-after", "falcon-heads", "qwen2_moe-dense", "lfm2-biased",
}  # fmt: skip


def make_model(name):
    kind, more, seed = FAMILIES[name]
    torch.manual_seed(seed)
    settings = dict(max_position_embeddings=64) | ({} if kind in OTHER_WORDS else SIZES) | more
    config = AutoConfig.for_model(kind, **settings, vocab_size=VOCABULARY, bos_token_id=1, eos_token_id=2, pad_token_id=2)
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("bias"):
                parameter.normal_(0.0, 0.3)
            elif "norm" in parameter_name or "ln_" in parameter_name:
                parameter.normal_(0.0 if "gemma" in name else 1.0, 0.3)
            else:
                ends = ("embed", "lm_head", "wte", "wpe")
                parameter.normal_(0.0, 0.1 if any(end in parameter_name for end in ends) else 0.2)
            if name in experts.QUANTISED and ".experts." in parameter_name:
                parameter.copy_(experts.rounded(parameter))
    return model


@contextlib.contextmanager
def in_float64(model):
    """transformers takes norms, softmax and rotation to float32 by name; that name means float64 here."""
    kept = torch.float32, torch.float, torch.Tensor.float
    model.double()
    torch.float32, torch.float, torch.Tensor.float = torch.float64, torch.float64, torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = kept


def add_adapter(model, folder):
    if experts.has_some(model):
        return experts.add_adapter(model, folder)
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


def stacked(weight, key_heads, dimension):
    """llama.cpp's order of a projection that has queries, keys and values of one key head after the other."""
    parts = weight.reshape(key_heads, -1, dimension, *weight.shape[1:])
    return numpy.concatenate([part.reshape(-1, *weight.shape[1:]) for part in (parts[:, :-2], parts[:, -2], parts[:, -1])])


def gguf_tensors(kind, model):
    """The weights as llama.cpp's converter keeps them, by their names in transformers."""
    config = model.config
    tensors = {name: tensor.float().numpy() for name, tensor in model.state_dict().items()}
    if config.tie_word_embeddings:
        del tensors["lm_head.weight"]
    key_heads = key_head_count(config)
    for name, weight in tensors.items():
        if kind in ("llama", "smollm3", "granite") and (".q_proj." in name or ".k_proj." in name):
            tensors[name] = interleaved(weight, config.num_attention_heads if ".q_proj." in name else key_heads)
        if kind.startswith("gemma") and name.endswith("norm.weight"):
            tensors[name] = weight + 1
        if ".query_key_value." in name:
            tensors[name] = stacked(weight, key_heads, config.hidden_size // config.num_attention_heads)
        if ".conv.conv." in name:
            tensors[name] = weight.squeeze(1)
        if kind == "gpt2" and name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            tensors[name] = weight.T
    for name in [name for name in tensors if name.endswith(".norms.0.weight")]:
        path = name.removesuffix(".norms.0.weight")
        heads = [tensors.pop(part) for part in [part for part in tensors if part.startswith(f"{path}.norms.")]]
        tensors[f"{path}.weight"] = numpy.stack(heads)
    return tensors


def key_head_count(config):
    if config.model_type == "falcon" and not config.new_decoder_architecture:
        return 1 if config.multi_query else config.num_attention_heads
    return getattr(config, "num_key_value_heads", None) or getattr(config, "num_kv_heads", None) or config.num_attention_heads


def inner_size(config):
    for key in ("intermediate_size", "n_inner", "ffn_hidden_size"):
        if getattr(config, key, None):
            return getattr(config, key)


def write_gguf(name, model, tokenizer, path):
    config = model.config
    kind = {
        "mistral": "llama", "gemma3_text": "gemma3", "gpt_neox": "gptneox", "mixtral": "llama", "qwen2_moe": "qwen2moe",
        "qwen3_moe": "qwen3moe",
    }.get(config.model_type, config.model_type)  # fmt: skip
    architecture = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == kind)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, kind)
    writer.add_name(path.parent.name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(model.model.layers[0].feed_forward.w1.out_features if kind == "lfm2" else inner_size(config))
    writer.add_head_count(config.num_attention_heads)
    if kind == "lfm2":
        writer.add_head_count_kv([key_head_count(config) if kind == "full_attention" else 0 for kind in config.layer_types])
        writer.add_shortconv_l_cache(config.conv_L_cache)
    elif kind not in ("gptneox", "gpt2"):
        writer.add_head_count_kv(key_head_count(config))
    experts.add_metadata(writer, config)
    dimension = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if kind not in ("gptneox", "gpt2", "falcon", "phi3", "stablelm"):
        writer.add_key_length(dimension)
        writer.add_value_length(dimension)
    if hasattr(config, "rms_norm_eps") or kind == "lfm2":
        writer.add_layer_norm_rms_eps(config.norm_eps if kind == "lfm2" else config.rms_norm_eps)
    else:
        writer.add_layer_norm_eps(getattr(config, "layer_norm_eps", None) or config.layer_norm_epsilon)
    rope = getattr(config, "rope_parameters", None) or {}
    rope = rope.get("full_attention", rope)
    if kind not in ("gptneox", "gpt2", "falcon", "stablelm"):
        writer.add_rope_freq_base(rope["rope_theta"])
    if kind in ("gptneox", "stablelm", "phi3"):
        writer.add_rope_dimension_count(int(dimension * rope.get("partial_rotary_factor", 1.0)))
    if kind in ("gptneox", "stablelm"):
        writer.add_parallel_residual(config.use_parallel_residual)
    if rope.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if kind == "phi3":
        original = config.original_max_position_embeddings
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_sliding_window(config.sliding_window or 0)
        if "long_factor" in rope:
            scale = config.max_position_embeddings / original
            writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
            writer.add_tensor("rope_factors_long.weight", numpy.array(rope["long_factor"], numpy.float32))
            writer.add_tensor("rope_factors_short.weight", numpy.array(rope["short_factor"], numpy.float32))
    elif getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
    if kind == "falcon":
        writer.add_tensor_data_layout("jploski")
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
    for tensor_name, weight in gguf_tensors(kind, model).items():
        if ".mlp.experts." in tensor_name or "shared_expert_gate" in tensor_name:
            experts.write_gguf(writer, tensor_name, weight, name in experts.QUANTISED)
            continue
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
    if experts.has_some(model):
        gradients = experts.split_gradients(gradients, model.config)
    if name == "qwen3_moe":
        with_stacked = experts.stacked_adapter(make_model(name), folder / "adapter-stacked")
        with in_float64(with_stacked), torch.no_grad():
            stacked_loss = with_stacked(input_ids=ids, labels=ids).loss
        gradients["stacked_loss"] = stacked_loss.float()[None]
    tensors = {"input_ids": ids, "logits": logits.float(), "loss": loss.detach().float()[None]} | gradients
    save_file(tensors, folder / "expected.safetensors")
    spread = round(logits.std().item(), 3)
    manifest.write(folder, PACKAGES, logits_standard_deviation=spread, largest_float32_error=error)
