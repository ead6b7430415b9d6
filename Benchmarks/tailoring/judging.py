#!/usr/bin/env python3
"""How many candidates a second the likelihood filters judge, all of them: what a model of 135M parameters needs for passages of up to 400 tokens.

The teacher writes first, with every filter off. Then the same candidates are made again, from the calls that were kept, and judged: each filter
is given a line that everything passes, so that none is switched off and all are measured. Only what has the form of a question is judged.

Usage: judging.py --hone PROGRAM [--reader MODEL] [--candidates N] [--threads N] [--out FOLDER] DOCUMENTS
"""
import argparse, json, pathlib, subprocess, tempfile

FILTERS = ["open_book", "grounding", "source_rank", "question_gain", "round_trip", "ifd", "novelty", "yes_or_no"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hone", required=True)
    parser.add_argument("--reader", default="smollm2-135m")
    parser.add_argument("--candidates", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("documents", type=pathlib.Path)
    arguments = parser.parse_args()
    out = arguments.out or pathlib.Path(tempfile.mkdtemp())
    out.mkdir(parents=True, exist_ok=True)
    recipe = out / "domain-qa.yaml"
    shown = subprocess.run([arguments.hone, "recipes", "show", "domain-qa"], check=True, capture_output=True, text=True)
    recipe.write_text(shown.stdout, encoding="utf-8")

    def run(*settings):
        values = [
            f"documents={arguments.documents.resolve()}", f"output={out / 'run'}", f"teacher.model={arguments.reader}", "filters.hard=none",
            "duplicates.similarity=1", f"target.accepted={arguments.candidates}", f"target.budget={arguments.candidates}",
            "target.per_chunk=10000", *settings,
        ]  # fmt: skip
        command = [arguments.hone, "synthesize", str(recipe), "--restart", "--threads", str(arguments.threads)]
        subprocess.run(command + [part for value in values for part in ("--set", value)], check=True, stdout=subprocess.DEVNULL)
        events = [json.loads(line) for line in (out / "run/events.jsonl").read_text().splitlines()]
        return [event for event in events if event["event"] == "progress"][-1]

    written = run("filters.likelihood=none")
    lines = ", ".join(f"{name}: -1000000" for name in FILTERS)
    judged = run(f"filters.likelihood=[{', '.join(FILTERS)}]", f"filters.thresholds={{{lines}}}")
    records = [
        json.loads(line)
        for name in ("accepted", "rejected")
        for line in (out / f"run/{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    measured = sum(1 for record in records if record["_meta"]["scores"])
    lacking = {name for record in records for name in FILTERS if record["_meta"]["scores"] and name not in record["_meta"]["scores"]}
    print(f"{written['candidates']} candidates written in {written['seconds']:.0f} s")
    print(f"{measured} of them judged in {judged['seconds']:.1f} s: {measured / judged['seconds']:.1f} a second")
    if lacking:
        print(f"not measured of each: {', '.join(sorted(lacking))}")


if __name__ == "__main__":
    main()
