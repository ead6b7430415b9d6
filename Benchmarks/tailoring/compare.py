#!/usr/bin/env python3
"""What filtering is worth: trains on the same number of candidates of a finished `hone tailor` run, chosen in several ways,
and sits the same exam with each.

  accepted     what all filters accepted, as the run itself had it
  unfiltered   candidates as the teacher wrote them, whatever the filters said
  no-likelihoods   what the checks of the text alone accept
  without NAME     with --ablate: what is accepted where this one filter is off; the data is made again without it, from the calls
                   of models that the run has kept, and what only such candidates need is asked anew

As many candidates as the run itself accepted are drawn of each choice with --seeds, so that only their quality differs; all, where there
are fewer.
The table has shares of the exam answered right and bits a byte of the answers, with 95 % intervals of the difference to `accepted`
by drawing whole documents anew, the same draws for both.

Usage: compare.py --hone PROGRAM --run FOLDER [--seeds 1 2 3] [--ablate [NAME ...]] [--threads N] [--json FILE] -- DOCUMENTS --exam FILE ...
What follows -- are the run's own arguments (documents, --exam, --model, --teacher, --examples).
"""
import argparse, json, pathlib, random, re, shutil, subprocess, sys

TEXT_CHECKS = {"form", "length", "self_contained", "gives_away", "numbers_in_source", "names_in_source", "repetition", "language", "toxicity", "personal_data"}


def lines(path):
    return [json.loads(line) for line in open(path, encoding="utf-8") if line.strip()]


def rejection(record):
    return next((v["filter"] for v in record["_meta"]["verdicts"] if not v["passes"]), None)


def filters(folder):
    """The filters of a run that judge by the text alone, and those by likelihoods."""
    recipe = (folder / "data/recipe.yaml").read_text(encoding="utf-8")
    likelihoods = re.search(r"^  likelihood: \[(.*)\]$", recipe, re.M).group(1).split(", ")
    return sorted(TEXT_CHECKS - {"form", "personal_data"}), likelihoods


def without(arguments, name):
    """What is accepted where one filter is off, everything else as it is."""
    source, target = arguments.run / "data", arguments.run.parent / f"{arguments.run.name}-without-{name}"
    if not (target / "report.html").exists():
        shutil.copytree(source, target, dirs_exist_ok=True)
        (target / "report.html").unlink()
        key, names = next(
            ((key, names) for key, names in zip(("hard", "likelihood"), filters(arguments.run)) if name in names), (None, [])
        )
        if not key:
            raise SystemExit(f"{name} is no filter of this run")
        left = ", ".join(other for other in names if other != name)
        command = [arguments.hone, "synthesize", str(source / "recipe.yaml"), "--restart", "--threads", str(arguments.threads)]
        command += ["--set", f"output={target}", "--set", f"filters.{key}=[{left}]"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    return lines(target / "accepted.jsonl")


def choices(folder):
    accepted, rejected = lines(folder / "data/accepted.jsonl"), lines(folder / "data/rejected.jsonl")
    return {
        "accepted": accepted,
        "no-likelihoods": accepted + [r for r in rejected if rejection(r) not in TEXT_CHECKS | {"duplicate", "contamination"}],
        # What the exam asks word for word would be cheating, not a missing filter.
        "unfiltered": accepted + [r for r in rejected if rejection(r) != "contamination"],
    }


def sit(arguments, folder, records, seed, count):
    """The answers of the exam after training on so many of the records."""
    target = folder.parent / f"{folder.name}-{seed[0].replace(' ', '-')}-{seed[1]}"
    answers = target / "answers.jsonl"
    if not answers.exists():
        (target / "data").mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "settings.json", target / "settings.json")
        if (folder / "exam").exists():
            shutil.copytree(folder / "exam", target / "exam", dirs_exist_ok=True)
        drawn = random.Random(str(seed)).sample(records, count)
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in drawn)
        (target / "data/accepted.jsonl").write_text(text, encoding="utf-8")
        # The report is what says that the step is done.
        shutil.copy(folder / "data/report.html", target / "data/report.html")
        command = [arguments.hone, "tailor", *arguments.rest, "--out", str(target), "--threads", str(arguments.threads)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    return lines(answers)


def difference(ours, theirs, value, draws=2000):
    """The 95 % interval of the difference of two sittings' means over documents drawn anew."""
    documents = {}
    for index, answer in enumerate(ours):
        documents.setdefault(answer["document"], []).append(index)
    clusters, chance, results = list(documents.values()), random.Random(7), []
    for _ in range(draws):
        drawn = [index for cluster in chance.choices(clusters, k=len(clusters)) for index in cluster]
        results.append(value(ours, drawn) - value(theirs, drawn))
    results.sort()
    return results[draws // 40], results[-1 - draws // 40]


def right(answers, indices, part="after"):
    return sum(answers[i][part]["right"] for i in indices) / len(indices)


def bits(answers, indices, part="after"):
    return sum(answers[i][part]["bits"] for i in indices) / sum(answers[i][part]["bytes"] for i in indices)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hone", required=True)
    parser.add_argument("--run", required=True, type=pathlib.Path)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--ablate", nargs="*", help="filters; all of the run's where none is named")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("rest", nargs="+")
    arguments = parser.parse_args()
    chosen = choices(arguments.run)
    for name in arguments.ablate or ([] if arguments.ablate is None else sum(filters(arguments.run), [])):
        chosen[f"without {name}"] = without(arguments, name)
    count = len(chosen["accepted"])
    sittings = {
        name: [sit(arguments, arguments.run, records, (name, seed), min(count, len(records))) for seed in arguments.seeds]
        for name, records in chosen.items()
    }
    base = sittings["accepted"][0]
    everything = range(len(base))
    print(f"up to {count} examples each, {len(base)} questions, seeds {' '.join(map(str, arguments.seeds))}")
    print(f"{'':26}{'right':>8}{'to accepted':>20}{'bits a byte':>14}{'to accepted':>20}")
    print(f"{'untrained':26}{right(base, everything, 'before'):8.0%}{'':20}{bits(base, everything, 'before'):14.2f}")
    table = []
    for name, runs in sittings.items():
        joined = [answer for run in runs for answer in run]
        against = [answer for run in sittings["accepted"] for answer in run]
        all_of = range(len(joined))
        row = {"choice": name, "candidates": len(chosen[name]), "right": right(joined, all_of), "bits": bits(joined, all_of)}
        cells = ["", ""]
        if name != "accepted":
            row["right_difference"], row["bits_difference"] = difference(joined, against, right), difference(joined, against, bits)
            cells = [
                "{:+.0%} to {:+.0%}".format(*row["right_difference"]),
                "{:+.2f} to {:+.2f}".format(*row["bits_difference"]),
            ]
        print(f"{name:26}{row['right']:8.0%}{cells[0]:>20}{row['bits']:14.2f}{cells[1]:>20}   of {len(chosen[name])}")
        table.append(row)
    if arguments.json:
        arguments.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
