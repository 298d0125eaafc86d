"""Makes golden.json beside this file from the PyTorch reference of the project:

    OPENBLAS_NUM_THREADS=1 /usr/bin/python3 optim/testdata/golden.py FOLDER_OF_K2_REF

Every case holds its inputs and the reference's answers, float32, flat and row-major.
"""
import json, os, sys
import torch
sys.path.insert(0, sys.argv[1])
import k2_ref

torch.set_num_threads(1)
gen = torch.Generator().manual_seed(20507)

def flat(x):
    return [float(f"{v:.9g}") for v in x.detach().flatten().tolist()]  # nine digits hold a float32

def randn(*shape, std=1.0):
    return torch.randn(*shape, generator=gen) * std

class Model:
    """Just enough of k2_ref.K2 for its optimizer."""
    def __init__(self, params, cfg):
        self.P = {k: torch.nn.Parameter(v.clone()) for k, v in params.items()}
        self.cfg, self.smax = cfg, {}

cfg = dict(num_attention_heads=3, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=5, q_lora_rank=6, kv_lora_rank=3)
out = {"newton_schulz": [], "steps": [], "mla": []}

for rows, cols, steps in [(5, 9, 5), (9, 5, 5), (12, 12, 5), (33, 20, 5), (20, 33, 1), (1, 7, 5)]:
    g = randn(rows, cols, std=0.3)
    out["newton_schulz"].append(dict(rows=rows, cols=cols, steps=steps, in_=flat(g), out=flat(k2_ref.newton_schulz(g, steps))))

for nesterov in (True, False):
    shapes = {"wide": (6, 20), "tall": (20, 6), "idle_expert": (8, 12), "model.embed_tokens.weight": (11, 4), "norm": (13,)}
    start = {k: randn(*s, std=0.05) for k, s in shapes.items()}
    m = Model(start, cfg)
    opt = k2_ref.MuonClip(m, 2e-3, nesterov=nesterov)
    rates = [2e-3, 1e-3, 5e-4]
    grads = []
    for t, lr in enumerate(rates):
        step = {}
        for k, s in shapes.items():
            g = randn(*s)
            if k == "idle_expert" and t > 0:
                g = torch.zeros(s)
            m.P[k].grad = g.clone()
            step[k] = flat(g)
        grads.append(step)
        opt.step(lr)
    out["steps"].append(dict(nesterov=nesterov, lr=rates, shapes={k: list(s) for k, s in shapes.items()},
                             start={k: flat(v) for k, v in start.items()}, grads=grads,
                             end={k: flat(v) for k, v in m.P.items()}))

a = "model.layers.0.self_attn."
start = {a + "q_b_proj.weight": randn(3 * 6, 6), a + "kv_b_proj.weight": randn(3 * 9, 3)}
m = Model(start, cfg)
m.smax = {0: torch.tensor([250.0, 99.5, 30.0])}
opt = k2_ref.MuonClip(m, 0.0, tau=40.0)
opt.qk_clip()
out["mla"].append(dict(heads=3, nope=4, rope=2, v=5, tau=40.0, max_logit=flat(m.smax[0]),
                       q=flat(start[a + "q_b_proj.weight"]), kvb=flat(start[a + "kv_b_proj.weight"]),
                       q_out=flat(m.P[a + "q_b_proj.weight"]), kvb_out=flat(m.P[a + "kv_b_proj.weight"])))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as f:
    json.dump(out, f)
