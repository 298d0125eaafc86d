#!/usr/bin/env bash
# Alternates muonclip's training step with that of a PyTorch program on this machine, for batches of
# 8 x 256, 1 x 256 and 4 x 1024 tokens. It prints both rates of every round, their medians, and the median
# of the ratios, which is what to quote: both sides of a ratio ran under the same conditions.
#
#   scripts/bench-vs-pytorch.sh K2_REF.PY [ROUNDS [BATCHxSEQ]...]
#
# K2_REF.PY is a program whose `bench --batch B --seq T` prints one JSON line with tokens_per_second for
# the model of preset mini; it takes its best step, muonclip its median. PYTHON names the interpreter
# that has PyTorch (default /usr/bin/python3), THREADS the threads of both (default: all cores).
set -euo pipefail
ref=${1:?usage: bench-vs-pytorch.sh K2_REF.PY [ROUNDS [BATCHxSEQ]...]}
rounds=${2:-5}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- 8x256 1x256 4x1024
python=${PYTHON:-/usr/bin/python3}
threads=${THREADS:-$(nproc)}
ref=$(realpath "$ref")
cd "$(dirname "$0")/.."
go build -o bin/muonclip ./cmd/muonclip

rate() { "$python" -c "import json,sys; v=json.load(sys.stdin)['tokens_per_second']; print(v['median'] if isinstance(v, dict) else v)"; }
ours() { bin/muonclip bench train --preset mini --batch "$1" --seq "$2" --set train.threads="$threads" --json | rate; }
theirs() { OMP_NUM_THREADS=$threads OPENBLAS_NUM_THREADS=1 "$python" "$ref" bench --batch "$1" --seq "$2" --threads "$threads" | rate; }

# report prints a line for each "ours theirs" on its input, and the medians.
report() {
	awk -v what="$1" '
	function median(a, n,   i, j, t) {
		for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j-1]; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
		return n % 2 ? a[(n+1)/2] : (a[n/2] + a[n/2+1]) / 2
	}
	function line(name, us, them, ratio) {
		printf "%-8s %-9s muonclip %6.0f tokens/s   PyTorch %6.0f tokens/s   ratio %.2f\n", what, name, us, them, ratio
		fflush()
	}
	{ us[NR] = $1; them[NR] = $2; ratio[NR] = $1 / $2; line("round " NR, $1, $2, $1 / $2) }
	END { line("median", median(us, NR), median(them, NR), median(ratio, NR)) }'
}

for size in "$@"; do
	batch=${size%x*} seq=${size#*x}
	for _ in $(seq "$rounds"); do
		us=$(ours "$batch" "$seq") # a program that fails ends the script
		them=$(theirs "$batch" "$seq")
		echo "$us $them"
	done | report "$size"
done
