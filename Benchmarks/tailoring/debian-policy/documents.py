#!/usr/bin/env python3
"""Writes chapters 3, 10 and 11 of Debian's policy manual (the package debian-policy), a file for each section.

Usage: documents.py FOLDER [policy.txt.gz]
"""
import gzip
import pathlib
import re
import sys

CHAPTERS = {"3", "10", "11"}


def sections(lines):
    """Each section's number, title and lines: a title of two levels stands over a line of '='."""
    number, title, body = None, None, []
    for line, below in zip(lines, lines[1:] + [""]):
        heading = re.match(r"(\d+)\.(\d+)?\.? (.+)", line)
        if heading and below and set(below) <= set("=*"):
            if number:
                yield number, title, body
            chapter, section, title = heading.groups()
            number, body = (f"{chapter}.{section}" if section else None), []
        body.append(line)
    if number:
        yield number, title, body


def main():
    folder = pathlib.Path(sys.argv[1])
    source = sys.argv[2] if len(sys.argv) > 2 else "/usr/share/doc/debian-policy/policy.txt.gz"
    folder.mkdir(parents=True, exist_ok=True)
    last = 0
    for number, title, body in sections(gzip.open(source, "rt", encoding="utf-8").read().splitlines()):
        chapter, section = number.split(".")
        # The appendices count from 1 again.
        if int(chapter) < last:
            break
        last = int(chapter)
        if chapter not in CHAPTERS:
            continue
        name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        text = "\n".join(body).strip().replace("‘", "'").replace("’", "'")
        (folder / f"{int(chapter):02}-{int(section):02}-{name}.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
