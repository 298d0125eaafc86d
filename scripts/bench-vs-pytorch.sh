#!/usr/bin/env bash
# Alternates muonclip's training step with that of a PyTorch program on this machine and prints both
# rates of every round, their medians and the median of the ratios.
#
#   scripts/bench-vs-pytorch.sh K2_REF.PY [ROUNDS]
#
# K2_REF.PY is a program whose `bench` prints one JSON line with tokens_per_second for the model of
# preset mini at 8 x 256 tokens. PYTHON names the interpreter that has PyTorch (default /usr/bin/python3).
set -euo pipefail
ref=${1:?usage: bench-vs-pytorch.sh K2_REF.PY [ROUNDS]}
rounds=${2:-5}
cd "$(dirname "$0")/.."
go build -o bin/muonclip ./cmd/muonclip
field() { "${PYTHON:-/usr/bin/python3}" -c "import json,sys; v=json.load(sys.stdin)['tokens_per_second']; print(v['median'] if isinstance(v, dict) else v)"; }
for _ in $(seq "$rounds"); do
	ours=$(bin/muonclip bench train --preset mini --batch 8 --seq 256 --json | field)
	theirs=$(OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=1 "${PYTHON:-/usr/bin/python3}" "$ref" bench | field)
	echo "$ours $theirs"
done | awk '
	{ ours[NR] = $1; theirs[NR] = $2; ratio[NR] = $1 / $2; printf "round %d  muonclip %.0f tokens/s  PyTorch %.0f tokens/s  ratio %.2f\n", NR, $1, $2, $1 / $2 }
	function median(a, n,   i, j, t) {
		for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j-1]; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
		return n % 2 ? a[(n+1)/2] : (a[n/2] + a[n/2+1]) / 2
	}
	END { printf "median   muonclip %.0f tokens/s  PyTorch %.0f tokens/s  ratio %.2f\n", median(ours, NR), median(theirs, NR), median(ratio, NR) }'
