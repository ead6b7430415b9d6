"""Writes Sources/HoneText/Tokenizers/Unicode/*Table.swift: what the tokenizers library takes each code point for.

    python make_unicode_tables.py            needs the tokenizers package, version below

The library is asked, not the Unicode database: its parts follow different versions of Unicode (16 in regular expressions, 17 in `Digits`
and in lowercasing, 9 for Bert's punctuation, 13 for decompositions), and equal ids need the library's view. Takes a few minutes.

All tables are printable text: runs of equal code points, each run a class (one character) and its length (base 32, lowest digit first,
32 added to every digit but the last).
"""

import pathlib
import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

VERSION = "0.23.3"
FOLDER = pathlib.Path(__file__).parents[1] / "Sources/HoneText/Tokenizers/Unicode"
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cs Cn".split()
SCRIPTS = "Han Hiragana Katakana Hangul Latin Greek Cyrillic Arabic Hebrew Thai Devanagari Bengali Tamil Telugu Lao Khmer Myanmar".split()
EVERYTHING = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
TEXT = "".join(map(chr, EVERYTHING))


def matching(pattern):
    """The code points that a regular expression for one character matches."""
    found = set()
    for _, (start, end) in pre_tokenizers.Split(Regex(pattern), "removed", invert=True).pre_tokenize_str(TEXT):
        found.update(EVERYTHING[start:end])
    return found


def number(value):
    text = ""
    while value >= 32:
        text += DIGITS[32 + value % 32]
        value //= 32
    return text + DIGITS[value]


def runs(classes):
    """`classes` is a list of 0x110000 small integers."""
    text, start = "", 0
    for point in range(1, 0x110001):
        if point == 0x110000 or classes[point] != classes[start]:
            text += DIGITS[classes[start]] + number(point - start)
            start = point
    return text


def literal(text, indent):
    lines = [text[i : i + 90] for i in range(0, len(text), 90)]
    return '"""\n' + "".join(f"{indent}{line}\\\n" for line in lines[:-1]) + f"{indent}{lines[-1]}\n{indent}" + '"""'


def write(name, comment, body):
    path = FOLDER / f"{name}.swift"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"// Made by Scripts/make_unicode_tables.py from tokenizers {VERSION}; do not edit.\n\n"
    text += "".join(f"/// {line}\n" for line in comment) + f"enum {name} {{\n{body}}}\n"
    path.write_text(text)
    print(path, len(text))


def character_classes():
    category = ["Cs"] * 0x110000
    for name in CATEGORIES:
        if name != "Cs":
            for point in matching(f"\\p{{{name}}}"):
                category[point] = name
    space, word = matching("\\s"), matching("\\w")
    digits = pre_tokenizers.Digits(individual_digits=True)
    numeric = {c for c in EVERYTHING if len(digits.pre_tokenize_str("a" + chr(c))) == 2}
    bert = pre_tokenizers.BertPreTokenizer()
    punctuation = {c for c in EVERYTHING if len(bert.pre_tokenize_str("a" + chr(c) + "b")) == 3}
    # Whether a single-word added token is one when it stands before the character.
    single = Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    single.add_tokens([AddedToken("b", single_word=True)])
    single.add_tokens([AddedToken("ab", single_word=True)])
    joined = {c for c in EVERYTHING if not single.encode("ab" + chr(c)).tokens[:1] == ["ab"]}
    masks = (space, numeric, word, joined, punctuation)
    keys = [(CATEGORIES.index(category[c]), *(c in m for m in masks)) for c in range(0x110000)]
    distinct = sorted(set(keys))
    assert len(distinct) <= 64, len(distinct)
    names = ["space", "numeric", "word", "joining", "bertPunctuation"]
    body = "  /// For each class: the general category's number, then a bit for each property from bit 8 on:\n"
    body += f"  /// {', '.join(names)}.\n  static let classes: [UInt16] = [\n"
    values = [k[0] | sum(bit << (8 + i) for i, bit in enumerate(k[1:])) for k in distinct]
    for i in range(0, len(values), 12):
        body += "    " + ", ".join(map(str, values[i : i + 12])) + ",\n"
    body += "  ]\n\n  /// The general categories in the order of their numbers.\n  static let categories = [\n"
    for i in range(0, len(CATEGORIES), 10):
        body += "    " + ", ".join(f'"{c}"' for c in CATEGORIES[i : i + 10]) + ",\n"
    lookup = {k: i for i, k in enumerate(distinct)}
    body += "  ]\n\n  static let runs: StaticString = " + literal(runs([lookup[k] for k in keys]), "    ") + "\n"
    write("CharacterClassTable", ["The class of each code point, as runs over all of them."], body)


def scripts():
    classes = [0] * 0x110000
    for index, name in enumerate(SCRIPTS):
        for point in matching(f"\\p{{{name}}}"):
            classes[point] = index + 1
    body = "  /// The scripts in the order of their numbers, which begin at 1; 0 is any other script.\n  static let scripts = [\n"
    for i in range(0, len(SCRIPTS), 6):
        body += "    " + ", ".join(f'"{c}"' for c in SCRIPTS[i : i + 6]) + ",\n"
    body += "  ]\n\n  static let runs: StaticString = " + literal(runs(classes), "    ") + "\n"
    write("ScriptTable", ["The script of each code point, as runs over all of them."], body)


def mapping(pairs):
    """`pairs` of a code point and what it becomes: distance from the last one, length, code points."""
    text, last = "", 0
    for point, result in pairs:
        text += number(point - last) + number(len(result)) + "".join(number(ord(c)) for c in result)
        last = point
    return text


def mapping_member(name, comment, pairs):
    return f"  /// {comment}\n  static let {name}: StaticString = " + literal(mapping(pairs), "    ") + "\n"


def normalization():
    nfd, nfc, nfkd = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str, normalizers.NFKD().normalize_str
    plain = [c for c in EVERYTHING if not 0xAC00 <= c <= 0xD7A3]  # Hangul syllables decompose by arithmetic
    canonical = [(c, nfd(chr(c))) for c in plain if nfd(chr(c)) != chr(c)]
    compatible = [(c, nfkd(chr(c))) for c in plain if nfkd(chr(c)) != nfd(chr(c))]
    pairs = []
    for c in plain:
        parts = unicodedata.decomposition(chr(c)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            first, second = (chr(int(p, 16)) for p in parts)
            if nfc(first + second) == chr(c):
                pairs.append((c, first + second))
    classes = [0] * 0x110000
    for c in EVERYTHING:
        order = unicodedata.combining(chr(c))
        # Which of them the library knows shows where it puts them: U+0345 comes after nearly all, U+0301 before it.
        other = "\u0301" if order == 240 else "\u0345"
        text = "a" + chr(c) + other if order == 240 else "a" + other + chr(c)
        if order and nfd(text) != text:
            classes[c] = order
    orders = sorted(set(classes))
    assert len(orders) <= 64
    body = mapping_member("canonical", "Full canonical decompositions.", canonical)
    body += "\n" + mapping_member("compatible", "Full compatibility decompositions where they differ.", compatible)
    body += "\n" + mapping_member("composed", "What two characters, here the result, are composed to.", pairs)
    body += "\n  /// The combining classes that the runs number.\n  static let orders: [UInt8] = [\n"
    for i in range(0, len(orders), 16):
        body += "    " + ", ".join(map(str, orders[i : i + 16])) + ",\n"
    body += "  ]\n\n  static let orderRuns: StaticString = "
    body += literal(runs([orders.index(c) for c in classes]), "    ") + "\n"
    write("NormalizationTable", ["Decompositions, compositions and combining classes."], body)


def lowercase():
    lower = normalizers.Lowercase().normalize_str
    pairs = [(c, lower(chr(c))) for c in EVERYTHING if lower(chr(c)) != chr(c)]
    write("LowercaseTable", ["Characters with a lower case."], mapping_member("lower", "Lower cases.", pairs))


def cleaning():
    options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    bert = lambda **o: normalizers.BertNormalizer(**{**options, **o}).normalize_str
    accents, clean, chinese = bert(strip_accents=True), bert(clean_text=True), bert(handle_chinese_chars=True)
    strip, nmt = normalizers.StripAccents().normalize_str, normalizers.Nmt().normalize_str
    names = ["strippedMark", "bertMark", "bertRemoved", "bertSpace", "bertIdeograph", "nmtRemoved", "nmtSpace"]
    keys = [(False,) * len(names)] * 0x110000
    for c in EVERYTHING:
        t = chr(c)
        keys[c] = (
            strip(t) == "", accents(t) == "", clean(t) == "", clean(t) == " " != t,
            chinese(t) == f" {t} ", nmt(t) == "", nmt(t) == " " != t,
        )  # fmt: skip
    distinct = sorted(set(keys))
    assert len(distinct) <= 64
    values = [sum(bit << i for i, bit in enumerate(k)) for k in distinct]
    body = f"  /// For each class a bit for each property: {', '.join(names)}.\n"
    body += f"  static let classes: [UInt8] = [{', '.join(map(str, values))}]\n\n"
    body += "  static let runs: StaticString = " + literal(runs([distinct.index(k) for k in keys]), "    ") + "\n"
    write("CleaningTable", ["What normalisers that clean text do with each code point."], body)


TABLES = {
    "classes": character_classes, "scripts": scripts, "normalization": normalization, "lowercase": lowercase,
    "cleaning": cleaning,
}  # fmt: skip

if __name__ == "__main__":
    assert tokenizers.__version__ == VERSION, f"tokenizers {VERSION} is wanted, {tokenizers.__version__} is here"
    for name in sys.argv[1:] or TABLES:
        TABLES[name]()
