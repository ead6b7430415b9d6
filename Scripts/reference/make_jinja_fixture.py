#!/usr/bin/env python3
"""Writes Tests/HoneTextTests/Fixtures/jinja-language.json: small templates and what Jinja makes of them.

The environment is set up as transformers does for chat templates. Needs jinja2 3.1.6, nothing else:
    python3 Scripts/reference/make_jinja_fixture.py
"""

import datetime
import json
import pathlib
import re
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

VERSION = "3.1.6"
NOW = datetime.datetime(2024, 7, 6, 9, 5, 3)

CONTEXT = {
    "n": 3,
    "zero": 0,
    "neg": -7,
    "big": 9007199254740993,
    "x": 2.5,
    "yes": True,
    "no": False,
    "nothing": None,
    "s": "Hello World",
    "empty": "",
    "spaced": "  a b\t c \n",
    "lines": "one\ntwo\r\nthree\n\nfive",
    "uni": "Größe ΑΣ ﬁ 東京 \U0001f600 e\u0301",
    "quote": "it's \"q\" \\ \n\t\x00\x7f\u00ad",
    "html": "<b>&'\"</b>",
    "xs": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "mixed": [1, "a", None, 2.5, True, [1], {"k": "v"}],
    "d": {"b": 1, "a": 2, "C": 3},
    "nested": {"a": {"b": {"c": [10, {"d": "deep"}]}}, "items": "shadow", "get": "g"},
    "users": [
        {"name": "Bo", "age": 30, "city": "Oslo", "active": True},
        {"name": "al", "age": 25, "city": "Rome", "active": False},
        {"name": "Cy", "age": 30, "city": "oslo"},
    ],
    "tree": [{"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]}, {"v": 5, "c": []}],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello <there>"},
    ],
    "empty_list": [],
    "empty_dict": {},
}


class Generation(jinja2.ext.Extension):
    """The blocks that mark the assistant's text; `ranges` collects where they land."""

    tags = {"generation"}
    written = None
    ranges = None

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_mark"), [], [], body).set_lineno(line)

    def _mark(self, caller):
        text = caller()
        start = len("".join(Generation.written).encode())
        Generation.ranges.append([start, start + len(text.encode())])
        return text


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    class SafeNamespace(jinja2.utils.Namespace):
        def __init__(*args, **kwargs):
            self, args = args[0], args[1:]
            values = dict(*args, **kwargs)
            for name in values:
                SafeNamespace.check(name)
            jinja2.utils.Namespace.__init__(self, values)

        def __setitem__(self, name, value):
            SafeNamespace.check(name)
            jinja2.utils.Namespace.__setitem__(self, name, value)

        @staticmethod
        def check(name):
            if isinstance(name, str) and name.startswith("_"):
                raise jinja2.exceptions.SecurityError(
                    "Chat templates cannot store underscore-prefixed attributes on a namespace, but got "
                    f"{name!r}. Please rename the attribute."
                )

    SafeNamespace.__name__ = "Namespace"
    SafeNamespace.__module__ = "jinja2.utils"
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    env.globals["namespace"] = SafeNamespace
    return env


def outcome(env, source):
    """[source, text], [source, text, ranges] or [source, null, kind, message, line]"""
    try:
        template = env.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        return [source, None, "syntax", re.sub(r" at \d+$", "", error.message), error.lineno]
    except SyntaxError as error:
        # What only Python's compiler refuses: its names for variables carry a level.
        return [source, None, "syntax", re.sub(r"'l_\d+_", "'", error.msg), None]
    Generation.written, Generation.ranges = [], []
    try:
        for piece in template.generate(**CONTEXT):
            Generation.written.append(piece)
    except Exception as error:
        line = None
        trace = error.__traceback__
        while trace:
            if trace.tb_frame.f_code.co_filename == "<template>":
                line = trace.tb_lineno
            trace = trace.tb_next
        name = type(error).__name__
        text = str(error)
        return [source, None, name, text, line]
    text = "".join(Generation.written)
    assert " at 0x" not in text, f"an address is no expectation: {source}"
    return [source, text, Generation.ranges] if Generation.ranges else [source, text]


def main():
    assert jinja2.__version__ == VERSION, f"needs jinja2 {VERSION}, found {jinja2.__version__}"
    here = pathlib.Path(__file__).resolve().parent
    sys.path.insert(0, str(here))
    from jinja_language import GROUPS

    env = environment()
    groups = {}
    count = 0
    for name, sources in GROUPS.items():
        groups[name] = [outcome(env, source) for source in sources]
        count += len(sources)
    rows = ",\n".join(
        json.dumps(name) + ": [\n" + ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows) + "\n]"
        for name, rows in groups.items()
    )
    head = json.dumps({"jinja2": VERSION, "now": NOW.isoformat(), "context": CONTEXT})[:-1]
    target = here.parent.parent / "Tests/HoneTextTests/Fixtures/jinja-language.json"
    target.write_text(head + ', "groups": {\n' + rows + "\n}}\n")
    print(f"{count} templates in {target}")


if __name__ == "__main__":
    main()
