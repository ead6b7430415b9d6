"""Writes a Hugging Face folder (config, safetensors, tokenizer, chat template, generation settings) from a GGUF file.

    python dequantise_folder.py MODEL.gguf FOLDER [--dtype float32|bfloat16]

The weights are what transformers reads from the GGUF: dequantised, query and key rows un-permuted. One thing is corrected:
transformers ignores `tokenizer.ggml.pre`, so a SmolLM tokenizer comes back without the split of every digit that the model was
trained with. `tokenizer(path)` below puts it back; `tokenizer(path, as_transformers=True)` leaves it as transformers made it.
"""

import argparse
import pathlib

import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig


def tokenizer(gguf: pathlib.Path, as_transformers: bool = False):
    made = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    pre = GGUFReader(gguf).fields["tokenizer.ggml.pre"].contents()
    if pre == "smollm" and not as_transformers:
        made.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
    return made


def model(gguf: pathlib.Path, dtype: torch.dtype):
    made = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent), gguf_file=gguf.name, dtype=dtype, attn_implementation="eager"
    ).eval()
    # It is a dense model now; transformers refuses to save one that remembers it was quantised.
    made.hf_quantizer = None
    made.config.quantization_config = None
    del made.config.quantization_config
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    torch.set_num_threads(2)
    text, network = tokenizer(options.gguf), model(options.gguf, getattr(torch, options.dtype))
    network.generation_config = GenerationConfig(
        bos_token_id=text.bos_token_id, eos_token_id=text.eos_token_id, pad_token_id=text.pad_token_id
    )
    network.save_pretrained(options.folder, max_shard_size="100GB")
    text.save_pretrained(options.folder)
    print(f"{options.folder}: {type(network).__name__} {options.dtype}, {type(text).__name__} of {len(text)} tokens")
