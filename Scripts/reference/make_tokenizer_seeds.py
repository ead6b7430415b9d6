"""Writes Fuzz/Seeds/{tokenizer,sentencepiece} and Fuzz/Dictionaries/tokenizer from the fixtures of make_tokenizer_kinds.py: each kind with
a model of a few tokens instead of its own, small enough for the fuzzer to turn over."""

import json
import pathlib
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, trainers

ROOT = pathlib.Path(__file__).parents[2]
KINDS = ROOT / "Tests/HoneTextTests/Fixtures/tokenizer-kinds"
TEXT = ["the then tent", "▁the▁then ten", "ĠtheĠthen", "he ten 12 12"] * 3


def folder(name):
    path = ROOT / "Fuzz/Seeds" / name
    path.mkdir(parents=True, exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    return path


def small(model):
    """A model of the same type and options that knows a dozen pieces."""
    kind = model["type"]
    special = ["<unk>", "[UNK]", "<s>", "</s>", "<0x0A>", "[CLS]", "[SEP]"]
    if kind == "Unigram":
        pieces = [[t, 0.0] for t in special] + [["▁", -2.0], ["▁the", -3.0], ["t", -4.0], ["he", -4.5], ["en", -5.0], ["e", -6.0]]
        return {**model, "vocab": pieces}
    if kind == "BPE":
        extras = {k: model[k] for k in ("continuing_subword_prefix", "end_of_word_suffix") if model.get(k)}
        trainer = trainers.BpeTrainer(vocab_size=40, special_tokens=special, show_progress=False, **extras)
        core = Tokenizer(models.BPE(unk_token="<unk>", **extras))
    elif kind == "WordPiece":
        trainer = trainers.WordPieceTrainer(vocab_size=30, special_tokens=special, show_progress=False)
        core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    else:
        trainer = trainers.WordLevelTrainer(vocab_size=12, special_tokens=special, show_progress=False)
        core = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    core.train_from_iterator(TEXT, trainer)
    trained = json.loads(core.to_str())["model"]
    return {**model, "vocab": trained["vocab"], **({"merges": trained["merges"]} if "merges" in trained else {})}


seeds = folder("tokenizer")
words = set()
entries = json.loads((KINDS / "kinds.json").read_text()) + json.loads((KINDS / "pre-tokenizers.json").read_text())


def collect(value):
    if isinstance(value, dict):
        words.update(value)
        for part in value.values():
            collect(part)
    elif isinstance(value, list):
        for part in value:
            collect(part)
    elif isinstance(value, str) and value.isalpha() and len(value) > 2:
        words.add(value)


for entry in entries:
    collect(entry["tokenizer"])
    model = json.loads((KINDS / entry["model"]).read_text()) | entry["options"]
    words.update(model.keys() - {"vocab"})
    text = json.dumps(entry["tokenizer"] | {"model": small(model)}, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) < 8192:
        (seeds / f"{entry['name']}.json").write_text(text)
patterns = ["\\\\p{L}", "\\\\s+(?!\\\\S)", "(?i:'s|'t)", "{1,3}", "[^\\\\r\\\\n]", "(?<=", "\\\\b", "&&", "++", "*?", "(?>", "\\\\R"]
(ROOT / "Fuzz/Dictionaries/tokenizer").write_text("".join(f'"{w}"\n' for w in sorted(w for w in words if w.isascii() and '"' not in w and "\\" not in w) + patterns))

seeds = folder("sentencepiece")
for kind in ("bpe", "unigram"):
    with tempfile.TemporaryDirectory() as temporary:
        prefix = pathlib.Path(temporary) / kind
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([t.replace("▁", " ") for t in TEXT]), model_prefix=str(prefix), model_type=kind, vocab_size=24,
            hard_vocab_limit=False, normalization_rule_name="identity", user_defined_symbols=["<sep>"], minloglevel=2)  # fmt: skip
        (seeds / f"{kind}.model").write_bytes(pathlib.Path(f"{prefix}.model").read_bytes())
fixture = sentencepiece_model_pb2.ModelProto()
fixture.ParseFromString((KINDS / "unigram.model").read_bytes())
del fixture.pieces[40:]
(seeds / "character-map.model").write_bytes(fixture.SerializeToString())
