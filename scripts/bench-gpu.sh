#!/usr/bin/env bash
# Alternates muonclip's training step on a GPU with that of PyTorch, as it is and compiled, and prints a table of tokens a
# second and of their ratios: medians over the rounds of each round's median.
#
#   scripts/bench-gpu.sh [ROUNDS [PRESET:BATCHxSEQ:TOKENS]...]
#
# TOKENS are those of a step, in micro-batches of BATCH sequences of SEQ tokens. Without a GPU or without PyTorch it
# says so and ends with exit code 77. MUONCLIP names the program (default bin/muonclip-cuda of "make cuda"), PYTHON the
# interpreter that has PyTorch (default python3), STEPS the measured steps of a round (default 8), LIMIT the seconds that
# one measurement may take (default 240).
set -euo pipefail
rounds=${1:-2}
shift $(($# < 1 ? $# : 1))
[ $# -gt 0 ] || set -- dense-124m:32x1024:524288 small-moe:32x1024:524288
here=$(dirname "$(realpath "$0")")
muonclip=${MUONCLIP:-$here/../bin/muonclip-cuda}
python=${PYTHON:-python3}
steps=${STEPS:-8}
limit=${LIMIT:-240}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

skip() {
	echo "bench-gpu.sh: $1" >&2
	exit 77
}
"$muonclip" bench train --preset tiny --device cuda --batch 1 --seq 64 --steps 1 >/dev/null 2>"$tmp/why" || skip "$(cat "$tmp/why")"
"$python" -c 'import torch; assert torch.cuda.is_available()' 2>"$tmp/why" || skip "PyTorch has no GPU: $(tail -n 1 "$tmp/why")"

# one CONTENDER OUTPUT: a measurement, or a line that says what went wrong in its place.
one() {
	local who=$1 out=$2
	case $who in
	muonclip) timeout "$limit" "$muonclip" bench train --preset "$preset" --device cuda --batch "$batch" --seq "$seq" --tokens-per-step "$tokens" --steps "$steps" --json ;;
	eager) timeout "$limit" "$python" "$here/bench-gpu/torch_k2.py" bench --config "$tmp/$preset.json" --batch "$batch" --seq "$seq" --tokens-per-step "$tokens" --steps "$steps" ;;
	compiled) timeout "$limit" "$python" "$here/bench-gpu/torch_k2.py" bench --config "$tmp/$preset.json" --batch "$batch" --seq "$seq" --tokens-per-step "$tokens" --steps "$steps" --compile ;;
	esac >"$out" 2>"$out.log" || {
		rm -f "$out"
		echo "$preset, $who: failed: $(tail -n 1 "$out.log")"
	}
}

for spec; do
	IFS=: read -r preset shape tokens <<<"$spec"
	batch=${shape%x*} seq=${shape#*x}
	"$muonclip" config show --preset "$preset" --json >"$tmp/$preset.json"
	for round in $(seq "$rounds"); do
		for who in muonclip eager compiled; do
			one "$who" "$tmp/$preset.$who.$round"
		done
	done
	"$python" "$here/bench-gpu/table.py" "$preset $shape, $tokens tokens a step" "$tmp/$preset" "$rounds"
done
