"""Writes the second task of the comparison: the intent and the order's number out of a customer's message.

    python task.py FOLDER        writes FOLDER/train.jsonl (520 messages) and FOLDER/valid.jsonl (64)

The messages are composed: a greeting, a reason in one of many wordings, a close, with names, goods and numbers drawn anew. The held-out
ones have wordings that no trained message has, so that the intent must be understood and not remembered. The same bytes each time.
"""

import json
import pathlib
import random
import sys

WORDINGS = {
    "refund": [
        "I want my money back for {order}.", "Please refund {order}, the {item} is not what I hoped for.",
        "The {item} of {order} went back to you last week and I have not been paid back.", "Can I get {order} refunded?",
        "I returned the {item} from {order}. When do I see the money?", "{order}: please return the amount to my card.",
        "I am not keeping the {item}. Kindly reimburse {order}.", "You owe me for {order}; the parcel with the {item} is back with you.",
        "What I paid for {order} should come back to my account.", "Reverse the payment for {order}, I sent the {item} back.",
    ],
    "delivery": [
        "Where is {order}?", "My {item} has not arrived, the number is {order}.", "{order} was to come on {day} and did not.",
        "Could you tell me when {order} will be delivered?", "I am still waiting for the {item} from {order}.",
        "The tracking of {order} has not moved since {day}.", "Is {order} on its way? I need the {item} by {day}.",
        "No parcel yet for {order}.", "The courier never rang with {order}.", "How much longer will the {item} in {order} take to reach me?",
    ],
    "damage": [
        "The {item} in {order} came broken.", "{order} arrived and the {item} has a crack.", "My {item} is scratched all over, it was {order}.",
        "The box of {order} was crushed and so is the {item}.", "One side of the {item} from {order} is torn.",
        "I opened {order} and the {item} was in pieces.", "The {item} does not work at all, it came with {order}.",
        "There is a dent in the {item} of {order}.", "What came as {order} is a shattered {item}.", "{order}: the {item} fell apart when I unpacked it.",
    ],
    "cancel": [
        "Please cancel {order}.", "I no longer need the {item}, stop {order}.", "Do not send {order}, I changed my mind.",
        "Can {order} still be called off?", "I ordered the {item} twice by mistake. Take out {order}.",
        "Call off {order} before it leaves.", "I would like to withdraw {order}.", "Forget about {order}, I found the {item} elsewhere.",
        "Drop {order}, I have no use for the {item} now.", "Hold {order} back and close it, please.",
    ],
    "address": [
        "I moved. Please send {order} to {street} {number}.", "The address of {order} is wrong, it should be {street} {number}.",
        "Can {order} go to my office at {street} {number}?", "Change where {order} is going: {street} {number}.",
        "For {order} I gave my old street. The new one is {street} {number}.", "Deliver {order} to a neighbour, {street} {number}.",
        "{order} should go to {street} {number} instead.", "I typed the house number of {order} wrong, it is {street} {number}.",
        "We live at {street} {number} now, mind that for {order}.", "Take {order} to {street} {number}, nobody is at home here.",
    ],
    "invoice": [
        "I need an invoice for {order}.", "Could you send me the bill of {order}?", "The invoice of {order} has the wrong name on it.",
        "Our accounts want a receipt for {order}.", "There is no VAT on the bill for {order}.", "Please mail the invoice of {order} as a PDF.",
        "I lost the receipt of the {item}, {order}.", "Can you put our company on the bill of {order}?",
        "For my tax return I want a paper for {order}.", "Our bookkeeper misses the document for the {item}, {order}.",
    ],
}  # fmt: skip
HELD_OUT = 2  # of each intent's wordings, the last ones
GREETINGS = ["Hello,", "Good morning,", "Hi there,", "Dear team,", "Hey,", "To whom it may concern,", ""]
CLOSES = ["Thank you.", "Regards, {name}", "Best, {name}", "Thanks, {name}", "{name}", "", "Please answer soon."]
ITEMS = ["lamp", "kettle", "desk", "rucksack", "mirror", "clock", "carpet", "radio", "tent", "vase", "chair", "shelf"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
STREETS = ["Mill Lane", "Harbour Road", "Linden Street", "Chapel Hill", "Station Road", "Orchard Way"]
NAMES = ["Ada", "Jonas", "Mirela", "Tom Becker", "Iris Vann", "P. Okafor", "Lena", "Yusuf"]
ORDERS = ["order {}", "no. {}", "order number {}", "#{}", "purchase {}"]


def message(draw, intent, wordings):
    number = str(draw.randint(10_000, 99_999))
    facts = {
        "order": draw.choice(ORDERS).format(number), "item": draw.choice(ITEMS), "day": draw.choice(DAYS),
        "street": draw.choice(STREETS), "number": draw.randint(1, 99), "name": draw.choice(NAMES),
    }  # fmt: skip
    reason = draw.choice(wordings).format(**facts)
    text = " ".join(part for part in [draw.choice(GREETINGS), reason[0].upper() + reason[1:], draw.choice(CLOSES).format(**facts)] if part)
    return {
        "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": f"{intent} {number}"}],
        "expects": [f"{intent} {number}"],
    }


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def main(folder):
    draw = random.Random(1)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    intents = list(WORDINGS)
    write(folder / "train.jsonl", [message(draw, i, WORDINGS[i][:-HELD_OUT]) for i in draw.choices(intents, k=520)])
    write(folder / "valid.jsonl", [message(draw, i, WORDINGS[i][-HELD_OUT:]) for i in (intents * 11)[:64]])


if __name__ == "__main__":
    main(sys.argv[1])
