#!/usr/bin/env bash
# Says on a machine with a GPU what works there and how fast. "make gpu-kit" puts it into a folder with all that it needs:
# nothing is built or fetched, and the machine needs bash, coreutils, gzip, tar, the driver and cuBLAS (PyTorch for the comparison).
#
#   gpu-check.sh [PART...]
#
#   cheap and decisive first:   open suite step wide optimizer bits resume graph memory decode learn
#   then, each some minutes:    parity bench gemm generate torch profile run
#
# Without arguments all are done. Each part has a time limit and a log; a part that fails or finds no GPU does not keep the
# next one from running. The end is a summary, which is in OUT/summary too. OUT is the folder for logs and reports
# (default gpu-check), WORK that for programs, the driver's cache and runs (default /tmp/gpu-check.work; later calls go on
# with it), SECONDS_OF_RUN the length of the run (default 300).
set -uo pipefail
kit=$(dirname "$(realpath "$0")")
out=$(realpath -m "${OUT:-gpu-check}")
work=$(realpath -m "${WORK:-/tmp/gpu-check.work}")
seconds=${SECONDS_OF_RUN:-300}
mkdir -p "$out" "$work"
export CUDA_CACHE_PATH=$work/cache # the driver's translation of the kernels

muonclip=$work/muonclip
for name in muonclip cuda.test; do
	[ "$work/$name" -nt "$kit/$name.gz" ] && continue
	gzip -dc "$kit/$name.gz" >"$work/$name" && chmod +x "$work/$name" || {
		echo "gpu-check.sh: $kit has no $name.gz: run the one in the folder that make gpu-kit fills" >&2
		exit 2
	}
done
[ "$work/data" -nt "$kit/data.tar.gz" ] || tar -xzf "$kit/data.tar.gz" -C "$work" -m && touch "$work/data" || exit 2

# What a program says that finds no GPU, or a PyTorch that is not there.
absent='there is no NVIDIA driver|there is no usable GPU|PyTorch has no GPU|^skip: '
# What of a log belongs into the summary.
figures='^figure: |device_test.go:[0-9]*: |^(tokens per second|optimizer  |QK-Clip|model FLOP|memory [apo]|copies|peak|prefill|decode|dense-124m|small-moe|  (muonclip|eager|compiled) )'

# part NAME LIMIT COMMAND... runs a command and judges it by its exit code and its words.
part() {
	local name=$1 limit=$2 log=$out/$1.log begun=$SECONDS rc verdict
	shift 2
	timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null
	rc=$?
	verdict=FAIL
	if [ $rc = 124 ] || [ $rc = 137 ]; then
		echo "no end after $limit seconds" >>"$log"
	elif grep -qE "$absent" "$log"; then
		verdict=SKIP
	elif [ $rc = 0 ]; then
		verdict=PASS
	fi
	{
		printf '%s  %-10s %4d s\n' $verdict "$name" $((SECONDS - begun))
		case $verdict in
		PASS) grep -E "$figures" "$log" | head -n 60 | sed -E 's/^ *(figure: |device_test.go:[0-9]*: )?/        /' ;;
		SKIP) grep -m1 -E "$absent" "$log" | sed 's/^ *[a-z_]*test.go:[0-9]*: //; s/^/        /' ;;
		FAIL)
			grep -E "_test.go:[0-9]+: |^muonclip: |panic:|$figures" "$log" | grep -v 'worst error' | head -n 20 | sed 's/^ */        /'
			tail -n 3 "$log" | sed 's/^/        | /'
			;;
		esac
	} | tee -a "$out/summary"
}

tests() { (cd "$work" && exec ./cuda.test -test.v -test.run "^($1)\$" -test.timeout 20m); }

# train NAME KEY=VALUE...: a run of small-moe on the kit's data.
train() {
	local name=$1 sets=()
	shift
	for s; do sets+=(--set "$s"); done
	rm -rf "${work:?}/$name"
	mkdir -p "$work/$name"
	cp -r "$work/data" "$work/$name/"
	"$muonclip" pretrain --config "$kit/bench-gpu/small-moe.yaml" --out "$work/$name" "${sets[@]}"
	local rc=$?
	for f in metrics.jsonl report.html; do cp "$work/$name/$f" "$out/$name.$f"; done
	return $rc
}

# loss RUN FROM TO: the mean loss of these steps.
loss() {
	sed -n "$2,$3s/.*\"loss\":\([-0-9.e]*\).*/\1/p" "$work/$1/metrics.jsonl" | awk '{s += $1} END {if (NR) print s / NR; else print "nan"}'
}

# near WHAT A B TOLERANCE fails where a and b differ by more than the tolerance of b.
near() {
	case $2$3 in *nan*)
		echo "figure: $1: $2 and $3"
		return 1
		;;
	esac
	awk -v what="$1" -v a="$2" -v b="$3" -v tol="$4" 'BEGIN {
		d = a > b ? a - b : b - a
		printf "figure: %s: %s and %s, %.3g %% apart (allowed %.3g %%)\n", what, a, b, 100 * d / b, 100 * tol
		exit !(d <= tol * b)
	}'
}

# parity: the same batches with both precisions, and for three steps on the processor.
parity() {
	local small="train.tokens=0 train.batch_size=32 train.micro_batch_size=32 train.seq_len=512 train.schedule=constant train.warmup_steps=0
		train.decay_fraction=0 train.min_lr_ratio=0 train.lr=5e-4 train.eval_every=0 train.eval_tokens=65536 train.checkpoint_every=0 train.sample_prompts=[]"
	train float32 $small train.steps=200 train.device=cuda train.precision=float32 || return 1
	train bf16 $small train.steps=200 train.device=cuda train.precision=bf16 || return 1
	train processor $small train.steps=3 train.device=cpu || return 1
	near "loss of steps 181 to 200, bf16 and float32" "$(loss bf16 181 200)" "$(loss float32 181 200)" 0.01
	local rc=$?
	near "loss of step 3, GPU and processor in float32" "$(loss float32 3 3)" "$(loss processor 3 3)" 0.0005 && return $rc
}

# bench: training steps of both models, in both precisions for the smaller.
bench() {
	local ok=true
	for args in "--models dense-124m,small-moe --batch 32" "--models small-moe --batch 32 --set train.precision=float32 --steps 4"; do
		"$muonclip" bench train --device cuda --seq 1024 --tokens-per-step 524288 $args || ok=false
	done
	$ok
}

gemm() { "$muonclip" bench gemm --device cuda --models dense-124m,small-moe --batch 32 --seq 1024; }

generate() {
	local ok=true
	for batch in 1 64; do
		"$muonclip" bench generate --device cuda --preset small-moe --batch $batch || ok=false
	done
	$ok
}

torch() { MUONCLIP=$muonclip "$kit/bench-gpu.sh" 1; }

# profile: where the time of a step goes. The toolkit's own profiler, where it is installed, sees graphs too.
profile() {
	"$muonclip" bench train --device cuda --models dense-124m,small-moe --batch 32 --seq 1024 --steps 3 --profile || return 1
	command -v nsys >/dev/null || return 0
	for preset in dense-124m small-moe; do
		nsys profile --force-overwrite true --cuda-graph-trace node -o "$work/$preset" "$muonclip" bench train --device cuda --preset $preset --batch 32 --seq 1024 --steps 3 &&
			nsys stats --report cuda_gpu_kern_sum --format table "$work/$preset.nsys-rep" || return 1
	done
}

# run: some minutes of training small-moe, with report and samples. Its length comes from the speed that bench measures.
run() {
	local rate steps
	rate=$("$muonclip" bench train --device cuda --preset small-moe --batch 32 --seq 1024 --tokens-per-step 262144 --steps 4 --json |
		sed -n '/"tokens_per_second"/,/}/s/.*"median": \([0-9]*\).*/\1/p' | head -n 1)
	[ -n "$rate" ] || return 1
	steps=$((rate * seconds / 262144))
	[ "$steps" -ge 20 ] || steps=20
	train small-moe train.tokens=0 train.steps=$steps train.warmup_steps=$((steps / 10)) train.eval_every=$((steps / 4)) train.checkpoint_every=$((steps / 2)) \
		train.eval_tokens=524288 train.device=cuda || return 1
	sed -n 's/^\(training loss\|held-out loss\)/figure: \1/p' "$out/run.log"
	echo "figure: $steps steps at $rate tokens/s by bench"
	local begun=$SECONDS
	for prompt in "func (r *Reader) Read(" "// Package strings" "if err != nil {"; do
		"$muonclip" generate --model "$work/small-moe" --max-tokens 60 "$prompt" || return 1
	done
	echo "figure: three samples in $((SECONDS - begun)) s, in run.log"
}

declare -A limit=([open]=240 [suite]=300 [step]=180 [wide]=180 [optimizer]=120 [bits]=180 [resume]=120 [graph]=60 [memory]=60 [decode]=180 [learn]=120
	[parity]=420 [bench]=420 [gemm]=240 [generate]=180 [torch]=590 [profile]=300 [run]=$((seconds + 240)))
all=(open suite step wide optimizer bits resume graph memory decode learn parity bench gemm generate torch profile run)
[ $# -gt 0 ] || set -- "${all[@]}"
for name; do
	[ -n "${limit[$name]:-}" ] || {
		echo "gpu-check.sh: there is no part $name; there are ${all[*]}" >&2
		exit 2
	}
done
export kit out work muonclip seconds
export -f tests train loss near parity bench gemm generate torch profile run

{
	date -u
	command -v nvidia-smi >/dev/null || echo "there is no nvidia-smi"
	nvidia-smi --query-gpu=name,driver_version,memory.used,memory.total,clocks.sm,clocks.max.sm,power.limit --format=csv 2>/dev/null
	ls -d /usr/local/cuda* 2>/dev/null
	nproc
} | tee -a "$out/summary"
for name; do
	case $name in
	open) pattern=TestDeviceOpen ;;
	suite) pattern=TestDeviceSuite ;;
	step) pattern='TestDeviceStep|TestDeviceStepBF16' ;;
	wide) pattern='TestDeviceWideStep|TestDeviceHeads|TestDeviceWideExperts' ;;
	optimizer) pattern=TestDeviceOptimizer ;;
	bits) pattern=TestDeviceSameBits ;;
	resume) pattern=TestDeviceResume ;;
	graph) pattern=TestDeviceGraph ;;
	memory) pattern=TestDeviceOutOfMemory ;;
	decode) pattern='TestDeviceGenerate|TestDeviceGenerateBF16' ;;
	learn) pattern=TestDeviceReinforcementLearning ;;
	*) pattern= ;;
	esac
	if [ -n "$pattern" ]; then
		part "$name" "${limit[$name]}" bash -c "tests '$pattern'"
	else
		part "$name" "${limit[$name]}" bash -c "$name"
	fi
done
echo
echo "summary, with logs in $out:"
grep -E '^(PASS|FAIL|SKIP)' "$out/summary" | sort | awk '{n[$1]++} END {for (v in n) printf "%s %d  ", v, n[v]; print ""}'
! grep -q ^FAIL "$out/summary"
