"""The strings that tokenizers are compared on: 12,000 short ones, the same every time (seeded), in the kinds listed in `KINDS`."""

import random
import unicodedata

PHRASES = """\
The quick brown fox jumps over the lazy dog, doesn't it?|It's 5 o'clock; we'll see who's right. They've gone, I'm sure.
Dr. Smith paid $1,234.56 (plus 8% tax) on 2024-02-29 at 09:05.|Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.
Portez ce vieux whisky au juge blond qui fume, là-bas, à l'été.|El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío.
À noite, vovô Kowalsky vê o ímã cair no pé do pinguim queixoso.|Pchnąć w tę łódź jeża lub ośm skrzyń fig.
Příliš žluťoučký kůň úpěl ďábelské ódy.|Árvíztűrő tükörfúrógép.|Pijamalı hasta yağız şoföre çabucak güvendi.|Kæmi ný öxi hér, ykist þjófum nú bæði víl og ádrepa.
Flygande bäckasiner söka hwila på mjuka tuvor.|Chuẩn bị cho kỳ thi tiếng Việt thật là khó.|Съешь же ещё этих мягких французских булок, да выпей чаю.
Жебракують філософи при ґанку церкви в Гадячі.|Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία.|Ο καιρός είναι καλός σήμερα.|דג סקרן שט בים מאוכזב ולפתע מצא חברה.
نص حكيم له سر قاطع وذو شأن عظيم.|فارسی شیرین است، می‌خواهم یاد بگیرم.|اردو ایک خوبصورت زبان ہے۔|ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण।
আমি বাংলায় গান গাই।|ਪੰਜਾਬੀ ਬੋਲੀ ਮਿੱਠੀ ਹੈ।|ગુજરાતી ભાષા સુંદર છે.|தமிழ் ஒரு பழமையான மொழி.|తెలుగు తియ్యని భాష.|ಕನ್ನಡ ನುಡಿ ಸವಿ.|മലയാളം എന്റെ ഭാഷ.
සිංහල භාෂාව ලස්සනයි.|เป็นมนุษย์สุดประเสริฐเลิศคุณค่า|ພາສາລາວມ່ວນຫຼາຍ|မြန်မာဘာသာစကား|ភាសាខ្មែរពិបាករៀន|ཀ་ཁ་ག་ང་བོད་སྐད།
ქართული ენა ძალიან ლამაზია.|Բարեւ աշխարհ, ինչպե՞ս ես։|አማርኛ ቋንቋ ነው።|ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ|ᐃᓄᒃᑎᑐᑦ|ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ|ߒߞߏ ߞߊ߲|ⵜⴰⵎⴰⵣⵉⵖⵜ
いろはにほへと ちりぬるを。|東京都は日本の首都です。カタカナも、ひらがなも。|ｶﾞｷﾞｸﾞ ＡＢＣ １２３|我能吞下玻璃而不伤身体。|中文分詞，真的很難！「是嗎？」|한국어는 아름다운 언어입니다.|ㄱㄴㄷ 각하 ᄀ
𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝓂𝒶𝓉𝒽 ∑∫√∞ ≠ ≤ x² + y³ = z⁴|𐌰𐌱𐌲 𐎠𐎡 𒀀𒁀 𓀀𓁐|ﬁ ﬂ ﬃ Ǆ ǆ ß ẞ İ ı ſ K Å Ω|№ ™ © ® € £ ¥ ₹ ₿ § ¶ † … — – “quoted” ‘single’ «guillemets»|ℕ ℝ ⅓ ⅷ Ⅻ ① ⑳ ㊿ ㍿
https://example.org/a/b?q=1&r=%20#top|user.name+tag@example.co.uk|C:\\Users\\me\\file.txt|/usr/local/bin:/opt|192.168.0.1:8080|+1 (555) 010-9999|#hashtag @mention""".replace(
    "\n", "|"
).split("|")

CODE = """\
def f(x: int = 3) -> list[int]:\n    return [i ** 2 for i in range(x) if i % 2 == 0]\n
for (int i = 0; i < 10; ++i) {\n\tprintf("%d\\n", a[i]);\n}
let total = items.reduce(0) { $0 + $1.price } // sum\n
SELECT id, COUNT(*) FROM t WHERE x >= 1.5e-3 GROUP BY id;
<div class="a b" id='c'>\n  <!-- note --> &amp; text\n</div>
{"key": [1, 2.50, null, true], "nested": {"a\\u00e9": "b\\n"}}
#!/bin/sh\nset -eu\nfor f in *.txt; do echo "$f" | sed 's/a/b/g'; done
fn main() { println!("{:?}", vec![1u8; 4]); } // 'static
import numpy as np\nx = np.zeros((3, 4))\n\n\nif __name__ == "__main__":\n        pass
a != b && c <= d || !e; x->y::z<T>(); p **= 2; q //= 3; r ??= {}
\\begin{equation} \\frac{1}{2} \\alpha_{ij}^{2} \\end{equation}
# Title\n\n* item 1\n* item 2\n\n| a | b |\n|---|--:|\n| 1 | 22 |\n\n```py\nprint(1)\n```
yaml:\n  - name: "x"\n    on: [push]\n...\n---\n""".split("\n")
CODE = [line.replace("\\n", "\n").replace("\\t", "\t") for line in CODE if line]

SPACES = list(" \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e") + [chr(c) for c in range(0x2000, 0x2010)]
SPACES += list("\u2028\u2029\u202f\u205f\u2060\u3000\ufeff") + ["\r\n"]
EMOJI = """😀 😂 🤣 ❤️ ❤ 👍 👍🏽 👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🏴‍☠️ 🇫🇷 🇯🇵 🇺🇸🇬🇧 🏴󠁧󠁢󠁳󠁣󠁴󠁿 1️⃣ #️⃣ ☺️ ✨ 🧑🏿‍🚀 🫠 🪿 ⚽ ☕️ ✔︎ 🀄 🥲 🤷🏼‍♀️""".split(" ")
CONTRACTIONS = ["s", "t", "re", "ve", "m", "ll", "d", "S", "T", "RE", "Ve", "M", "LL", "lL", "D", "x", "em", "ſ", "Til"]
DIGITS = "0123456789٠١٢٣٤۵۶۷०१२३४১২৩೧೨៣๓๔໑༢１２３𝟎𝟙𝟚²³¹⁴₂₃½¼¾⅓ⅣⅫⅷ①②⑳❶㈠㊀〇一二三𐄇𒐀৴௰፩"
SPECIAL = """<|endoftext|> <|im_start|> <|im_end|> <repo_name> <reponame> <file_sep> <filename> <gh_stars> <issue_start>
<issue_comment> <issue_closed> <jupyter_start> <jupyter_text> <jupyter_code> <jupyter_output> <jupyter_script> <empty_output>
<mask> <sep> Hone <|begin|>""".split()
LOOKALIKES = """<|endoftext| |im_start|> <|im_end> <|IM_END|> <| im_start |> <|im_start|>> <<|im_end|>> <repo_name < im_end > <|> <||> <s> </s> <unk>
<pad> [INST] [/INST] <file_sep <fim_prefix> <|im_startim_end|> <|im_<|im_end|>start|> <mask <sep/> Honey hone xHone _Hone Hone9 Hone's""".split()
BLOCKS = [  # from, to: ranges to draw single characters from
    (0x00, 0x7F), (0x80, 0x24F), (0x250, 0x36F), (0x370, 0x5FF), (0x600, 0x8FF), (0x900, 0xDFF), (0xE00, 0x10FF), (0x1100, 0x13FF),
    (0x1400, 0x1CFF), (0x1D00, 0x20CF), (0x20D0, 0x2BFF), (0x2C00, 0x2FFF), (0x3000, 0x33FF), (0x3400, 0x9FFF), (0xA000, 0xABFF),
    (0xAC00, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFF), (0x11000, 0x11FFF), (0x12000, 0x1CFFF), (0x1D000, 0x1F9FF), (0x20000, 0x323AF),
    (0xE0000, 0xE01FF), (0xF0000, 0x10FFFF),
]  # fmt: skip
MARKS = [chr(c) for c in range(0x300, 0x370)] + [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) == "Mn"][::40]
WORDS = sorted({w for p in PHRASES for w in p.split(" ") if w})


def phrase(r):
    text = r.choice(PHRASES)
    start = r.randrange(len(text))
    return text[start : start + r.randint(1, 30)]


def mixed(r):
    return r.choice(["", " "]).join(r.choice(WORDS) for _ in range(r.randint(2, 5)))


def cased(r):
    return r.choice([str.upper, str.lower, str.title, str.swapcase])(phrase(r))


def whitespace(r):
    run = lambda: "".join(r.choices(r.choice([SPACES, [" "], ["\n"], ["\t", " "], ["\r\n", "\n"]]), k=r.randint(0, 5)))
    pieces = [r.choice(WORDS), r.choice(DIGITS), r.choice("!?.,(-"), "'s", "a", "7"]
    return "".join(run() + r.choice(pieces) for _ in range(r.randint(1, 4))) + run()


def emoji(r):
    return "".join(r.choice(EMOJI) + r.choice(["", "", " ", "a", "\u200d", "\ufe0f", "!"]) for _ in range(r.randint(1, 4)))


def code(r):
    text = r.choice(["", " ", "    ", "\t", "\t\t", "        "]) + r.choice(CODE)
    start = r.randrange(len(text)) if r.random() < 0.5 else 0
    return text[start : start + r.randint(5, 60)]


def contraction(r):
    word = r.choice(["I", "we", "They", "it", "DON", "can", "é", "5", "", "Ω", "مر", "!", " ", "rock 'n"])
    return word + r.choice("'''’`ʼ") + r.choice(CONTRACTIONS) + r.choice(["", " ok", "x", "'", "'s", "1", "\n", "é"])


def digits(r):
    pieces = ["".join(r.choices(DIGITS if r.random() < 0.5 else "0123456789", k=r.randint(1, 6))) for _ in range(r.randint(1, 3))]
    return r.choice(["", " ", "  ", "\n", "x"]) + r.choice([" ", "  ", ".", ",", "-", "a", "", "\t", "\u3000"]).join(pieces)


def bytes_as_text(r):
    if r.random() < 0.5:
        return r.randbytes(r.randint(1, 16)).decode("utf-8", errors="replace")
    damaged = bytearray(phrase(r).encode())
    damaged[r.randrange(len(damaged))] = r.randrange(256)
    return damaged.decode("utf-8", errors="replace")


def marks(r):
    text = "".join(c + "".join(r.choices(MARKS, k=r.randint(0, 3))) for c in phrase(r)[:8])
    return unicodedata.normalize(r.choice(["NFC", "NFD", "NFKC", "NFKD"]), text) if r.random() < 0.5 else text


def special(r):
    pieces = SPECIAL * 2 + LOOKALIKES + [" ", "\n", "  ", "a", "user\n", "1", "é", "."]
    return "".join(r.choice(pieces) for _ in range(r.randint(1, 5)))


def characters(r):
    low, high = r.choice(BLOCKS)
    if r.random() < 0.3:
        low, high = 0, 0x10FFFF
    picks = (chr(c) for c in (r.randint(low, high) for _ in range(r.randint(1, 8))) if not 0xD800 <= c <= 0xDFFF)
    return "".join(c + r.choice(["", "", "a", " ", "1", "'s", "!"]) for c in picks)


def long_word(r):
    if r.random() < 0.9:
        return r.choice(WORDS) * r.randint(2, 6)
    unit = r.choice(["a", "ab", "supercalifragilistic", "=", " ", "\n", "é", "語", "😀", "0", "aB", "-=", "Ġ", "'s", "\u0301", "\x00"])
    return unit * r.randint(10, max(20, 400 // len(unit)))


KINDS = [(phrase, 2200), (mixed, 800), (cased, 600), (whitespace, 1600), (emoji, 500), (code, 900), (contraction, 700), (digits, 1000),
         (bytes_as_text, 1000), (marks, 500), (special, 900), (characters, 1100), (long_word, 200)]  # fmt: skip


def strings() -> list[str]:
    r = random.Random(20250207)
    found = ["", " ", "\n", "\0", "a", "\ufffd", "\U0010ffff", *PHRASES, *CODE, *SPACES, *EMOJI, *SPECIAL, *LOOKALIKES]
    for make, count in KINDS:
        found += [make(r) for _ in range(count)]
    return found
