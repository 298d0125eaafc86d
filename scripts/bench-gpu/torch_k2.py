#!/usr/bin/env python3
"""The opponent of "muonclip bench train --device cuda": the same models and the same update in PyTorch, written as one would
who wants PyTorch to be fast.

  torch_k2.py bench --config model.json --batch 32 --seq 1024 --tokens-per-step 524288 [--compile] [--json]
  torch_k2.py loss  --model HF_FOLDER --tokens tokens.json --steps 3 --lr 2e-3

bench times steps on random tokens. model.json is what "muonclip config show --preset NAME --json" prints, or its model
section. loss prints the losses of a few steps on a model in Hugging Face layout in float32, as "muonclip trace --json"
does, to see that both compute the same thing.

Weights, gradients and the optimizer's state are float32, products run in bf16 under autocast. Attention is
scaled_dot_product_attention, with the values padded to the width of the keys where that is faster. Experts are grouped_mm on
rows sorted by expert, or a loop over experts where PyTorch has no grouped_mm. Muon iterates in bf16 on stacks of all
matrices of one shape, AdamW is the fused one. QK-Clip is left out: scaled_dot_product_attention does not give the
largest logits, and to compute them again would cost what attention does. Loading of batches is left out as well.
"""
import argparse
import json
import math
import os
import statistics
import struct
import time

import torch
import torch.nn.functional as F
from torch import nn

grouped_mm = getattr(F, "grouped_mm", None) or getattr(torch, "_grouped_mm", None)
rms_norm = getattr(F, "rms_norm", None)
sdpa = getattr(F, "scaled_dot_product_attention", None)


def norm(x, weight, eps):
    if rms_norm is not None:
        return rms_norm(x, weight.shape, weight.to(x.dtype), eps)  # of one type, or it is not fused
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, cos, sin, half):
    """Rotates pairs of the last dimension of x [..., T, d]: (i, i+d/2) where half, (2i, 2i+1) otherwise."""
    if half:
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


def attend(q, k, v, pad):
    """Causal attention. q, k [B, H, T, d], v [B, H, T, dv], dv <= d."""
    if sdpa is None:  # PyTorch before 2.0
        s = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        s = s + torch.full(s.shape[-2:], -math.inf, device=s.device).triu(1)
        return s.softmax(-1) @ v
    width = v.shape[-1]
    if pad and width < q.shape[-1]:
        v = F.pad(v, (0, q.shape[-1] - width))
    return sdpa(q, k, v, is_causal=True)[..., :width]


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        h, heads = c["hidden_size"], c["num_attention_heads"]
        self.heads, self.eps, self.latent, self.pad = heads, c["rms_norm_eps"], c["kv_lora_rank"], False
        if self.latent:
            self.nope, self.rope, self.v = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
            if c["q_lora_rank"]:
                self.q_a_proj = nn.Linear(h, c["q_lora_rank"], bias=False)
                self.q_a_layernorm = nn.Parameter(torch.ones(c["q_lora_rank"]))
                self.q_b_proj = nn.Linear(c["q_lora_rank"], heads * (self.nope + self.rope), bias=False)
            else:
                self.q_proj = nn.Linear(h, heads * (self.nope + self.rope), bias=False)
            self.kv_a_proj_with_mqa = nn.Linear(h, self.latent + self.rope, bias=False)
            self.kv_a_layernorm = nn.Parameter(torch.ones(self.latent))
            self.kv_b_proj = nn.Linear(self.latent, heads * (self.nope + self.v), bias=False)
        else:
            self.kv_heads = c["num_key_value_heads"] or heads
            self.nope, self.rope, self.v = 0, c["head_dim"], c["head_dim"]
            self.q_proj = nn.Linear(h, heads * self.rope, bias=False)
            self.k_proj = nn.Linear(h, self.kv_heads * self.rope, bias=False)
            self.v_proj = nn.Linear(h, self.kv_heads * self.rope, bias=False)
        self.o_proj = nn.Linear(heads * self.v, h, bias=False)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape

        def split(y, width):
            return y.view(b, t, -1, width).transpose(1, 2)

        if self.latent:
            if hasattr(self, "q_a_proj"):
                q = self.q_b_proj(norm(self.q_a_proj(x), self.q_a_layernorm, self.eps))
            else:
                q = self.q_proj(x)
            q = split(q, self.nope + self.rope)
            latent, key = self.kv_a_proj_with_mqa(x).split((self.latent, self.rope), -1)
            kv = split(self.kv_b_proj(norm(latent, self.kv_a_layernorm, self.eps)), self.nope + self.v)
            k, v = kv.split((self.nope, self.v), -1)
            q = torch.cat((q[..., : self.nope], rotate(q[..., self.nope :], cos, sin, False).to(q.dtype)), -1)
            key = rotate(key[:, None], cos, sin, False).to(k.dtype).expand(-1, self.heads, -1, -1)
            k = torch.cat((k, key), -1)
        else:
            q = rotate(split(self.q_proj(x), self.rope), cos, sin, True)
            k = rotate(split(self.k_proj(x), self.rope), cos, sin, True)
            v = split(self.v_proj(x), self.rope)
            q, k = q.to(v.dtype), k.to(v.dtype)
            if self.kv_heads != self.heads:
                k, v = (y.repeat_interleave(self.heads // self.kv_heads, 1) for y in (k, v))
        return self.o_proj(attend(q, k, v, self.pad).transpose(1, 2).reshape(b, t, -1))


class FeedForward(nn.Module):
    """SwiGLU. gate_up [2, n, h] is the gate's matrix and that of the other half, multiplied as one."""

    def __init__(self, h, n):
        super().__init__()
        self.gate_up = nn.Parameter(torch.empty(2, n, h))
        self.down = nn.Parameter(torch.empty(h, n))

    def forward(self, x):
        gate, up = F.linear(x, self.gate_up.flatten(0, 1)).chunk(2, -1)
        return F.linear(F.silu(gate) * up, self.down)


class Experts(nn.Module):
    def __init__(self, c):
        super().__init__()
        h, n, e = c["hidden_size"], c["moe_intermediate_size"], c["n_routed_experts"]
        self.k, self.scale, self.normed = c["num_experts_per_tok"], c["routed_scaling_factor"], c["norm_topk_prob"]
        self.router = nn.Parameter(torch.empty(e, h))
        self.register_buffer("bias", torch.zeros(e))
        self.gate_up = nn.Parameter(torch.empty(e, 2, n, h))
        self.down = nn.Parameter(torch.empty(e, h, n))
        self.shared = FeedForward(h, n * c["n_shared_experts"]) if c["n_shared_experts"] else None

    def forward(self, x):
        shape = x.shape
        x = x.reshape(-1, shape[-1])
        with torch.autocast(x.device.type, enabled=False):
            scores = F.linear(x.float(), self.router).sigmoid()
            chosen = (scores + self.bias).topk(self.k, -1).indices
            weight = scores.gather(1, chosen)
            if self.normed:
                weight = weight / (weight.sum(-1, keepdim=True) + 1e-20)
            weight = weight * self.scale
        expert, order = chosen.flatten().sort(stable=True)
        token = order // self.k
        ends = torch.searchsorted(expert, torch.arange(self.router.shape[0], device=x.device), right=True)
        y = self.multiply(x[token], ends.to(torch.int32)) * weight.flatten()[order, None].to(x.dtype)
        out = torch.zeros_like(x).index_add(0, token, y.to(x.dtype))
        if self.shared is not None:
            out = out + self.shared(x)
        return out.view(shape)

    def multiply(self, rows, ends):
        """All experts on their rows, which lie behind each other and end there."""
        w13, w2 = self.gate_up.flatten(1, 2), self.down
        if rows.is_cuda and grouped_mm is not None:
            rows, w13, w2 = rows.bfloat16(), w13.bfloat16(), w2.bfloat16()
            gate, up = grouped_mm(rows, w13.transpose(1, 2), offs=ends).chunk(2, -1)
            return grouped_mm(F.silu(gate) * up, w2.transpose(1, 2), offs=ends)
        parts = []
        for e, part in enumerate(rows.tensor_split(ends[:-1].tolist())):
            gate, up = F.linear(part, w13[e]).chunk(2, -1)
            parts.append(F.linear(F.silu(gate) * up, w2[e]))
        return torch.cat(parts)


class Layer(nn.Module):
    def __init__(self, c, index):
        super().__init__()
        h = c["hidden_size"]
        self.eps = c["rms_norm_eps"]
        self.input_layernorm, self.post_attention_layernorm = nn.Parameter(torch.ones(h)), nn.Parameter(torch.ones(h))
        self.attention = Attention(c)
        dense = not c["n_routed_experts"] or index < c["first_k_dense_replace"]
        self.mlp = FeedForward(h, c["intermediate_size"]) if dense else Experts(c)

    def forward(self, x, cos, sin):
        x = x + self.attention(norm(x, self.input_layernorm, self.eps), cos, sin)
        return x + self.mlp(norm(x, self.post_attention_layernorm, self.eps))


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        if c.get("rope_scaling") or c.get("use_qk_norm"):
            raise SystemExit("torch_k2.py: models with rope_scaling or use_qk_norm are not written here")
        self.c = c
        self.embed = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c, i) for i in range(c["num_hidden_layers"]))
        self.norm = nn.Parameter(torch.ones(c["hidden_size"]))
        self.head = self.embed.weight if c["tie_word_embeddings"] else nn.Parameter(torch.empty(c["vocab_size"], c["hidden_size"]))
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=c.get("initializer_range", 0.02))

    def forward(self, ids, targets):
        width = self.layers[0].attention.rope
        angle = torch.arange(ids.shape[1], device=ids.device, dtype=torch.float64)[:, None] * self.c["rope_theta"] ** (
            -torch.arange(0, width, 2, device=ids.device, dtype=torch.float64) / width
        )
        cos, sin = angle.cos().float(), angle.sin().float()
        x = self.embed(ids)
        if torch.is_autocast_enabled():
            x = x.bfloat16()
        for layer in self.layers:
            x = layer(x, cos, sin)
        logits = F.linear(norm(x, self.norm, self.c["rms_norm_eps"]), self.head)
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())


# ---- MuonClip without its clip ----


def newton_schulz(x, steps=5):
    """Orthogonalizes a stack of matrices [n, rows, cols], rows <= cols, by five quintic steps."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = x / (x.float().norm(dim=(1, 2), keepdim=True) + 1e-7).to(x.dtype)
    for _ in range(steps):
        g = x @ x.transpose(1, 2)
        g = torch.baddbmm(g, g, g, beta=b, alpha=c)
        x = torch.baddbmm(x, g, x, beta=a)
    return x


class MuonClip:
    """Muon for the matrices of layers, AdamW for the rest; constants of the K2 report, section 2.1, and Moonlight."""

    def __init__(self, model, lr):
        self.lr = lr
        stacks, rest = {}, []
        for p in model.layers.parameters():
            if p.dim() > 1:
                stacks.setdefault(p.shape[-2:], []).append(p)
            else:
                rest.append(p)
        seen = {id(p) for p in model.layers.parameters()}
        rest += [p for p in model.parameters() if id(p) not in seen]
        self.stacks = list(stacks.values())
        self.momentum = [[torch.zeros_like(p) for p in ps] for ps in self.stacks]
        cuda = rest[0].is_cuda
        self.dtype = torch.bfloat16 if cuda else torch.float32
        self.adamw = torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, **({"fused": True} if cuda else {}))

    @torch.no_grad()
    def step(self):
        for params, momentum in zip(self.stacks, self.momentum):
            grads = [p.grad for p in params]
            torch._foreach_mul_(momentum, 0.95)
            torch._foreach_add_(momentum, grads)
            look = torch._foreach_mul(momentum, 0.95)
            torch._foreach_add_(look, grads)
            rows, cols = params[0].shape[-2:]
            x = torch.cat([u.reshape(-1, rows, cols).to(self.dtype) for u in look])
            x = newton_schulz(x.mT).mT if rows > cols else newton_schulz(x)
            sizes = [p.numel() // (rows * cols) for p in params]
            updates = [u.reshape(p.shape).to(p.dtype) for u, p in zip(x.split(sizes), params)]
            torch._foreach_mul_(params, 1 - self.lr * 0.1)
            torch._foreach_add_(params, updates, alpha=-self.lr * 0.2 * math.sqrt(max(rows, cols)))
        self.adamw.step()


# ---- measurement ----


def sync(device):
    if device == "cuda":
        torch.cuda.synchronize()


def autocast(device):
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda")


def choose_padding(model, batch, seq, device):
    """Times attention alone with values as they are and padded, forward and backward, and takes the faster."""
    a = model.layers[0].attention
    if device != "cuda" or a.v == a.nope + a.rope:
        return False
    seconds = {}
    for pad in (False, True):
        q, k = (torch.randn(batch, a.heads, seq, a.nope + a.rope, device=device, dtype=torch.bfloat16, requires_grad=True) for _ in range(2))
        v = torch.randn(batch, a.heads, seq, a.v, device=device, dtype=torch.bfloat16, requires_grad=True)
        for i in range(8):
            if i == 3:
                sync(device)
                begun = time.perf_counter()
            attend(q, k, v, pad).sum().backward()
        sync(device)
        seconds[pad] = time.perf_counter() - begun
    pad = seconds[True] < seconds[False]
    for layer in model.layers:
        layer.attention.pad = pad
    return pad


def spread(x):
    return {"min": min(x), "median": statistics.median(x), "max": max(x)}


def bench(a):
    config = json.load(open(a.config))
    torch.manual_seed(1)
    torch.set_float32_matmul_precision("high")  # the router, which autocast leaves alone
    model = Model(config.get("model", config)).to(a.device)
    pad = choose_padding(model, a.batch, a.seq, a.device)
    optimizer = MuonClip(model, 1e-3)
    run = torch.compile(model) if a.compile else model
    micro = max(1, a.tokens_per_step // (a.batch * a.seq))
    ids = torch.randint(0, model.c["vocab_size"], (a.batch, a.seq), device=a.device)
    targets = torch.randint(0, model.c["vocab_size"], (a.batch, a.seq), device=a.device)
    gradients, updates = [], []
    for step in range(a.warm + a.steps):
        sync(a.device)
        begun = time.perf_counter()
        for p in model.parameters():
            p.grad = None
        for _ in range(micro):
            with autocast(a.device):
                loss = run(ids, targets) / micro
            loss.backward()
        sync(a.device)
        middle = time.perf_counter()
        optimizer.step()
        sync(a.device)
        if step >= a.warm:
            gradients.append(middle - begun)
            updates.append(time.perf_counter() - middle)
    tokens = micro * a.batch * a.seq
    steps = [g + u for g, u in zip(gradients, updates)]
    result = {
        "torch": torch.__version__, "gpu": torch.cuda.get_device_name() if a.device == "cuda" else None, "compile": a.compile,
        "grouped_mm": grouped_mm is not None and a.device == "cuda", "padded_values": pad,
        "parameters": sum(p.numel() for p in model.parameters()), "tokens_per_step": tokens, "micro_batches": micro,
        "tokens_per_second": spread([tokens / s for s in steps]), "step_seconds": spread(steps),
        "forward_backward_seconds": spread(gradients), "optimizer_seconds": spread(updates),
        "memory_allocated": torch.cuda.max_memory_allocated() if a.device == "cuda" else 0,
        "memory_reserved": torch.cuda.max_memory_reserved() if a.device == "cuda" else 0, "loss": loss.item() * micro,
    }
    print(json.dumps(result))


# ---- the same as muonclip, on the same weights ----


def read_tensors(folder):
    """Float32 and bf16 tensors of all safetensors files of a folder."""
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".safetensors"):
            continue
        with open(os.path.join(folder, name), "rb") as f:
            head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
            data = bytearray(f.read())
        for key, v in head.items():
            if key != "__metadata__":
                begin, end = v["data_offsets"]
                kind = {"F32": torch.float32, "BF16": torch.bfloat16}[v["dtype"]]
                tensors[key] = torch.frombuffer(data[begin:end], dtype=kind).reshape(v["shape"]).float()
    return tensors


@torch.no_grad()
def load(model, t):
    def mlp(m, name):
        m.gate_up.copy_(torch.stack((t[name + "gate_proj.weight"], t[name + "up_proj.weight"])))
        m.down.copy_(t[name + "down_proj.weight"])

    model.embed.weight.copy_(t["model.embed_tokens.weight"])
    model.norm.copy_(t["model.norm.weight"])
    if not model.c["tie_word_embeddings"]:
        model.head.copy_(t["lm_head.weight"])
    for i, layer in enumerate(model.layers):
        p = f"model.layers.{i}."
        layer.input_layernorm.copy_(t[p + "input_layernorm.weight"])
        layer.post_attention_layernorm.copy_(t[p + "post_attention_layernorm.weight"])
        for name, value in layer.attention.named_parameters():
            value.copy_(t[p + "self_attn." + name.removesuffix(".weight") + ".weight"])
        p += "mlp."
        if isinstance(layer.mlp, FeedForward):
            mlp(layer.mlp, p)
            continue
        layer.mlp.router.copy_(t[p + "gate.weight"])
        layer.mlp.bias.copy_(t[p + "gate.e_score_correction_bias"])
        for e in range(layer.mlp.router.shape[0]):
            q = f"{p}experts.{e}."
            layer.mlp.gate_up[e].copy_(torch.stack((t[q + "gate_proj.weight"], t[q + "up_proj.weight"])))
            layer.mlp.down[e].copy_(t[q + "down_proj.weight"])
        if layer.mlp.shared is not None:
            mlp(layer.mlp.shared, p + "shared_experts.")


def losses(a):
    c = {  # what configurations of other programs leave out
        "n_routed_experts": 0, "n_shared_experts": 0, "q_lora_rank": 0, "kv_lora_rank": 0, "norm_topk_prob": True, "tie_word_embeddings": False,
        "num_key_value_heads": 0, "first_k_dense_replace": 0,
    }
    c.update(json.load(open(os.path.join(a.model, "config.json"))))
    c.setdefault("head_dim", c["hidden_size"] // c["num_attention_heads"])
    model = Model(c)
    load(model, read_tensors(a.model))
    ids = torch.tensor(json.load(open(a.tokens)))
    optimizer = MuonClip(model, a.lr)
    out = []
    for _ in range(a.steps):
        for p in model.parameters():
            p.grad = None
        loss = model(ids[:, :-1], ids[:, 1:])
        loss.backward()
        optimizer.step()
        out.append(loss.item())
    print(json.dumps({"loss": out}))


def main():
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True)
    b = commands.add_parser("bench")
    b.add_argument("--config", required=True)
    b.add_argument("--batch", type=int, default=8, help="sequences of a micro-batch")
    b.add_argument("--seq", type=int, default=1024)
    b.add_argument("--tokens-per-step", type=int, default=0, help="default: those of one micro-batch")
    b.add_argument("--steps", type=int, default=10, help="measured steps")
    b.add_argument("--warm", type=int, default=3, help="steps before them")
    b.add_argument("--device", default="cuda")
    b.add_argument("--compile", action="store_true", help="torch.compile the model")
    loss = commands.add_parser("loss")
    loss.add_argument("--model", required=True)
    loss.add_argument("--tokens", required=True)
    loss.add_argument("--steps", type=int, default=3)
    loss.add_argument("--lr", type=float, default=2e-3)
    a = top.parse_args()
    if a.command == "loss":
        losses(a)
    else:
        bench(a)


if __name__ == "__main__":
    main()
