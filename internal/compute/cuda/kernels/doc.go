// Package kernels holds the CUDA kernels of the cuda backend: their sources in CUDA C, and the PTX that scripts/ptx.sh makes of
// them, which the backend embeds. kernels.h declares every kernel with its arguments and launch geometry.
//
// One baseline serves all devices: PTX for compute_80 (A100), which the driver translates for later ones such as the
// H200 (sm_90). Kernels come in two kinds where it matters: float32 throughout, for parity with the CPU, and with tensor cores
// on bf16 operands (mma.sync m16n8k16) and float32 sums. Attention and the experts' products have both; norms, softmax, router,
// loss and optimizer are float32 always. Sums of squares are taken in float64.
//
// Results are deterministic: float sums run in a fixed tree or a fixed order, and only integers and maxima go through atomics.
// The gradients of keys and of queries come from two kernels for that reason, and a table of embeddings gets its gradient after a
// stable sort of the ids.
//
// # Without a GPU
//
// The folder emulate runs the same sources on the host, compiled as C++: the threads of a block are fibers, warp instructions
// (shuffles, ldmatrix, mma.sync) are operations over the 32 lanes, asynchronous copies land at once or as late as they may. The
// tests of this package compare every kernel with float64 loops at many shapes, run each launch in three orders of threads and
// blocks and want equal bits (a race changes them), begin with garbage in shared memory, and repeat it all under the address
// and undefined-behaviour sanitizers. What that cannot show: the arithmetic of the real units (mma.sync rounds sums in its own
// way; ex2.approx is off by 2 units of the last place), memory ordering within a warp beyond the barriers, and speed.
package kernels
