"""Checks that transformers loads a model that `hone merge` wrote, and that it computes what peft computes with base and adapter.

Usage: check_merged.py MERGED [--base FOLDER --adapter FOLDER]     (the base in Hugging Face layout; of a GGUF, what dequantise_folder.py wrote)
"""

import argparse
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

arguments = argparse.ArgumentParser()
arguments.add_argument("merged")
arguments.add_argument("--base")
arguments.add_argument("--adapter")
arguments = arguments.parse_args()
texts = ["The capital of France is Paris, and that of Peru is Lima.", "for i in range(10):\n    print(i * 2024)\n", "Čau! 你好 🙂  ٣"]

model, loading = AutoModelForCausalLM.from_pretrained(arguments.merged, output_loading_info=True)
assert not any(loading[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), loading
tokenizer = AutoTokenizer.from_pretrained(arguments.merged)
tied = model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
print(f"{type(model).__name__}, {model.dtype}, head {'tied' if tied else 'of its own'}, ends {model.generation_config.eos_token_id}")
chat = tokenizer.apply_chat_template([{"role": "user", "content": "Where is Lima?"}], tokenize=False, add_generation_prompt=True)
ids = tokenizer(chat, return_tensors="pt", add_special_tokens=False)
print(repr(tokenizer.decode(model.generate(**ids, max_new_tokens=16, do_sample=False)[0][ids.input_ids.shape[1] :])))
if arguments.adapter:
    own = AutoTokenizer.from_pretrained(arguments.base)
    assert own.apply_chat_template([{"role": "user", "content": "Where is Lima?"}], tokenize=False, add_generation_prompt=True) == chat
    base = AutoModelForCausalLM.from_pretrained(arguments.base, dtype=torch.float32)
    adapted, merged = PeftModel.from_pretrained(base, arguments.adapter), model.float()
    for text in texts:
        ids = own(text, return_tensors="pt").input_ids
        assert ids.equal(tokenizer(text, return_tensors="pt").input_ids), text
        with torch.no_grad():
            one, two = merged(input_ids=ids).logits, adapted(input_ids=ids).logits
        same = (one.argmax(-1) == two.argmax(-1)).float().mean().item()
        print(f"{ids.shape[1]} tokens: logits differ by {(one - two).abs().mean():.2g} in the mean, {(one - two).abs().max():.2g} at most; likeliest token the same at {100 * same:.0f} %")
