"""Writes Tests/HoneTextTests/Fixtures/vocabulary-files: a GPT-2 tokenizer as OPT's folders keep it, and what transformers makes of it.

  vocab.json, merges.txt    600 tokens, trained on the licence's text
  tokenizer_config.json     with a token for a text's beginning
  expected.json             [text, ids] for texts of several kinds
"""

import json
import pathlib

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

import manifest

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "Tests/HoneTextTests/Fixtures/vocabulary-files"
PACKAGES = ["tokenizers", "transformers"]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]

core = Tokenizer(models.BPE())
core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
core.train_from_iterator(
    [(ROOT / "LICENSE").read_text()],
    trainers.BpeTrainer(
        vocab_size=600, special_tokens=SPECIAL, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    ),
)
FOLDER.mkdir(exist_ok=True)
core.model.save(str(FOLDER))
token = dict(__type="AddedToken", lstrip=False, normalized=True, rstrip=False, single_word=False)
config = dict(
    tokenizer_class="GPT2Tokenizer",
    errors="replace",
    add_prefix_space=False,
    add_bos_token=True,
    unk_token=token | dict(content="</s>"),
    bos_token=token | dict(content="</s>"),
    eos_token=token | dict(content="</s>"),
    pad_token=token | dict(content="<pad>"),
    model_max_length=2048,
)
(FOLDER / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
tokenizer = AutoTokenizer.from_pretrained(FOLDER)
texts = ["", "a", "The model's weights, 1024 of them!", "ends</s> here", "a<pad>b <s>", "  two  spaces\n\n\tand tabs ", "Größe, 大きさ, 🙂"]
expected = [[text, tokenizer(text).input_ids] for text in texts]
(FOLDER / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")
manifest.write(FOLDER, PACKAGES)
