"""Writes Tests/HoneTextTests/Fixtures/tokenizer-kinds: small tokenizers of each kind and what the tokenizers library makes of the
strings of strings.py.

  bytes.json, marks.json ...  models, trained here, as they stand under "model" in a tokenizer.json
  kinds.json                  a list of {name, model, options, tokenizer}: the model's file, members that replace the model's, and the
                              other members of the tokenizer.json
  pre-tokenizers.json         the same for each pre-tokeniser that GGUF files name; the test of Hone's list writes it, this reads it
  NAME.digests                for each string the low byte of the CRC-32 of its ids (as little-endian i32) and the text of these
  bpe.model, unigram.model    SentencePiece's own files; their digests are what SentencePiece itself makes of the strings
"""

import base64
import json
import pathlib
import shutil
import struct
import tempfile
import zlib

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

import manifest
import strings

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/HoneTextTests/Fixtures/tokenizer-kinds"
TEXTS = strings.strings()
# What models learn from: all kinds of strings, so that tokens reach over whatever a pre-tokeniser may split.
LESSON = strings.PHRASES * 3 + strings.CODE * 3 + TEXTS[400::3]
PROSE = [p for p in strings.PHRASES if p] * 4


def save(name, content):
    (FOLDER / name).write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_digests(name, encode, decode):
    out = bytearray()
    for text in TEXTS:
        ids = encode(text)
        out.append(zlib.crc32(struct.pack(f"<{len(ids)}i", *ids) + decode(ids).encode()) & 0xFF)
    (FOLDER / f"{name}.digests").write_bytes(out)


def trained(model, trainer, texts, normalizer=None, pre_tokenizer=None):
    core = Tokenizer(model)
    if normalizer:
        core.normalizer = normalizer
    if pre_tokenizer:
        core.pre_tokenizer = pre_tokenizer
    core.train_from_iterator(texts, trainer)
    return json.loads(core.to_str())["model"]


def model_files():
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    save("bytes.json", trained(
        models.BPE(), trainers.BpeTrainer(vocab_size=1500, special_tokens=["<|endoftext|>", "<s>", "</s>", "<mask>"], initial_alphabet=alphabet,
            show_progress=False), LESSON, pre_tokenizer=byte_level))  # fmt: skip
    spaces = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    marks = trained(
        models.BPE(unk_token="<unk>", fuse_unk=True), trainers.BpeTrainer(vocab_size=1300,
            special_tokens=["<unk>", "<s>", "</s>", *byte_tokens], limit_alphabet=300, show_progress=False), PROSE + LESSON[:2000], spaces,
        pre_tokenizers.Metaspace(prepend_scheme="never"))  # fmt: skip
    save("marks.json", marks)
    save("suffixes.json", trained(
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>"],
            limit_alphabet=200, end_of_word_suffix="</w>", show_progress=False), PROSE, normalizers.Lowercase(),
        pre_tokenizers.Whitespace()))  # fmt: skip
    save("prefixes.json", trained(
        models.BPE(unk_token="<unk>", continuing_subword_prefix="##"), trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>"],
            limit_alphabet=200, continuing_subword_prefix="##", show_progress=False), PROSE, None,
        pre_tokenizers.Whitespace()))  # fmt: skip
    save("unigram.json", trained(
        models.Unigram(), trainers.UnigramTrainer(vocab_size=900, special_tokens=["<unk>", "<s>", "</s>", *byte_tokens], unk_token="<unk>",
            show_progress=False), PROSE + LESSON[:1500], normalizers.Replace(" ", "▁"), pre_tokenizers.Metaspace()))  # fmt: skip
    save("words.json", trained(
        models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=900,
            special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], limit_alphabet=250, show_progress=False),
        PROSE, normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()))  # fmt: skip
    save("word-list.json", trained(
        models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(vocab_size=400, special_tokens=["[UNK]"], show_progress=False), PROSE,
        normalizers.Lowercase(), pre_tokenizers.Whitespace()))  # fmt: skip


def sentencepiece_models():
    """Trains SentencePiece's two models, with a small map of characters instead of the 240 kB of NFKC's."""
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.tsv"
        pairs = {"\ufb01": "fi", "\ufb02": "fl", "A\u030a": "\u00c5", "e\u0301": "\u00e9", "\u2026": "...", "\u3000": " ", "\t": " ", "\n": " ",
                 "\u200b": "", "\u2460": "1", "\uff76\uff9e": "\u30ac", "\uff21": "A", "\uff22": "B", "\u2126": "\u03a9"}  # fmt: skip
        rules.write_text("".join(f"{' '.join(f'{ord(c):X}' for c in k)}\t{' '.join(f'{ord(c):X}' for c in v)}\n" for k, v in pairs.items()))
        for kind in ("bpe", "unigram"):
            prefix = pathlib.Path(folder) / kind
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(PROSE + [t for t in LESSON[:3000] if t.strip()]), model_prefix=str(prefix), model_type=kind,
                vocab_size=1100, character_coverage=0.98, byte_fallback=kind == "bpe", user_defined_symbols=["<sep>"] if kind == "bpe" else [],
                normalization_rule_tsv="" if kind == "bpe" else str(rules), remove_extra_whitespaces=kind == "unigram",
                **({"normalization_rule_name": "identity"} if kind == "bpe" else {}), hard_vocab_limit=False, minloglevel=2)  # fmt: skip
            shutil.copy(f"{prefix}.model", FOLDER / f"{kind}.model")


def special(content, id, **flags):
    token = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {**token, **flags}


def kind(name, model, options=None, **members):
    return {"name": name, "model": model, "options": options or {}, "tokenizer": members}


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
BYTES_ONLY = {**BYTES, "use_regex": False}


def with_normalizer(name, normalizer):
    return kind(f"normalizer-{name}", "bytes.json", normalizer=normalizer, pre_tokenizer=BYTES, decoder=BYTES)


def with_splits(name, *splits):
    return kind(f"splits-{name}", "bytes.json", pre_tokenizer={"type": "Sequence", "pretokenizers": [*splits, BYTES_ONLY]}, decoder=BYTES)


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def template(before, after):
    """Ids and texts before and after the text."""
    def part(name):
        return {"SpecialToken": {"id": name, "type_id": 0}}

    first = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [*(part(t) for t, _ in before), first, *(part(t) for t, _ in after)],
        "pair": [first, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in before + after},
    }


def sequence(of, *items):
    return {"type": "Sequence", of: list(items)}


def all_kinds(map64):
    def replace(text, content):
        return {"type": "Replace", "pattern": text, "content": content}

    mark_spaces = replace({"String": " "}, "▁")
    unmark = replace({"String": "▁"}, " ")
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    fallback = [unmark, {"type": "ByteFallback"}, {"type": "Fuse"}]
    marks_added = [special("<unk>", 0), special("<s>", 1), special("</s>", 2)]
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    precompiled = {"type": "Precompiled", "precompiled_charsmap": map64}
    bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    bert_added = [special(t, i) for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])] + [special("[MASK]", 4, lstrip=True)]
    word_piece = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    yield kind("llama-2", "marks.json", {"byte_fallback": True}, added_tokens=marks_added,
               normalizer=sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, mark_spaces),
               post_processor=template([("<s>", 1)], []), decoder=sequence("decoders", *fallback, strip))  # fmt: skip
    yield kind("llama-2-normalized-tokens", "marks.json", {"byte_fallback": True},
               added_tokens=[*marks_added, special("quick", 1300, normalized=True, special=False), special(" fox", 1301, normalized=True, special=False),
                             special("Hone", 1302, normalized=True, special=False, single_word=True, rstrip=True)],
               normalizer=sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, mark_spaces),
               decoder=sequence("decoders", *fallback, strip))  # fmt: skip
    for scheme in ("first", "always", "never"):
        yield kind(f"marks-{scheme}", "marks.json", {"byte_fallback": True}, added_tokens=marks_added,
                   pre_tokenizer={**metaspace, "prepend_scheme": scheme, "split": scheme != "first"},
                   decoder=sequence("decoders", *fallback, strip))  # fmt: skip
    yield kind("marks-without-bytes", "marks.json", {"byte_fallback": False, "fuse_unk": False}, pre_tokenizer=metaspace,
               decoder={**metaspace})  # fmt: skip
    yield kind("gemma", "marks.json", {"byte_fallback": True}, added_tokens=[*marks_added, special("<mask>", 1300, special=False)],
               normalizer=mark_spaces, pre_tokenizer=split({"String": " "}, "MergedWithPrevious"), decoder=sequence("decoders", *fallback),
               post_processor=template([("<s>", 1)], []))  # fmt: skip
    yield kind("clip", "suffixes.json",
               normalizer=sequence("normalizers", {"type": "NFC"}, replace({"Regex": "\\s+"}, " "), {"type": "Lowercase"}),
               pre_tokenizer=split({"Regex": "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"}, "Removed", True),
               decoder={"type": "BPEDecoder", "suffix": "</w>"})  # fmt: skip
    yield kind("prefixes", "prefixes.json", pre_tokenizer={"type": "Whitespace"}, decoder=word_piece)
    yield kind("t5", "unigram.json", added_tokens=[*marks_added, special("<mask>", 1640, lstrip=True)], normalizer=precompiled,
               pre_tokenizer=metaspace, decoder=metaspace, post_processor=template([], [("</s>", 2)]))  # fmt: skip
    yield kind("xlm-roberta", "unigram.json", added_tokens=marks_added,
               normalizer=sequence("normalizers", precompiled, replace({"Regex": " {2,}"}, " ")),
               pre_tokenizer=sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace), decoder=metaspace,
               post_processor=template([("<s>", 1)], [("</s>", 2)]))  # fmt: skip
    yield kind("albert", "unigram.json", {"byte_fallback": True}, normalizer=sequence("normalizers", replace({"String": "``"}, '"'),
               replace({"String": "''"}, '"'), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, precompiled),
               pre_tokenizer=metaspace, decoder=sequence("decoders", {"type": "ByteFallback"}, metaspace))  # fmt: skip
    yield kind("bert", "words.json", added_tokens=bert_added, normalizer=bert, pre_tokenizer={"type": "BertPreTokenizer"},
               post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}, decoder=word_piece)  # fmt: skip
    yield kind("bert-cased", "words.json", {"max_input_chars_per_word": 12}, added_tokens=bert_added,
               normalizer={**bert, "lowercase": False, "handle_chinese_chars": False}, pre_tokenizer={"type": "BertPreTokenizer"},
               decoder={**word_piece, "cleanup": False})  # fmt: skip
    yield kind("words", "word-list.json", normalizer={"type": "Lowercase"}, pre_tokenizer={"type": "Whitespace"})
    yield kind("roberta", "bytes.json", added_tokens=[special("<s>", 1), special("</s>", 2), special("<mask>", 3, lstrip=True)],
               pre_tokenizer={**BYTES, "add_prefix_space": True}, decoder=BYTES,
               post_processor={"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True,
                               "add_prefix_space": True})  # fmt: skip
    for form in ("NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"):
        yield with_normalizer(form.lower(), {"type": form})
    yield with_normalizer("strip", {"type": "Strip", "strip_left": True, "strip_right": True})
    yield with_normalizer("replace", replace({"Regex": "\\p{N}+|(?<=a) "}, "#"))
    yield with_normalizer("bytes", {"type": "ByteLevel"}) | {"tokenizer": {"normalizer": {"type": "ByteLevel"}, "decoder": BYTES}}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            name = behavior.lower() + ("-inverted" if invert else "")
            yield with_splits(name, split({"Regex": "\\p{P}|\\d| a*"}, behavior, invert))
        yield with_splits(f"punctuation-{behavior.lower()}", {"type": "Punctuation", "behavior": behavior})
    yield with_splits("text", split({"String": "en"}, "MergedWithPrevious"))
    yield with_splits("digits", {"type": "Digits", "individual_digits": False})
    yield with_splits("delimiter", {"type": "CharDelimiterSplit", "delimiter": "e"})
    yield with_splits("spaces", {"type": "WhitespaceSplit"})


def document(entry):
    model = json.loads((FOLDER / entry["model"]).read_text()) | entry["options"]
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
            "post_processor": None, "decoder": None}  # fmt: skip
    return Tokenizer.from_str(json.dumps(base | entry["tokenizer"] | {"model": model}))


FOLDER.mkdir(parents=True, exist_ok=True)
for old in FOLDER.glob("*.digests"):
    old.unlink()
model_files()
sentencepiece_models()
unigram = sentencepiece_model_pb2.ModelProto()
unigram.ParseFromString((FOLDER / "unigram.model").read_bytes())
kinds = list(all_kinds(base64.b64encode(unigram.normalizer_spec.precompiled_charsmap).decode()))
save("kinds.json", kinds)
for entry in kinds + json.loads((FOLDER / "pre-tokenizers.json").read_text()):
    core = document(entry)
    write_digests(entry["name"], lambda text: core.encode(text).ids, lambda ids: core.decode(ids, skip_special_tokens=False))
for name in ("bpe", "unigram"):
    reference = sentencepiece.SentencePieceProcessor(str(FOLDER / f"{name}.model"))
    # Where SentencePiece writes " \u2047 " for what it does not know, transformers writes the token.
    write_digests(name, reference.encode, lambda ids: reference.decode(ids).replace(" \u2047 ", "<unk>"))
manifest.write(FOLDER, ["tokenizers", "sentencepiece"], strings=len(TEXTS))
