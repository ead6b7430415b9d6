"""Writes Tests/HoneModelsTests/Fixtures/NAME: what transformers computes with a GGUF's dequantised weights, in float32.

    python make_model_fixtures.py smollm2 SmolLM2-135M-Instruct.Q4_1.gguf
    python make_model_fixtures.py gemma3 gemma-3-270m-q4_k_m.gguf
    python make_model_fixtures.py qwen2.5-coder qwen2.5-coder-0.5b-instruct-q4_k_m.gguf

expected.safetensors, for every text and prompt NAME of expected.json (which holds them as strings):
  text.NAME.ids, text.NAME.logprobs      I32 [n] and F32 [n - 1]: the natural log-probability of each token given those before it
  greedy.NAME.prompt, greedy.NAME.ids    I32 [n] and I32 [32]: the likeliest continuation, not stopped by an end token
  greedy.NAME.margins                    F32 [32]: by how much the best logit beat the second; small ones may flip with rounding
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

import dequantise_folder
import manifest

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/HoneModelsTests/Fixtures" / sys.argv[1]
GGUF = pathlib.Path(sys.argv[2])
TEXTS = {
    "prose": "The lighthouse keeper had not spoken to anyone for eleven days when the boat came. It was a small boat, blue under its "
    "patches, and it came in against the wind with more patience than skill. He watched it from the gallery, counting the tacks, "
    "and by the fifth he knew who was at the tiller. Nobody else would have tried the northern channel at low water; nobody else "
    "would have succeeded. He put the kettle on, laid out two cups, and then, after a moment, a third, because she never came alone.",
    "facts": "Water boils at 100 degrees Celsius at sea level. The Earth orbits the Sun once every 365.25 days, and the Moon orbits the "
    "Earth about every 27.3 days. In 1969, Neil Armstrong became the first person to walk on the Moon.",
    "code": "def merge_sorted(a, b):\n    \"\"\"Merge two sorted lists into one sorted list.\"\"\"\n    result = []\n    i = j = 0\n"
    "    while i < len(a) and j < len(b):\n        if a[i] <= b[j]:\n            result.append(a[i])\n            i += 1\n"
    "        else:\n            result.append(b[j])\n            j += 1\n    result.extend(a[i:])\n    result.extend(b[j:])\n"
    "    return result\n\n\nassert merge_sorted([1, 4, 9], [2, 3, 10, 11]) == [1, 2, 3, 4, 9, 10, 11]\n",
    "multilingual": "Bonjour le monde, comment allez-vous aujourd'hui ? Guten Tag, schöne Grüße aus Köln! ¿Dónde está la biblioteca? "
    "Москва — столица России. 東京は日本の首都です。 مرحبا بالعالم 안녕하세요 👩‍💻🎉",
}  # fmt: skip
DIALOGUES = {
    "dialogue": [
        {"role": "user", "content": "What should I pack for a weekend of hiking?"},
        {"role": "assistant", "content": "Bring layers, a rain jacket, sturdy boots, two litres of water, a map and a small first-aid kit."},
        {"role": "user", "content": "And if it snows?"},
        {"role": "assistant", "content": "Then add gaiters, gloves, a warm hat and a thermos, and tell someone which path you will take."},
    ],
    "dialogue-with-system": [
        {"role": "system", "content": "You answer in one short sentence."},
        {"role": "user", "content": "Who wrote Pride and Prejudice, and in which year was it published?"},
        {"role": "assistant", "content": "Jane Austen wrote it, and it was published in 1813."},
    ],
}  # fmt: skip
PROMPTS = {
    "capital": "The capital of France is",
    "story": "Once upon a time, in a village by the sea,",
    "code": "def fibonacci(n):\n",
}
QUESTION = [{"role": "user", "content": "Name three colours of the rainbow."}]


def logprobs(model, ids):
    with torch.no_grad():
        scores = model(ids[None]).logits[0, :-1].log_softmax(-1)
    return scores.gather(1, ids[1:, None])[:, 0].contiguous()


def greedy(model, ids, count=32):
    found, margins = [], []
    for _ in range(count):
        with torch.no_grad():
            best = model(torch.cat([ids, torch.tensor(found, dtype=ids.dtype)])[None]).logits[0, -1].topk(2)
        found.append(best.indices[0].item())
        margins.append((best.values[0] - best.values[1]).item())
    return torch.tensor(found, dtype=torch.int32), torch.tensor(margins)


torch.set_num_threads(2)
tokenizer = dequantise_folder.tokenizer(GGUF)
model = dequantise_folder.model(GGUF, torch.float32)
render = lambda messages, **more: tokenizer.apply_chat_template(messages, tokenize=False, **more)
texts, prompts = dict(TEXTS), dict(PROMPTS)
if tokenizer.chat_template:
    texts |= {name: render(messages) for name, messages in DIALOGUES.items()}
    prompts |= {"question": render(QUESTION, add_generation_prompt=True)}
tensors, continuations = {}, {}
for name, text in texts.items():
    ids = torch.tensor(tokenizer(text)["input_ids"])
    tensors[f"text.{name}.ids"], tensors[f"text.{name}.logprobs"] = ids.int(), logprobs(model, ids)
    print(f"{name}: {len(ids)} tokens, {tensors[f'text.{name}.logprobs'].mean():.4f} a token")
for name, prompt in prompts.items():
    ids = torch.tensor(tokenizer(prompt)["input_ids"])
    found, margins = greedy(model, ids)
    tensors[f"greedy.{name}.prompt"] = ids.int()
    tensors[f"greedy.{name}.ids"], tensors[f"greedy.{name}.margins"] = found, margins
    continuations[name] = tokenizer.decode(found)
    print(f"{name}: smallest margin {margins.min():.4f}: {continuations[name]!r}")
FOLDER.mkdir(parents=True, exist_ok=True)
save_file(tensors, FOLDER / "expected.safetensors")
said = {"texts": texts, "prompts": prompts, "continuations": continuations}
(FOLDER / "expected.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
manifest.write(FOLDER, ["torch", "transformers", "tokenizers", "gguf", "safetensors"])
