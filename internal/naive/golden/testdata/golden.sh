#!/bin/sh
# Makes the golden folders beside this script from the PyTorch reference: sh golden.sh
# K2_REF is the path of k2_ref.py; the default is ../shared/reference/k2_ref.py beside the repository.
# Needs a Python with torch (Debian: apt-get install python3-torch).
#
# Each folder gets config.json, tokens.json (rows of T+1 ids) and trace.safetensors: logits, loss,
# max_logit, expert_load, grad.<name> and param.<name>. The traced step has learning rate 0 and no
# clipping, so param.<name> are the weights that the step used. Norm weights and correction biases, which
# a fresh model has at 1 and 0, are moved away from there first.
set -eu
cd "$(dirname "$0")"
REF=$(realpath "${K2_REF:-../../../../../shared/reference/k2_ref.py}")
PY=${PYTHON:-/usr/bin/python3}
export OPENBLAS_NUM_THREADS=1

make_case() { # name seed; config on stdin
	rm -rf "$1" && mkdir "$1"
	cat >"$1/config.json"
	$PY - "$1" "$2" <<'PY'
import json, random, sys
name, seed = sys.argv[1], int(sys.argv[2])
cfg = json.load(open(name + "/config.json"))
r = random.Random(seed)
json.dump([[r.randrange(cfg["vocab_size"]) for _ in range(8)] for _ in range(2)], open(name + "/tokens.json", "w"))
PY
	tmp=$(mktemp -d)
	$PY "$REF" init --config "$1/config.json" --seed "$2" --std 0.4 --out "$tmp"
	$PY - "$REF" "$tmp/model.safetensors" "$2" <<'PY'
import importlib.util, sys, torch
ref, path, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
spec = importlib.util.spec_from_file_location("k2_ref", ref)
k2 = importlib.util.module_from_spec(spec); spec.loader.exec_module(k2)
g = torch.Generator().manual_seed(1000 + seed)
w = k2.load_safetensors(path)
for name, t in w.items():
    if t.ndim == 1: t.add_(0.3 * torch.randn(t.shape, generator=g))
k2.save_safetensors(path, w)
PY
	$PY "$REF" trace --model "$tmp" --tokens "$1/tokens.json" --steps 1 --lr 0 --tau 1e9 --out "$1/trace.safetensors"
	rm -r "$tmp"
}

# Everything of Kimi K2: low-rank queries, YaRN, a dense first layer, a shared expert.
make_case k2 1 <<'JSON'
{"vocab_size": 13, "hidden_size": 8, "intermediate_size": 12, "moe_intermediate_size": 6, "num_hidden_layers": 2,
 "num_attention_heads": 2, "n_shared_experts": 1, "n_routed_experts": 4, "num_experts_per_tok": 2,
 "routed_scaling_factor": 2.5, "norm_topk_prob": true, "first_k_dense_replace": 1,
 "q_lora_rank": 6, "kv_lora_rank": 5, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 3,
 "rms_norm_eps": 1e-6, "rope_theta": 100.0, "max_position_embeddings": 512, "tie_word_embeddings": false,
 "rope_scaling": {"type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64,
  "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}}
JSON

# As Moonlight, with a tied head: full query projection, no YaRN, no shared expert.
make_case tied 2 <<'JSON'
{"vocab_size": 11, "hidden_size": 8, "intermediate_size": 10, "moe_intermediate_size": 5, "num_hidden_layers": 2,
 "num_attention_heads": 3, "n_shared_experts": 0, "n_routed_experts": 5, "num_experts_per_tok": 2,
 "routed_scaling_factor": 1.5, "norm_topk_prob": true, "first_k_dense_replace": 1,
 "q_lora_rank": null, "kv_lora_rank": 4, "qk_nope_head_dim": 3, "qk_rope_head_dim": 4, "v_head_dim": 5,
 "rms_norm_eps": 1e-5, "rope_theta": 50000.0, "max_position_embeddings": 512, "tie_word_embeddings": true}
JSON

# No experts at all; YaRN whose magnitude stays in cosine and sine (no mscale_all_dim).
make_case dense 3 <<'JSON'
{"vocab_size": 11, "hidden_size": 8, "intermediate_size": 10, "num_hidden_layers": 2,
 "num_attention_heads": 2, "n_routed_experts": 0, "first_k_dense_replace": 2,
 "q_lora_rank": 5, "kv_lora_rank": 4, "qk_nope_head_dim": 2, "qk_rope_head_dim": 6, "v_head_dim": 4,
 "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 512, "tie_word_embeddings": false,
 "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128, "mscale": 0.7}}
JSON

# Experts in every layer, two shared ones, gates not normalised, two different YaRN mscales.
make_case sparse 4 <<'JSON'
{"vocab_size": 11, "hidden_size": 8, "intermediate_size": 10, "moe_intermediate_size": 4, "num_hidden_layers": 2,
 "num_attention_heads": 2, "n_shared_experts": 2, "n_routed_experts": 5, "num_experts_per_tok": 3,
 "routed_scaling_factor": 0.8, "norm_topk_prob": false, "first_k_dense_replace": 0,
 "q_lora_rank": null, "kv_lora_rank": 4, "qk_nope_head_dim": 4, "qk_rope_head_dim": 2, "v_head_dim": 4,
 "rms_norm_eps": 1e-6, "rope_theta": 1000.0, "max_position_embeddings": 512, "tie_word_embeddings": false,
 "rope_scaling": {"type": "yarn", "factor": 16.0, "original_max_position_embeddings": 32,
  "beta_fast": 4, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 0.5}}
JSON
