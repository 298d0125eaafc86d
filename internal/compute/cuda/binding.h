//go:build cuda

// What gorgonia.org/cu lacks, found at run time: no CUDA header and no library but libc is needed to build it. The
// constants are those of cuda.h and cublas_api.h, which keep them from version to version. Every function returns a
// CUresult or cublasStatus_t, and MISSING where the library does not have the function.
#ifndef MUONCLIP_BINDING_H
#define MUONCLIP_BINDING_H

#include <stddef.h>

#define MISSING 500

// ---- the driver ----

// muonclip_cuda_state is part of the libcuda.a that "make cuda" builds.
int muonclip_cuda_state(const char **why);
const char *mc_text(int code);
int mc_pin(void **p, size_t bytes);
int mc_raise(void *function, int bytes);
int mc_capture(void *stream);
int mc_captured(void *stream, void **exec);
int mc_replay(void *exec, void *stream);
int mc_drop(void *exec);

// ---- cuBLAS ----

typedef struct {
	int trans_a, trans_b, m, n, k, batch, in_bf16, out_bf16, fast, lda, ldb, ldc;
	float alpha, beta;
	void *a, *b, *c;
	long long step_a, step_b, step_c;
} mc_gemm;

// mc_blas_open loads cuBLAS 13, 12 or 11; *why says why it could not, *version what it is.
int mc_blas_open(void **handle, int *version, const char **why);
int mc_blas_use(void *handle, void *stream, void *space, size_t bytes);
int mc_blas_gemm(void *handle, const mc_gemm *g);
int mc_blas_close(void *handle);
const char *mc_blas_text(int status);

#endif
