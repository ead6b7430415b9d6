"""Writes Tests/HoneTrainingTests/Fixtures/preference-*: what TRL computes from preferences.

preference-losses/losses.json, in float64:
  cases     objects of loss, settings, pairs (the sums of log-probabilities and the lengths of each side) and, for each pair, TRL's
            loss and its derivatives by the policy's two sums (`slopes`)
preference-tiny/expected.safetensors, of tiny-llama-tied with the adapter lora-tied-plain/initial and the base as reference:
  losses, chosen, rejected        F32 [11] loss and rewards of `sigmoid` before each of ten AdamW steps (learning rate 1e-2) and after the last
  VARIANT.loss, VARIANT.gradient.NAME   F32, float64's rounded: of `sigmoid`, `ipo`, `weighted` (sigmoid, ld_alpha 0.5 and WPO) and `kto`
preference-tiny/pairs.json holds the tokens. The losses are those of `DPOTrainer._compute_loss` and `KTOTrainer._compute_loss`
themselves; what they ask of the model is computed here from its logits. KTO's mismatched answers are those of the next pair.
"""

import json
import os
import pathlib
import types

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from trl.experimental.cpo.cpo_trainer import CPOTrainer
from trl.experimental.orpo.orpo_trainer import ORPOTrainer
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_trainer import KTOTrainer

import manifest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Tests/HoneTrainingTests/Fixtures"
accelerator = types.SimpleNamespace(
    device="cpu", gather_for_metrics=lambda x: x, gather=lambda x: x, unwrap_model=lambda x: x
)


def trainer(**settings):
    from collections import defaultdict

    values = dict(
        accelerator=accelerator, model=types.SimpleNamespace(training=True), aux_loss_enabled=False, ld_alpha=None,
        precompute_ref_logps=True, ref_model=None, f_divergence_type="reverse_kl", loss_types=["sigmoid"], loss_weights=[1.0],
        beta=0.1, label_smoothing=0.0, use_weighting=False, args=types.SimpleNamespace(discopop_tau=0.05),
        _metrics={"train": defaultdict(list)}, _total_train_tokens=0, _tp_size=1, calculate_KL=True, loss_type="kto",
        desirable_weight=1.0, undesirable_weight=1.0,
    )
    return types.SimpleNamespace(**(values | settings))


def statistics(logits, labels):
    """What TRL's fused head gives, from logits [rows, length, vocabulary]."""
    logs = torch.log_softmax(logits[:, :-1], -1)
    target = labels[:, 1:]
    mask = target != -100
    chosen = logs.gather(-1, target.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    zero = torch.zeros_like(chosen)
    return types.SimpleNamespace(
        log_probs=torch.where(mask, chosen, zero),
        entropy=-(logs.exp() * logs).sum(-1).detach(),
        log_sum_sq_probs=torch.logsumexp(2 * logs, -1),
        mean_logits=logits[:, :-1].mean(-1).detach(),
        is_top1=logs.argmax(-1) == target,
    )


def losses():
    generator = torch.Generator().manual_seed(3)
    pairs = []
    for _ in range(6):
        counts = torch.randint(3, 9, (2,), generator=generator).tolist()
        policy = [-(torch.rand(n, generator=generator, dtype=torch.float64) * 4).sum().item() for n in counts]
        reference = [p + torch.randn(1, generator=generator, dtype=torch.float64).item() * 3 for p in policy]
        pairs.append(dict(policy=policy, reference=reference, counts=counts))
    settings = [dict(loss=name) for name in ["sigmoid", "hinge", "ipo", "robust", "nca_pair", "bco_pair", "sppo_hard", "apo_zero",
                                             "apo_down", "discopop", "sft", "sigmoid_norm", "orpo", "simpo", "cpo"]]
    settings += [dict(loss=name, label_smoothing=0.1) for name in ["robust", "exo_pair"]]
    settings += [dict(loss=name, beta=0.7) for name in ["hinge", "ipo", "discopop", "nca_pair", "apo_down", "sppo_hard"]]
    settings += [dict(loss=["sigmoid", "sft", "bco_pair"], weights=[0.8, 0.5, 0.2])]
    cases = []
    for setting in settings:
        results, slopes = [], []
        for pair in pairs:
            leaf = torch.tensor(pair["policy"], dtype=torch.float64, requires_grad=True)
            loss = pair_loss(setting, leaf, pair)
            (slope,) = torch.autograd.grad(loss, leaf, allow_unused=True)
            results.append(loss.item())
            slopes.append(slope.tolist())
        cases.append(setting | dict(losses=results, slopes=slopes))
    folder = FIXTURES / "preference-losses"
    folder.mkdir(exist_ok=True)
    (folder / "losses.json").write_text(json.dumps(dict(pairs=pairs, cases=cases), indent=1) + "\n")
    manifest.write(folder, ["torch", "trl"])


def pair_loss(setting, leaf, pair):
    name, beta = setting["loss"], setting.get("beta", 0.1)
    means = leaf / torch.tensor(pair["counts"], dtype=torch.float64)
    if name == "orpo":
        # TRL computes the odds in float32 whatever comes in.
        wide = types.SimpleNamespace(accelerator=accelerator, beta=beta)
        double = torch.Tensor.float
        torch.Tensor.float = torch.Tensor.double
        try:
            ratio = ORPOTrainer.odds_ratio_loss(wide, means[:1], means[1:])[0]
        finally:
            torch.Tensor.float = double
        return (-means[0] - ratio).sum()
    if name in ("simpo", "cpo"):
        own = types.SimpleNamespace(accelerator=accelerator, alpha=0.0, beta=2.0 if name == "simpo" else beta, simpo_gamma=0.5,
                                    loss_type="simpo" if name == "simpo" else "sigmoid", label_smoothing=0.0)
        sides = means if name == "simpo" else leaf
        loss = CPOTrainer.cpo_loss(own, sides[:1], sides[1:])[0].sum()
        return loss if name == "simpo" else loss - means[0]
    # A model that spreads a side's sum evenly over its tokens, behind a prompt of one token.
    length = max(pair["counts"])
    mask = torch.tensor([[0] + [1] * n + [0] * (length - n) for n in pair["counts"]])
    rows = torch.stack([(leaf[i] / n) * mask[i, 1:] for i, n in enumerate(pair["counts"])])
    outputs = types.SimpleNamespace(
        log_probs=rows, entropy=rows.detach(), mean_logits=rows.detach(), is_top1=rows > 0, log_sum_sq_probs=rows.detach())
    names = [name] if isinstance(name, str) else name
    own = trainer(loss_types=names, loss_weights=setting.get("weights", [1.0] * len(names)), beta=beta,
                  label_smoothing=setting.get("label_smoothing", 0.0))
    reference = torch.tensor(pair["reference"], dtype=torch.float64)
    return DPOTrainer._compute_loss(
        own, lambda **_: outputs,
        dict(input_ids=mask, attention_mask=mask, completion_mask=mask, ref_chosen_logps=reference[:1],
             ref_rejected_logps=reference[1:]), False)


def tiny():
    generator = torch.Generator().manual_seed(11)
    draw = lambda low, high: torch.randint(3, 250, (int(torch.randint(low, high, (1,), generator=generator)),), generator=generator).tolist()
    pairs = [dict(prompt=draw(4, 9), chosen=draw(3, 10), rejected=draw(3, 10)) for _ in range(4)]

    def load(dtype):
        base = AutoModelForCausalLM.from_pretrained(
            ROOT / "Tests/HoneModelsTests/Fixtures/tiny-llama-tied", dtype=dtype, attn_implementation="eager")
        return PeftModel.from_pretrained(base, FIXTURES / "lora-tied-plain/initial", is_trainable=True).train()

    def rows(items):
        length = max(len(p) + len(a) for p, a in items)
        ids = torch.tensor([p + a + [0] * (length - len(p) - len(a)) for p, a in items])
        mask = torch.tensor([[0] * len(p) + [1] * len(a) + [0] * (length - len(p) - len(a)) for p, a in items])
        attention = torch.tensor([[1] * (len(p) + len(a)) + [0] * (length - len(p) - len(a)) for p, a in items])
        return ids, mask, attention

    def call(model):
        def inner(input_ids, attention_mask, labels, **_):
            return statistics(model(input_ids=input_ids, attention_mask=attention_mask).logits, labels)
        return inner

    def sums(model, items, weight=None):
        ids, mask, attention = rows(items)
        logs = call(model)(ids, attention, ids.masked_fill(mask == 0, -100)).log_probs
        if weight is not None:
            logs = logs * weight
        return logs.sum(-1)

    chosen = [(p["prompt"], p["chosen"]) for p in pairs]
    rejected = [(p["prompt"], p["rejected"]) for p in pairs]
    ids, mask, attention = rows(chosen + rejected)

    def tail(alpha):
        position = mask[:, 1:].cumsum(1)
        shared = torch.tensor([min(len(p["chosen"]), len(p["rejected"])) for p in pairs] * 2).unsqueeze(1)
        return torch.where(position > shared, alpha, 1.0)

    def dpo(model, **settings):
        own = trainer(**settings)
        alpha = own.ld_alpha
        with torch.no_grad(), model.disable_adapter():
            reference = sums(model, chosen + rejected, None if alpha is None else tail(alpha))
        loss = DPOTrainer._compute_loss(
            own, call(model),
            dict(input_ids=ids, attention_mask=attention, completion_mask=mask, ref_chosen_logps=reference[:4],
                 ref_rejected_logps=reference[4:]), False)
        return loss, {k: v[0] for k, v in own._metrics["train"].items() if not isinstance(v[0], int)}

    def kto(model):
        # Good, bad, good, bad: the answers chosen, rejected, chosen, rejected of the four pairs.
        answers = [p["chosen"] if i % 2 == 0 else p["rejected"] for i, p in enumerate(pairs)]
        items = [(p["prompt"], a) for p, a in zip(pairs, answers)]
        others = [(p["prompt"], answers[(i + 1) % 4]) for i, p in enumerate(pairs)]
        with torch.no_grad(), model.disable_adapter():
            reference, reference_kl = sums(model, items), sums(model, others)
        with torch.no_grad():
            kl = sums(model, others)
        own = trainer(_compute_kl_logps=lambda *_: kl, precompute_ref_logps=True)
        i, m, a = rows(items)
        loss = KTOTrainer._compute_loss(
            own, call(model),
            dict(input_ids=i, attention_mask=a, completion_mask=m, label=torch.tensor([True, False, True, False]),
                 ref_logps=reference, ref_KL_logps=reference_kl), False)
        return loss.mean() if loss.ndim else loss

    tensors = {}
    for name, compute in dict(
        sigmoid=lambda m: dpo(m)[0], ipo=lambda m: dpo(m, loss_types=["ipo"])[0],
        weighted=lambda m: dpo(m, ld_alpha=0.5, use_weighting=True)[0], kto=kto,
    ).items():
        model = load(torch.float64)
        loss = compute(model)
        loss.backward()
        tensors[f"{name}.loss"] = loss.detach().float().reshape(1)
        for key, parameter in model.named_parameters():
            if parameter.grad is not None:
                tensors[f"{name}.gradient.{key.replace('.default', '')}"] = parameter.grad.float().contiguous()

    model = load(torch.float32)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    series = dict(losses=[], chosen=[], rejected=[], accuracies=[], logs=[], entropy=[])
    for _ in range(11):
        loss, metrics = dpo(model)
        series["losses"].append(loss.item())
        series["chosen"].append(metrics["rewards/chosen"])
        series["rejected"].append(metrics["rewards/rejected"])
        series["accuracies"].append(metrics["rewards/accuracies"])
        series["logs"].append(metrics["logps/chosen"])
        series["entropy"].append(metrics["entropy"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tensors |= {key: torch.tensor(value, dtype=torch.float32) for key, value in series.items()}
    folder = FIXTURES / "preference-tiny"
    folder.mkdir(exist_ok=True)
    (folder / "pairs.json").write_text(json.dumps(pairs) + "\n")
    save_file(tensors, folder / "expected.safetensors")
    manifest.write(folder, ["torch", "transformers", "peft", "trl"], learning_rate=1e-2)
    print(series)


if __name__ == "__main__":
    losses()
    tiny()
