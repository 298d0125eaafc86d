#!/usr/bin/env bash
# Compiles the CUDA kernels to PTX for compute_80, which the driver of any later device translates, and checks that
# ptxas takes each file for sm_80 and sm_90 and that compute_90 compiles too. Needs nvcc of CUDA 11.8 or later.
#
#   scripts/ptx.sh [--check] [NAME...]
#
# It writes internal/compute/cuda/kernels/NAME.ptx for each NAME.cu and prints the registers, the shared memory and the
# spills of every kernel. The first line of a PTX file holds a hash of its sources. With --check nothing is written,
# and it fails where a file differs from what it would write (if the same release of nvcc wrote it). A toolkit that is unpacked somewhere is used by setting
#
#   CUDA_ROOT   folder with include, bin, lib/nvidia-cuda-toolkit/bin (Debian's packages unpacked: its usr)
#   NVCC_FLAGS  such as "-ccbin g++-11"
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../internal/compute/cuda/kernels"
check=false
if [ "${1:-}" = --check ]; then
	check=true
	shift
fi
flags=(${NVCC_FLAGS:-})
if [ -n "${CUDA_ROOT:-}" ]; then
	cxx=$(command -v "${CXX:-g++}") # the toolkit's folder has a g++ too, which asks for an older one
	export PATH="$CUDA_ROOT/lib/nvidia-cuda-toolkit/bin:$CUDA_ROOT/bin:$PATH" LD_LIBRARY_PATH="$CUDA_ROOT/lib/x86_64-linux-gnu"
	flags+=(-I"$CUDA_ROOT/include" -ccbin "$cxx" -allow-unsupported-compiler)
fi
command -v nvcc >/dev/null || {
	echo "ptx.sh: nvcc is not on PATH; install a CUDA toolkit or set CUDA_ROOT to an unpacked one" >&2
	exit 1
}
[ $# -gt 0 ] || set -- *.cu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
for name; do
	name=${name%.cu}
	hash=$(cat device.h kernels.h *.cuh "$name.cu" | sha256sum | cut -d' ' -f1)
	# The toolkit's comments name its build, which is not ours to keep.
	nvcc "${flags[@]}" -std=c++17 -O3 -arch=compute_80 -ptx "$name.cu" -o "$tmp/80.ptx"
	{
		echo "// sources: sha256 $hash"
		grep -v '^//' "$tmp/80.ptx"
	} >"$tmp/$name.ptx"
	nvcc "${flags[@]}" -std=c++17 -O3 -arch=compute_90 -ptx "$name.cu" -o "$tmp/90.ptx"
	for arch in 80 90; do
		ptxas -v -O3 -arch="sm_$arch" "$tmp/$name.ptx" -o "$tmp/$name.cubin" 2>"$tmp/log" || {
			cat "$tmp/log" >&2
			exit 1
		}
		awk -v arch="sm_$arch" '
			/Compiling entry function/ { gsub("\x27", ""); name = $7 }
			/bytes stack frame/ { spill = $5 + $9 }
			/Used [0-9]+ registers/ {
				smem = 0
				for (i = 1; i < NF; i++) if ($(i + 1) == "bytes" && $(i + 2) ~ /^smem/) smem = $i
				printf "%s %-30s %3d registers %6d bytes shared %4d bytes spilled\n", arch, name, $5, smem, spill
			}' "$tmp/log"
	done
	if $check; then
		if ! diff -q <(grep '^\.version' "$tmp/$name.ptx") <(grep '^\.version' "$name.ptx") >/dev/null; then
			echo "$name.ptx comes from another release of nvcc: compiled and translated, not compared"
			continue
		fi
		cmp -s "$tmp/$name.ptx" "$name.ptx" || {
			echo "ptx.sh: $name.ptx is out of date: run scripts/ptx.sh" >&2
			failed=1
		}
	else
		mv "$tmp/$name.ptx" "$name.ptx"
	fi
done
exit $failed
