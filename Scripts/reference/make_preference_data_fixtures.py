"""Writes Tests/HoneDataTests/Fixtures/preferences/*.json: rows of preferences in each form, and the token ids that TRL makes of them.

Each file is a case: the tokenizer's folder below Tests, a chat template where it is not the tokenizer's own, the longest sequence, and
  rows       as they stand in a data file
  expected   for each row what DPOTrainer or KTOTrainer prepares and the collator cuts: lists of {prompt, chosen, rejected} or
             {prompt, completion, label}; an empty list for a row that TRL drops
Forms that TRL does not read (OpenAI's, ranked lists) are brought into its own here, by renaming and by taking every pair.
"""

import itertools
import json
import pathlib
import shutil
import types

import datasets
from accelerate import PartialState
from tokenizers import processors
from transformers import AutoTokenizer
from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference, KTOTrainer

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
FOLDER = TESTS / "HoneDataTests/Fixtures/preferences"
TINY, WITH_START = "HoneModelsTests/Fixtures/tiny-llama-tied", "HoneDataTests/Fixtures/preferences/with-start"
# Writes a thought into the beginning of an answer that a finished answer does not have.
THINKING = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' }}{% endif %}"
)
WITH_TOOLS = (
    "{% if tools %}{{ '<|im_start|>tools\\n' }}{% for tool in tools %}{{ tool['function']['name'] + ' ' }}{% endfor %}"
    "{{ '<|im_end|>\\n' }}{% endif %}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message.tool_calls %}{{ message.tool_calls | tojson }}{% else %}{{ message['content'] }}{% endif %}{{ '<|im_end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def says(role, text):
    return {"role": role, "content": text}


def answer(text):
    return [says("assistant", text)]


TEXT = [
    {"prompt": "The sky is", "chosen": " blue.", "rejected": " green."},
    {"prompt": "The sun is ", "chosen": "in the sky", "rejected": "in the sea, as far as we are told"},
    {"prompt": "Sunflow", "chosen": "er", "rejected": "s"},
    {"prompt": "Café à la", "chosen": " crème ☕️", "rejected": " carte 🍽"},
    {"prompt": "Count:\n", "chosen": "1 2 3<|im_end|>", "rejected": "3 2 1"},
    {"prompt": "  spaced  ", "chosen": "  out  ", "rejected": "\n\nin"},
]
IMPLICIT_TEXT = [
    {"chosen": "The sky is blue.", "rejected": "The sky is green."},
    {"chosen": "The sky is blue.", "rejected": "The sky is black."},
    {"chosen": "Yes", "rejected": "Yesterday"},
    {"chosen": "Yes and no and", "rejected": "Yes and"},
    {"chosen": "naïve é", "rejected": "naïve è"},
    {"chosen": "two  spaces", "rejected": "two  words"},
]
TALKS = [
    ([says("user", "What colour is the sky?")], answer("Blue."), answer("Green.")),
    ([says("system", "Be kind."), says("user", "Hi")], answer("Hello, how are we today?"), answer("What.")),
    ([says("user", "A"), says("assistant", "B"), says("user", "C")], answer("Dear C"), answer("No C")),
    ([says("user", "Tell me")], answer("One\ntwo") + [says("user", "And?")] + answer("three"), answer("None")),
    ([says("user", "Spaces?")], answer(" yes "), answer("yes")),
]
LABELLED = [True, False, True, True, False, False]
TOOL = {"type": "function", "function": {"name": "weather", "description": "Says it.", "parameters": {"type": "object"}}}


def explicit(talks=TALKS):
    return [{"prompt": p, "chosen": c, "rejected": r} for p, c, r in talks]


def implicit(talks=TALKS):
    return [{"chosen": p + c, "rejected": p + r} for p, c, r in talks]


def tools():
    call = [{"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {}}}]}]
    rows = [{"prompt": [says("user", "Rain?")], "chosen": call, "rejected": answer("Yes."), "tools": [TOOL]}]
    return rows + [{**rows[0], "tools": json.dumps([TOOL, TOOL])}]


def from_openai(row):
    tools = {"tools": row["input"]["tools"]} if row["input"].get("tools") else {}
    return [{"prompt": row["input"]["messages"], "chosen": row["preferred_output"], "rejected": row["non_preferred_output"], **tools}]


def openai(talks=TALKS):
    rows = [
        {"input": {"messages": p, "tools": [], "parallel_tool_calls": True}, "preferred_output": c, "non_preferred_output": r}
        for p, c, r in talks
    ]
    return rows + [{**rows[0], "input": {**rows[0]["input"], "tools": [TOOL]}}]


def from_ranked(row):
    scores = row.get("scores") or [-place for place in range(len(row["completions"]))]
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    pairs = [(a, b) for a in order for b in range(len(scores)) if scores[b] < scores[a]]
    return [{"prompt": row["prompt"], "chosen": row["completions"][a], "rejected": row["completions"][b]} for a, b in pairs]


RANKED = [
    {"prompt": "The sky is", "completions": [" blue.", " grey.", " green."]},
    {"prompt": "The sea is", "completions": [" dry.", " wet.", " salt.", " deep."], "scores": [0, 2.5, 2.5, 3]},
]
RANKED_TALKS = [{"prompt": [says("user", "Hi")], "completions": [answer("Hello!"), answer("Yes?"), answer("What.")]}]


def unpaired(rows):
    return [
        {"prompt": r["prompt"], "completion": r["chosen"] if good else r["rejected"], "label": good} for r, good in zip(rows, LABELLED)
    ]


CASES = {
    "text": dict(rows=TEXT),
    "text-implicit": dict(rows=IMPLICIT_TEXT),
    "text-beginning": dict(rows=TEXT, tokenizer=WITH_START),
    "messages": dict(rows=explicit()),
    "messages-implicit": dict(rows=implicit()),
    "messages-thinking": dict(rows=explicit(), template=THINKING),
    "messages-tools": dict(rows=tools(), template=WITH_TOOLS),
    "messages-cut": dict(rows=explicit(), max_tokens=50),
    "messages-cut-hard": dict(rows=explicit(), max_tokens=41),
    "openai": dict(rows=openai(), template=WITH_TOOLS, convert=from_openai),
    "ranked": dict(rows=RANKED, convert=from_ranked),
    "ranked-messages": dict(rows=RANKED_TALKS, convert=from_ranked),
    "unpaired": dict(rows=unpaired(TEXT)),
    "unpaired-messages": dict(rows=unpaired(explicit())),
    "unpaired-messages-cut": dict(rows=unpaired(explicit()), max_tokens=50),
    "unpaired-thinking": dict(rows=unpaired(explicit()), template=THINKING),
    "unpaired-from-pairs": dict(rows=implicit(), unpairs=True),
}  # fmt: skip


def cut(collator, examples):
    """What the collator leaves of each, its padding taken off again."""
    batch = collator(examples)
    rows = zip(batch["input_ids"].tolist(), batch["attention_mask"].tolist(), batch["completion_mask"].tolist())
    parts = []
    for ids, real, completion in rows:
        kept = [(i, c) for i, a, c in zip(ids, real, completion) if a]
        parts.append(([i for i, c in kept if not c], [i for i, c in kept if c]))
    return parts


def prepared(row, tokenizer, limit, unpairs):
    data = datasets.Dataset.from_list([row])
    args = types.SimpleNamespace(dataset_num_proc=None, max_length=limit, truncation_mode="keep_start", per_device_train_batch_size=2)
    trainer = types.SimpleNamespace(_tokenizer=tokenizer, calculate_KL=False, desirable_weight=1.0, undesirable_weight=1.0)
    if unpairs or "label" in row:
        rows = KTOTrainer._prepare_dataset(trainer, data, tokenizer, args, "eval")
        examples = [{k: r[k] for k in ("prompt_ids", "completion_ids", "label")} for r in rows]
        parts = cut(DataCollatorForUnpairedPreference(pad_token_id=0, max_length=limit), examples) if examples else []
        return [{"prompt": p, "completion": c, "label": e["label"]} for (p, c), e in zip(parts, examples)]
    rows = DPOTrainer._prepare_dataset(trainer, data, tokenizer, args, "eval")
    examples = [{k: r[k] for k in ("prompt_ids", "chosen_ids", "rejected_ids")} for r in rows]
    parts = cut(DataCollatorForPreference(pad_token_id=0, max_length=limit), examples) if examples else []
    half = len(parts) // 2
    return [{"prompt": p, "chosen": c, "rejected": r} for (p, c), (_, r) in zip(parts[:half], parts[half:])]


PartialState()
datasets.disable_progress_bars()
shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir(parents=True)
started = AutoTokenizer.from_pretrained(TESTS / TINY)
started.backend_tokenizer.post_processor = processors.TemplateProcessing(
    single="<|im_start|> $A", special_tokens=[("<|im_start|>", started.bos_token_id)]
)
started.save_pretrained(TESTS / WITH_START)
for name, case in CASES.items():
    source = case.get("tokenizer", TINY)
    tokenizer = AutoTokenizer.from_pretrained(TESTS / source)
    tokenizer.chat_template = case.get("template", tokenizer.chat_template)
    limit, convert = case.get("max_tokens"), case.get("convert", lambda row: [row])
    expected = [
        list(itertools.chain(*(prepared(r, tokenizer, limit, case.get("unpairs", False)) for r in convert(row)))) for row in case["rows"]
    ]
    page = {"tokenizer": source, "template": case.get("template"), "max_tokens": limit, "unpairs": case.get("unpairs", False)}
    lines = [f'  "{key}": {json.dumps(value)},' for key, value in page.items()]
    for key, rows in (("rows", case["rows"]), ("expected", expected)):
        lines.append(f'  "{key}": [\n' + ",\n".join("    " + json.dumps(row, ensure_ascii=False) for row in rows) + "\n  ],")
    (FOLDER / f"{name}.json").write_text("{\n" + "\n".join(lines)[:-1] + "\n}\n")
manifest.write(FOLDER, ["trl", "transformers", "tokenizers", "datasets"])
