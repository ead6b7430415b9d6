"""Writes Tests/HoneTextTests/Fixtures: strings and the ids that transformers gives them.

    python make_tokenizer_fixtures.py SMOLLM2.gguf

  strings.bin              12,000 strings (strings.py): u32 count; then for each u16 length, that many bytes of UTF-8
  smollm2/ids.bin          their ids by SmolLM2's tokenizer: u32 count; then for each u16 length, that many u16 ids
  smollm2/gguf-differs.bin where transformers, reading the GGUF by itself, gives other ids because it forgets to split digits (see
                           dequantise_folder.py): u32 count; then for each u16 index of the string, u16 length, that many u16 ids
  small-bpe/tokenizer.json a byte-level BPE of 1,024 tokens with SmolLM2's pre-tokeniser, which puts <|begin|> before a text and has
                           added tokens of each kind: <mask> takes the spaces before it, <sep> those after it, `Hone` only as a whole
                           word and not special
  small-bpe/ids.bin        the strings' ids by it
  unicode-classes.json     the code points that the tokenizers library takes for letters, numbers and spaces in a regular expression,
                           and for digits in `Digits`, as [first, last] ranges: its Unicode version is not the system's

SmolLM2's vocabulary lacks 21 of the 256 byte tokens (among them 0x1D, and 0xF3, which begins tag characters): transformers drops
such bytes without a word, and so do these ids.

All numbers are little-endian. SmolLM2's own tokenizer.json (3.5 MB) is not here: the vocabulary comes from the model.
"""

import json
import pathlib
import struct
import sys

from tokenizers import AddedToken, Regex, Tokenizer, pre_tokenizers, processors

import dequantise_folder
import manifest
import strings
import tiny_tokenizer

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/HoneTextTests/Fixtures"
GGUF = pathlib.Path(sys.argv[1])


def write_ids(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = [struct.pack(f"<{len(numbers)}H", *numbers) for numbers in entries]
    path.write_bytes(struct.pack("<I", len(packed)) + b"".join(packed))


def classes():
    """Asks the library itself, code point by code point."""
    everything = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    text = "".join(map(chr, everything))

    def members(splitter):
        found = []
        for _, (start, end) in splitter.pre_tokenize_str(text):
            found += everything[start:end]
        return found

    def ranges(points):
        spans = []
        for p in points:
            if spans and spans[-1][1] == p - 1:
                spans[-1][1] = p
            else:
                spans.append([p, p])
        return spans

    def matching(pattern):
        return members(pre_tokenizers.Split(Regex(f"[^{pattern}]"), "removed"))

    # Digits separates runs that are numeric from those that are not: tell which by looking at one member.
    numeric = []
    for c in everything:
        if len(pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str(f"a{chr(c)}")) == 2:
            numeric.append(c)
    named = {"letter": matching("\\p{L}"), "number": matching("\\p{N}"), "space": matching("\\s"), "digit": numeric}
    return {name: ranges(points) for name, points in named.items()}


texts = strings.strings()
encoded = [t.encode() for t in texts]
FOLDER.mkdir(parents=True, exist_ok=True)
packed = b"".join(struct.pack("<H", len(e)) + e for e in encoded)
(FOLDER / "strings.bin").write_bytes(struct.pack("<I", len(encoded)) + packed)

smollm2 = dequantise_folder.tokenizer(GGUF)
as_transformers = dequantise_folder.tokenizer(GGUF, as_transformers=True)
ids = [smollm2(t)["input_ids"] for t in texts]
other = [as_transformers(t)["input_ids"] for t in texts]
write_ids(FOLDER / "smollm2/ids.bin", ([len(i), *i] for i in ids))
differing = [(n, len(o), *o) for n, (i, o) in enumerate(zip(ids, other)) if i != o]
write_ids(FOLDER / "smollm2/gguf-differs.bin", differing)
lossy = sum(smollm2.decode(i, clean_up_tokenization_spaces=False) != t for i, t in zip(ids, texts))

small = tiny_tokenizer.train(strings.PHRASES + strings.CODE, 1019).backend_tokenizer
small.add_special_tokens(
    [AddedToken("<|begin|>", special=True, normalized=False)]
    + [AddedToken("<mask>", special=True, normalized=False, lstrip=True)]
    + [AddedToken("<sep>", special=True, normalized=False, rstrip=True)]
)
small.add_tokens([AddedToken("Hone", single_word=True, normalized=True), AddedToken("    ", normalized=False)])
begin = small.token_to_id("<|begin|>")
small.post_processor = processors.TemplateProcessing(
    single="<|begin|> $A", pair="<|begin|> $A $B", special_tokens=[("<|begin|>", begin)]
)
(FOLDER / "small-bpe").mkdir(exist_ok=True)
small.save(str(FOLDER / "small-bpe/tokenizer.json"))
small = Tokenizer.from_file(str(FOLDER / "small-bpe/tokenizer.json"))
write_ids(FOLDER / "small-bpe/ids.bin", ([len(i), *i] for i in (small.encode(t).ids for t in texts)))

(FOLDER / "unicode-classes.json").write_text(json.dumps(classes(), separators=(",", ":")) + "\n")
manifest.write(
    FOLDER, ["transformers", "tokenizers", "gguf"], strings=len(texts), ids=sum(map(len, ids)),
    differing_as_transformers_reads_the_gguf=len(differing), not_decoded_to_the_same_text=lossy,
)  # fmt: skip
