"""Trains SmolLM2-135M-Instruct with every method's shipped recipe on two tasks and three seeds, and prints a table.

    python measure.py [--hone PROGRAM] [--methods NAME ...] [--tasks facts intents] [--seeds 7 8 9] [--threads 2]
                      [--results FILE] [--set KEY=VALUE ...]
    python measure.py --speed ...              measures tokens a second and memory alone: eight steps of each method, on an idle machine
    python measure.py --document FOLDER        writes methods.svg there and prints the table in Markdown

Only Python's own library is needed. FILE (JSON lines, default methods.jsonl beside this script) is added to after each run, and a run
that it holds already is not repeated, so that a measurement that was stopped goes on. Several processes with one thread each may add
to the same FILE, in different orders: results are the same bits for any number of threads. Then --speed, alone. The tasks:

  facts    the quickstart's: 146 questions to an invented company, in six epochs; 34 held-out ones are asked, 8 of which have no answer
  intents  the intent and the order's number out of a message (task.py): 520 messages, one epoch; 64 held-out ones with other wordings

Quality is the share of held-out questions that are answered right; forgetting is how many bits a byte of neutral prose (neutral.txt)
costs more than with the untouched model. Every other setting is the recipe's own.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
TASKS = {"facts": 6, "intents": 1}
COLOURS = {"facts": "#1f6f8b", "intents": "#c8553d"}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    return done.stdout


def bits_a_byte(hone, threads, *adapter):
    scores = json.loads(
        run(hone, "score", "--model", "smollm2-135m", "--threads", threads, "--file", HERE / "neutral.txt", "--json", *adapter)
    )
    return -sum(scores["logprobs"]) / math.log(2) / len((HERE / "neutral.txt").read_bytes())


def data(hone, folder):
    """The folders of both tasks' train.jsonl and valid.jsonl."""
    run(hone, "recipes", "copy", "quickstart", folder / "facts")
    run("python3", HERE / "task.py", folder / "intents")
    return {task: folder / task for task in TASKS}


def train(hone, method, threads, place, settings):
    """The folder of a run of the method's recipe, what it says of itself, and its median tokens a second."""
    run(hone, "recipes", "copy", method, place)
    output = pathlib.Path(place) / "run"
    values = [f"output={output}", *settings]
    run(hone, "train", f"{place}/{method}.yaml", "--threads", threads, *(part for value in values for part in ("--set", value)))
    result = json.loads((output / "run.json").read_text())
    events = [json.loads(line) for line in (output / "events.jsonl").read_text().splitlines()]
    return output, result, statistics.median(event["tokens_per_second"] for event in events if event["event"] == "step")


def speed(hone, method, threads, folder, settings):
    with tempfile.TemporaryDirectory() as place:
        _, result, tokens = train(
            hone, method, threads, place,
            [f"data.train={folder / 'train.jsonl'}", "data.valid=none", "training.epochs=none", "training.steps=8", *settings],
        )  # fmt: skip
        return {"method": method, "task": "speed", "tokens_per_second": tokens, "peak_memory_bytes": result["peak_memory_bytes"]}


def measure(hone, method, task, seed, threads, folder, settings):
    with tempfile.TemporaryDirectory() as place:
        output, result, tokens = train(
            hone, method, threads, place,
            [
                f"data.train={folder / 'train.jsonl'}", f"data.valid={folder / 'valid.jsonl'}",
                f"training.epochs={TASKS[task]}", f"training.seed={seed}", *settings,
            ],
        )  # fmt: skip
        adapter = output / "adapter"
        forgotten = bits_a_byte(hone, threads, "--adapter", adapter)
        return {
            "method": method, "task": task, "seed": seed, "steps": result["steps"], "loss": result["held_out_loss_after"],
            "right": sum(score["after"] for score in result["scores"]), "asked": sum(score["count"] for score in result["scores"]),
            "parameters": result["trained_parameters"], "bytes": sum(file.stat().st_size for file in adapter.iterdir()),
            "tokens_per_second": tokens, "seconds": result["seconds"],
            "peak_memory_bytes": result["peak_memory_bytes"], "bits_a_byte": forgotten,
        }  # fmt: skip


def size(count, units=("", " k", " M", " G")):
    power = 0
    while count >= 1000 and power < len(units) - 1:
        count /= 1000
        power += 1
    return f"{count:.0f}{units[power]}" if count >= 100 or power == 0 else f"{count:.1f}{units[power]}"


def summaries(results, base):
    """One row for each method: means over the seeds, and the least and most of the quality."""
    rows = []
    for method in dict.fromkeys(result["method"] for result in results):
        of = {task: [r for r in results if r["method"] == method and r["task"] == task] for task in TASKS}
        everything = [r for task in TASKS for r in of[task]]
        if not everything:
            continue
        row = {"method": method, "seeds": {task: len(of[task]) for task in TASKS}}
        for task in TASKS:
            quality = [100 * r["right"] / r["asked"] for r in of[task]]
            row[task] = (statistics.mean(quality), min(quality), max(quality)) if quality else None
        row["parameters"] = everything[0]["parameters"]
        row["bytes"] = everything[0]["bytes"]
        alone = next((r for r in results if r["method"] == method and r["task"] == "speed"), None)
        row["speed"] = alone["tokens_per_second"] if alone else statistics.median(r["tokens_per_second"] for r in everything)
        row["memory"] = alone["peak_memory_bytes"] if alone else max(r["peak_memory_bytes"] for r in everything)
        row["forgetting"] = {
            task: statistics.mean(r["bits_a_byte"] for r in of[task]) - base if of[task] else None for task in TASKS
        }
        rows.append(row)
    return sorted(rows, key=lambda row: -sum((row[task] or (0,))[0] for task in TASKS))


def table(rows):
    lines = ["| Method | Facts | Intents | Trained | Adapter | Tokens/s | Memory | Forgetting, facts | intents |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        between = {t: f" ({row[t][1]:.0f} to {row[t][2]:.0f})" if row["seeds"][t] > 1 else "" for t in TASKS}
        quality = [f"{row[t][0]:.0f} %{between[t]}" if row[t] else "" for t in TASKS]
        forgetting = [f"{row['forgetting'][t]:+.3f}" if row["forgetting"][t] is not None else "" for t in TASKS]
        lines.append(
            f"| `{row['method']}` | {quality[0]} | {quality[1]} | {size(row['parameters'])} | {size(row['bytes'])}B | {row['speed']:.0f} | "
            f"{size(row['memory'])}B | {forgetting[0]} | {forgetting[1]} |"
        )
    return "\n".join(lines)


def plot(rows):
    """A line for each method: its quality on both tasks, from the worst seed to the best, and what it trains, as SVG."""
    width, left, right, top, line = 860, 120, 150, 56, 26
    bottom = top + line * len(rows)
    x = lambda share: left + share / 100 * (width - left - right)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 28}" font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{width}" height="{bottom + 28}" fill="#fff"/>',
        f'<text x="{width - 12}" y="{top - 12}" text-anchor="end" fill="#555">trained numbers, adapter</text>',
    ]
    for place, (task, colour) in enumerate(COLOURS.items()):
        parts.append(f'<circle cx="{left + 5 + 90 * place}" cy="{top - 36}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{left + 15 + 90 * place}" y="{top - 32}">{task}</text>')
    for share in range(0, 101, 20):
        parts.append(f'<path d="M{x(share):.1f} {top}V{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(share):.1f}" y="{bottom + 18}" text-anchor="middle" fill="#555">{share} %</text>')
    for place, row in enumerate(rows):
        middle = top + line * (place + 0.5)
        parts.append(f'<text x="{left - 12}" y="{middle + 4:.1f}" text-anchor="end">{row["method"]}</text>')
        what = f'{size(row["parameters"]).strip()}, {size(row["bytes"]).strip()}B'
        parts.append(f'<text x="{width - 12}" y="{middle + 4:.1f}" text-anchor="end" fill="#555">{what}</text>')
        for (task, colour), beside in zip(COLOURS.items(), (-5, 5)):
            if not row[task]:
                continue
            mean, least, most = row[task]
            at = middle + beside
            parts.append(f'<path d="M{x(least):.1f} {at:.1f}H{x(most):.1f}" stroke="{colour}" stroke-width="2" opacity=".5"/>')
            parts.append(f'<circle cx="{x(mean):.1f}" cy="{at:.1f}" r="4.5" fill="{colour}"/>')
    return "\n".join(parts + ["</svg>\n"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hone", default=ROOT / ".build/release/hone")
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "methods.jsonl")
    parser.add_argument("--set", nargs="+", default=[])
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--document", type=pathlib.Path)
    options = parser.parse_args()

    def read():
        return [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []

    if not options.document:
        # Each method's recipe has its name.
        names = run(options.hone, "methods").split("\n\n")[0].splitlines()[1:]
        methods = options.methods or [line.split()[0] for line in names if line[:1].islower()]
        # Another process may have added some meanwhile.
        def is_done(*what):
            return what in {(r["method"], r["task"], r.get("seed")) for r in read()}

        def add(result, text):
            with options.results.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(text, flush=True)

        with tempfile.TemporaryDirectory() as folder:
            folders = data(options.hone, pathlib.Path(folder))
            for method in methods if options.speed else []:
                if not is_done(method, "speed", None):
                    result = speed(options.hone, method, options.threads, folders["facts"], options.set)
                    add(result, f"{method}: {result['tokens_per_second']:.0f} tokens/s, {size(result['peak_memory_bytes'])}B")
            for seed in [] if options.speed else options.seeds:
                for method in methods:
                    for task in options.tasks:
                        if is_done(method, task, seed):
                            continue
                        result = measure(options.hone, method, task, seed, options.threads, folders[task], options.set)
                        add(
                            result,
                            f"{method} {task} {seed}: {result['right']} of {result['asked']}, loss {result['loss']:.3f}, "
                            f"{result['tokens_per_second']:.0f} tokens/s, {result['seconds']:.0f} s",
                        )
    rows = summaries(read(), bits_a_byte(options.hone, options.threads))
    print(table(rows))
    if options.document:
        (options.document / "methods.svg").write_text(plot(rows))


if __name__ == "__main__":
    main()
