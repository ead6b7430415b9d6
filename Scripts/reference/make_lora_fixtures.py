"""Writes Tests/HoneTrainingTests/Fixtures/lora-*: what peft and torch compute when a tiny Llama is trained with LoRA.

The bases are the folders tiny-llama-tied and tiny-llama-untied of Tests/HoneModelsTests/Fixtures. For each there is

  plain       rank 4, alpha 8, all linear layers
  rslora      the same with rank-stabilised scaling
  patterns    rank_pattern and alpha_pattern: other ranks and alphas for some layers
  embeddings  targets embed_tokens, lm_head, q_proj and v_proj; for the tied base the two get adapters of their own
  embeddings-shared (tied base only) the same with ensure_weight_tying, where one adapter serves both

Each folder holds, as peft saves them, `initial/` and `final/` (the adapter before, with A and B both non-zero, and after ten steps),
and `expected.safetensors`:
  input_ids, labels    I64 [3, 20]; a label of -100 is not trained; the loss is the mean over trained tokens, labels shifted by one
  losses               F32 [11], before each of ten AdamW steps (learning rate 1e-2, betas 0.9 and 0.999, epsilon 1e-8, no decay,
                       no clipping) and after the last, the batch being the same every time
  logits               F32 [3, 20, vocabulary] with the initial adapter
  gradient.NAME        F32, of the loss before the first step, NAME as in the adapter's file (a shared adapter is in the file twice,
                       transposed; its one gradient stands under lm_head's names)
peft has a shared adapter's numbers as two parameters over one memory: each has a gradient of its own use, and an optimiser would step
twice. Here the two gradients are summed, which is the derivative, and one step is taken.
manifest.json says by how much these float32 gradients differ from ones computed in float64, relative to each tensor's norm.
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
if os.environ.get("PYTHONHASHSEED") != "0":  # peft writes target_modules in the order of a set
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})

import pathlib
import shutil
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

import manifest

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
BASES, FOLDER = TESTS / "HoneModelsTests/Fixtures", TESTS / "HoneTrainingTests/Fixtures"
ENDS = ["embed_tokens", "lm_head", "q_proj", "v_proj"]
VARIANTS = {
    "plain": dict(target_modules="all-linear"),
    "rslora": dict(target_modules="all-linear", use_rslora=True),
    "patterns": dict(
        target_modules="all-linear",
        rank_pattern={"q_proj": 2, r"layers\.1\..*down_proj": 6, "model.layers.0.mlp.up_proj": 1},
        alpha_pattern={"k_proj": 3, r".*1\.mlp\.(gate|up)_proj": 16},
    ),
    "embeddings": dict(target_modules=ENDS),
    "embeddings-shared": dict(target_modules=ENDS, ensure_weight_tying=True),
}


def exact_attention(module, query, key, value, mask, scaling, **_):
    """Eager attention without transformers' float32 softmax in the middle."""
    key, value = (t.repeat_interleave(module.num_key_value_groups, 1) for t in (key, value))
    length = query.shape[2]
    scores = query @ key.transpose(2, 3) * scaling + torch.full((length, length), -torch.inf).triu(1)
    return (scores.softmax(-1) @ value).transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS["exact"] = exact_attention


def adapted(base, settings, attention="eager", dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, attn_implementation=attention)
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, task_type="CAUSAL_LM", **settings))
    torch.manual_seed(11)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for parameter in trained.values():
            parameter.copy_(0.1 * torch.randn(parameter.shape))
    return model.to(dtype), trained


def loss_of(model, ids, labels):
    logits = model(input_ids=ids).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()), logits


def file_names(model, trained):
    """From the name of a parameter to its name in the adapter's file."""
    of_storage = {t.data_ptr(): name for name, t in get_peft_model_state_dict(model, save_embedding_layers=False).items()}
    return {name: of_storage[p.data_ptr()] for name, p in trained.items()}


def join_shared(model, trained):
    """Sums the gradients of parameters that share memory, and keeps the head's; returns what is then trained."""
    head = {p.data_ptr(): p for n, p in trained.items() if ".lm_head." in n}
    twins = {n: head[p.data_ptr()] for n, p in trained.items() if ".lm_head." not in n and p.data_ptr() in head}
    for name, twin in twins.items():
        twin.grad += trained[name].grad.T
        trained[name].grad = None
    return {n: p for n, p in trained.items() if n not in twins}


def gradients(model, trained, ids, labels):
    model.zero_grad()
    loss, logits = loss_of(model, ids, labels)
    loss.backward()
    trained = join_shared(model, trained)
    names = file_names(model, trained)
    return loss.item(), logits.detach(), {names[n]: p.grad.clone() for n, p in trained.items()}


def exact_gradients(base, settings, ids, labels):
    model, trained = adapted(base, settings, "exact", torch.float64)
    for module in model.modules():
        if type(module).__name__ == "LlamaRMSNorm":
            module.forward = lambda x, m=module: m.weight * x * (x.square().mean(-1, True) + m.variance_epsilon).rsqrt()
    return gradients(model, trained, ids, labels)[2]


def batch():
    random = torch.Generator().manual_seed(5)
    ids = torch.randint(3, 272, (3, 20), generator=random)
    labels = ids.clone()
    labels[0, :7] = labels[1, 12:] = labels[1, :3] = labels[2, 5:9] = -100
    return ids, labels


warnings.simplefilter("ignore")
torch.set_num_threads(1)
os.chdir(BASES)  # so that the adapters name their base without a path
ids, labels = batch()
for base in ["tied", "untied"]:
    for variant, settings in VARIANTS.items():
        if variant == "embeddings-shared" and base == "untied":
            continue
        folder = FOLDER / f"lora-{base}-{variant}"
        shutil.rmtree(folder, ignore_errors=True)
        model, trained = adapted(f"tiny-llama-{base}", settings)
        model.save_pretrained(folder / "initial")
        first, logits, grads = gradients(model, trained, ids, labels)
        exact = exact_gradients(f"tiny-llama-{base}", settings, ids, labels)
        noise = max(((grads[n] - exact[n]).norm() / exact[n].norm()).item() for n in grads)
        optimizer = torch.optim.AdamW(trained.values(), lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
        losses = []
        for _ in range(10):
            optimizer.zero_grad()
            loss, _ = loss_of(model, ids, labels)
            loss.backward()
            join_shared(model, trained)
            optimizer.step()
            losses.append(loss.item())
        losses.append(loss_of(model, ids, labels)[0].item())
        assert losses[0] == first and losses[-1] < first
        model.save_pretrained(folder / "final")
        again = AutoModelForCausalLM.from_pretrained(f"tiny-llama-{base}", attn_implementation="eager")
        again = PeftModel.from_pretrained(again, folder / "final")
        assert abs(loss_of(again, ids, labels)[0].item() - losses[-1]) < 1e-6, "peft does not read back what it wrote"
        for readme in folder.glob("*/README.md"):
            readme.unlink()
        tensors = {"input_ids": ids, "labels": labels, "losses": torch.tensor(losses), "logits": logits.contiguous()}
        save_file(tensors | {f"gradient.{n}": g.contiguous() for n, g in grads.items()}, folder / "expected.safetensors")
        saved = load_file(folder / "initial/adapter_model.safetensors")
        print(f"{variant}: losses {losses[0]:.4f} .. {losses[-1]:.4f}, {len(grads)} gradients, {len(saved)} saved tensors")
        manifest.write(
            folder, ["torch", "transformers", "peft", "safetensors"], base=f"tiny-llama-{base}",
            largest_relative_gradient_error_of_float32=noise,
        )  # fmt: skip
