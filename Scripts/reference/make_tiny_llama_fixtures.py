"""Writes Tests/HoneModelsTests/Fixtures/tiny-llama-*: random two-layer Llama models with the logits transformers gives them.

Each folder is in Hugging Face layout, with a byte-level tokenizer of 272 tokens, and `expected.safetensors`:
  input_ids   I64 [2, 24]
  logits      F32 [2, 24, vocabulary]   float32, eager attention, the stored weights widened to float32
  logits_f64  F32 [2, 24, vocabulary]   the same computed in float64 and then rounded: the better oracle

  tied         grouped-query attention, tied embedding                        stored F32
  untied       one key-value head for three, separate head, odd sizes         stored F32
  rope-scaled  Llama 3 scaling reached by every kind of frequency (kept, blended, slowed); head_dim is not hidden / heads;
               config-v4.json says the same as config.json with the keys that transformers 4 wrote (rope_theta, rope_scaling)
  bf16         as tied, other weights                                         stored BF16
  sharded      as untied, other weights, in two files with an index           stored F16
  even         every row a whole number of blocks of 64, to be quantised      stored BF16
  gguf         tied-f32.gguf, tied-q8_0.gguf and tied-q4_1.gguf: the weights of `tied` under llama.cpp's names with query and key rows permuted;
               wide-q4_k.gguf: another model with rows of 256 in Q4_K, and in Q8_0 where rows are shorter;
               rope-scaled-f32.gguf: those of `rope-scaled`, the scaling as a tensor `rope_freqs.weight`, as llama.cpp's
               converter writes it; expected-*.safetensors: the logits of the quantised ones
"""

import json
import math
import pathlib
import shutil

import gguf
import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig, LlamaForCausalLM

import manifest
import tiny_tokenizer

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/HoneModelsTests/Fixtures"
PACKAGES = ["torch", "transformers", "tokenizers", "safetensors", "gguf", "numpy"]
VOCABULARY = 272
TEXT = "the thing in the other hand and then there an in on he the"

GROUPED = dict(hidden_size=64, intermediate_size=32, num_attention_heads=4, num_key_value_heads=2, head_dim=16)
SINGLE = dict(hidden_size=48, intermediate_size=72, num_attention_heads=3, num_key_value_heads=1, head_dim=16)
SCALED = dict(hidden_size=32, intermediate_size=72, num_attention_heads=4, num_key_value_heads=2, head_dim=16)
EVEN = dict(hidden_size=64, intermediate_size=128, num_attention_heads=4, num_key_value_heads=2, head_dim=16)
WIDE = dict(hidden_size=256, intermediate_size=256, num_attention_heads=4, num_key_value_heads=2, head_dim=16)
SCALING = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32
)
MODELS = {
    "tied": (6, torch.float32, GROUPED, dict(tie_word_embeddings=True)),
    "untied": (2, torch.float32, SINGLE, dict(tie_word_embeddings=False, rms_norm_eps=1e-6)),
    "rope-scaled": (3, torch.float32, SCALED, dict(tie_word_embeddings=True, rope_parameters=dict(rope_theta=100.0, **SCALING))),
    "bf16": (4, torch.bfloat16, GROUPED, dict(tie_word_embeddings=True)),
    "sharded": (5, torch.float16, SINGLE, dict(tie_word_embeddings=False)),
    "even": (7, torch.bfloat16, EVEN, dict(tie_word_embeddings=True)),
}  # fmt: skip


def make_model(seed, dtype, sizes, more, spread=1):
    torch.manual_seed(seed)
    settings = dict(rope_parameters=dict(rope_theta=10000.0, rope_type="default"), rms_norm_eps=1e-5) | sizes | more
    config = LlamaConfig(
        vocab_size=VOCABULARY, num_hidden_layers=2, max_position_embeddings=256, attn_implementation="eager",
        bos_token_id=1, eos_token_id=2, pad_token_id=2, **settings,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.normal_(1.0, 0.3)
            else:
                parameter.normal_(0.0, spread * (0.1 if "embed" in name or "lm_head" in name else 0.15))
    return model.to(dtype)


def logits(folder, ids, **how):
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **how
    ).eval()
    with torch.no_grad():
        return model(ids).logits.contiguous()


def exact_logits(model, ids):
    """The same network once more, in float64 throughout (transformers keeps norms, softmax and rotation in float32)."""
    config = model.config
    w = {name: tensor.double() for name, tensor in model.state_dict().items()}
    rows, length = ids.shape
    heads, shared, size = config.num_attention_heads, config.num_key_value_heads, config.head_dim

    def norm(x, weight):
        return x / (x.square().mean(-1, keepdim=True) + config.rms_norm_eps).sqrt() * weight

    frequencies = config.rope_parameters["rope_theta"] ** (-torch.arange(0, size, 2).double() / size)
    if config.rope_parameters["rope_type"] == "llama3":
        frequencies /= torch.from_numpy(rope_factors(config)).double()
    angles = torch.outer(torch.arange(length).double(), frequencies)

    def rotate(x):
        a, b = x.chunk(2, -1)
        return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1)

    x = w["model.embed_tokens.weight"][ids]
    mask = torch.full((length, length), -torch.inf).double().triu(1)
    for n in range(config.num_hidden_layers):
        at = f"model.layers.{n}."
        h = norm(x, w[at + "input_layernorm.weight"])
        q, k, v = (
            (h @ w[f"{at}self_attn.{p}_proj.weight"].T).view(rows, length, -1, size).transpose(1, 2) for p in "qkv"
        )
        k, v = (t.repeat_interleave(heads // shared, 1) for t in (k, v))
        scores = rotate(q) @ rotate(k).transpose(2, 3) / size**0.5 + mask
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(rows, length, -1)
        x = x + mixed @ w[at + "self_attn.o_proj.weight"].T
        h = norm(x, w[at + "post_attention_layernorm.weight"])
        gate, up = h @ w[at + "mlp.gate_proj.weight"].T, h @ w[at + "mlp.up_proj.weight"].T
        x = x + (torch.nn.functional.silu(gate) * up) @ w[at + "mlp.down_proj.weight"].T
    return (norm(x, w["model.norm.weight"]) @ w["lm_head.weight"].T).float()


def expected(model, folder, seed, **how):
    ids = torch.randint(0, VOCABULARY, (2, 24), generator=torch.Generator().manual_seed(100 + seed))
    return {"input_ids": ids, "logits": logits(folder, ids, **how), "logits_f64": exact_logits(model, ids)}


def write_config_of_version_4(folder):
    config = json.loads((folder / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.45.0"
    (folder / "config-v4.json").write_text(json.dumps(config, indent=2) + "\n")


def permuted(weight, heads):
    """The order llama.cpp keeps query and key rows in: halves of a head interleaved."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


GGUF_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "model.layers": "blk",
}  # fmt: skip


def rope_factors(config):
    """By what each rotary frequency is divided (Llama 3's rule, as llama.cpp's converter writes it)."""
    s = config.rope_parameters
    wavelengths = 2 * math.pi * s["rope_theta"] ** (numpy.arange(0, config.head_dim, 2) / config.head_dim)
    turns = s["original_max_position_embeddings"] / wavelengths
    blend = (turns - s["low_freq_factor"]) / (s["high_freq_factor"] - s["low_freq_factor"])
    blend = blend.clip(0, 1)
    return (1 / (blend + (1 - blend) / s["factor"])).astype(numpy.float32)


def q4_k(weight):
    """Q4_K blocks of a matrix, made simply: gguf reads them but does not write them. 256 numbers are eight times 32, each
    q * d * scale - dmin * minimum with four bits for q and six for scale and minimum."""
    x = weight.reshape(-1, 8, 32)
    lowest = numpy.maximum(-x.min(-1), 0)
    steps = (x.max(-1) + lowest) / 15
    d, dmin = (numpy.maximum(v.max(-1, keepdims=True) / 63, 1e-9).astype(numpy.float16) for v in (steps, lowest))
    scales, minima = ((v / f.astype(numpy.float32)).round().clip(0, 63).astype(numpy.uint8) for v, f in ((steps, d), (lowest, dmin)))
    step = numpy.maximum(d.astype(numpy.float32) * scales, 1e-9)[..., None]
    q = ((x + (dmin.astype(numpy.float32) * minima)[..., None]) / step).round().clip(0, 15).astype(numpy.uint8)
    packed = numpy.concatenate([
        scales[:, :4] | (scales[:, 4:] >> 4) << 6, minima[:, :4] | (minima[:, 4:] >> 4) << 6,
        (scales[:, 4:] & 15) | (minima[:, 4:] & 15) << 4,
    ], -1)  # fmt: skip
    codes = (q[:, 0::2] | q[:, 1::2] << 4).reshape(-1, 128)
    blocks = numpy.concatenate([d.view(numpy.uint8), dmin.view(numpy.uint8), packed, codes], -1)
    return blocks.reshape(weight.shape[0], -1)


def write_gguf(model, tokenizer, path, quantised):
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(path.stem)
    kinds = {"q8_0": gguf.LlamaFileType.MOSTLY_Q8_0, "q4_1": gguf.LlamaFileType.MOSTLY_Q4_1, "q4_k": gguf.LlamaFileType.MOSTLY_Q4_K_S}
    writer.add_file_type(kinds.get(quantised, gguf.LlamaFileType.ALL_F32))
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    special = {t["content"] for t in core["added_tokens"]}
    tokens = sorted(core["model"]["vocab"], key=core["model"]["vocab"].get)
    kinds = [gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL for t in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in core["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)
    if config.rope_parameters["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        weight = tensor.float().numpy()
        if "q_proj" in name:
            weight = permuted(weight, config.num_attention_heads)
        if "k_proj" in name:
            weight = permuted(weight, config.num_key_value_heads)
        for ours, theirs in GGUF_NAMES.items():
            name = name.replace(ours, theirs)
        name = name.replace("model.", "")
        if quantised and weight.ndim == 2:
            if quantised == "q4_k" and weight.shape[1] % 256 == 0:
                writer.add_tensor(name, q4_k(weight), raw_dtype=gguf.GGMLQuantizationType.Q4_K)
                continue
            kind = gguf.GGMLQuantizationType[quantised.upper() if quantised != "q4_k" else "Q8_0"]
            writer.add_tensor(name, gguf.quants.quantize(weight, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, numpy.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


torch.set_num_threads(1)
tokenizer = tiny_tokenizer.train([TEXT], VOCABULARY)
models = {"wide": make_model(8, torch.float32, WIDE, dict(tie_word_embeddings=True), spread=0.5)}
for name, (seed, dtype, sizes, more) in MODELS.items():
    folder = FIXTURES / f"tiny-llama-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    model = models[name] = make_model(seed, dtype, sizes, more)
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=2)
    model.save_pretrained(folder, max_shard_size="70KB" if name == "sharded" else "1GB")
    tokenizer.save_pretrained(folder)
    if name == "rope-scaled":
        write_config_of_version_4(folder)
    tensors = expected(model, folder, seed)
    save_file(tensors, folder / "expected.safetensors")
    spread = tensors["logits"].std().item()
    error = (tensors["logits"] - tensors["logits_f64"]).abs().max().item()
    manifest.write(folder, PACKAGES, logits_standard_deviation=round(spread, 3), largest_float32_error=error)

folder = FIXTURES / "tiny-llama-gguf"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
FILES = [("tied", None), ("tied", "q8_0"), ("tied", "q4_1"), ("wide", "q4_k"), ("rope-scaled", None)]
for name, quantised in FILES:
    path = folder / f"{name}-{quantised or 'f32'}.gguf"
    write_gguf(models[name], tokenizer, path, quantised)
    back = AutoModelForCausalLM.from_pretrained(folder, gguf_file=path.name, dtype=torch.float32)
    tensors = expected(back, folder, MODELS[name][0] if name in MODELS else 8, gguf_file=path.name)
    if quantised:
        save_file(tensors, folder / f"expected-{quantised}.safetensors")
        continue
    difference = (tensors["logits"] - load_file(FIXTURES / f"tiny-llama-{name}/expected.safetensors")["logits"]).abs().max()
    # transformers 5.23 does not read rope_freqs.weight, so it differs there; llama.cpp does.
    print(f"{path.name} read by transformers differs from its folder by {difference}")
manifest.write(folder, PACKAGES)
