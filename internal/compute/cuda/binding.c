//go:build cuda

#include "binding.h"

#include <dlfcn.h>
#include <stdio.h>

// driver finds a function of the driver; the program has opened the library when it started.
static void *driver(const char *name) { return dlsym(RTLD_DEFAULT, name); }

#define FIND(type, f, name)                                                                                            \
	static type f;                                                                                                     \
	if (!f && !(*(void **)&f = driver(name))) return MISSING

const char *mc_text(int code) {
	static int (*f)(int, const char **);
	const char *text = NULL;
	if (!f) *(void **)&f = driver("cuGetErrorString");
	return f && f(code, &text) == 0 && text ? text : "unknown error";
}

int mc_pin(void **p, size_t bytes) {
	typedef int (*type)(void **, size_t, unsigned int);
	FIND(type, f, "cuMemHostAlloc");
	return f(p, bytes, 0);
}

int mc_raise(void *function, int bytes) {
	typedef int (*type)(void *, int, int);
	FIND(type, f, "cuFuncSetAttribute");
	return f(function, 8 /* MAX_DYNAMIC_SHARED_SIZE_BYTES */, bytes);
}

int mc_capture(void *stream) {
	typedef int (*type)(void *, int);
	FIND(type, f, "cuStreamBeginCapture_v2");
	return f(stream, 2 /* RELAXED: a goroutine may go on on another thread */);
}

int mc_captured(void *stream, void **exec) {
	typedef int (*end_type)(void *, void **);
	typedef int (*make_type)(void **, void *, unsigned long long);
	typedef int (*drop_type)(void *);
	FIND(end_type, end, "cuStreamEndCapture");
	FIND(make_type, make, "cuGraphInstantiateWithFlags");
	FIND(drop_type, drop, "cuGraphDestroy");
	void *graph = NULL;
	int rc = end(stream, &graph);
	if (rc) return rc;
	rc = make(exec, graph, 0);
	drop(graph);
	return rc;
}

int mc_replay(void *exec, void *stream) {
	typedef int (*type)(void *, void *);
	FIND(type, f, "cuGraphLaunch");
	return f(exec, stream);
}

int mc_drop(void *exec) {
	typedef int (*type)(void *);
	FIND(type, f, "cuGraphExecDestroy");
	return f(exec);
}

static struct {
	void *lib;
	int (*create)(void **);
	int (*destroy)(void *);
	int (*set_stream)(void *, void *);
	int (*set_space)(void *, void *, size_t);
	int (*version)(void *, int *);
	const char *(*text)(int);
	int (*gemm)(void *, int, int, int, int, int, const void *, const void *, int, int, const void *, int, int, const void *, void *, int, int, int, int);
	int (*batched)(void *, int, int, int, int, int, const void *, const void *, int, int, long long, const void *, int, int, long long, const void *, void *,
	               int, int, long long, int, int, int);
} blas;

static char blas_reason[1024];

static int blas_load(void) {
	static const char *names[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so.11"};
	if (blas.lib) return 0;
	int used = 0;
	for (int i = 0; i < 3 && !blas.lib; i++) {
		blas.lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
		if (!blas.lib && used < (int)sizeof blas_reason - 1) {
			int n = snprintf(blas_reason + used, sizeof blas_reason - used, "%s%s", used ? "; " : "", dlerror());
			used += n > 0 ? n : 0;
		}
	}
	if (!blas.lib) return MISSING;
#define SYMBOL(field, name)                                                                                            \
	if (!(*(void **)&blas.field = dlsym(blas.lib, name))) {                                                            \
		snprintf(blas_reason, sizeof blas_reason, "it has no %s", name);                                               \
		return MISSING;                                                                                                \
	}
	SYMBOL(create, "cublasCreate_v2")
	SYMBOL(destroy, "cublasDestroy_v2")
	SYMBOL(set_stream, "cublasSetStream_v2")
	SYMBOL(set_space, "cublasSetWorkspace_v2")
	SYMBOL(version, "cublasGetVersion_v2")
	SYMBOL(gemm, "cublasGemmEx")
	SYMBOL(batched, "cublasGemmStridedBatchedEx")
	*(void **)&blas.text = dlsym(blas.lib, "cublasGetStatusString"); // since 11.4
	return 0;
}

int mc_blas_open(void **handle, int *version, const char **why) {
	*why = blas_reason;
	int rc = blas_load();
	if (rc || (rc = blas.create(handle))) return rc;
	return blas.version(*handle, version);
}

int mc_blas_use(void *handle, void *stream, void *space, size_t bytes) {
	int rc = blas.set_stream(handle, stream); // which takes the work space back to the default
	return rc ? rc : blas.set_space(handle, space, bytes);
}

int mc_blas_gemm(void *handle, const mc_gemm *g) {
	enum { R_32F = 0, R_16BF = 14, COMPUTE_32F = 68, COMPUTE_32F_FAST_16BF = 75, ALGO = -1 };
	int in = g->in_bf16 ? R_16BF : R_32F, out = g->out_bf16 ? R_16BF : R_32F;
	int compute = g->fast && !g->in_bf16 ? COMPUTE_32F_FAST_16BF : COMPUTE_32F;
	// cuBLAS has columns where these matrices have rows: it sees their transposes, so it computes C' = op(B)' op(A)'.
	if (g->batch == 1)
		return blas.gemm(handle, g->trans_b, g->trans_a, g->n, g->m, g->k, &g->alpha, g->b, in, g->ldb, g->a, in, g->lda, &g->beta, g->c, out, g->ldc,
		                 compute, ALGO);
	return blas.batched(handle, g->trans_b, g->trans_a, g->n, g->m, g->k, &g->alpha, g->b, in, g->ldb, g->step_b, g->a, in, g->lda, g->step_a, &g->beta,
	                    g->c, out, g->ldc, g->step_c, g->batch, compute, ALGO);
}

int mc_blas_close(void *handle) { return blas.destroy(handle); }

const char *mc_blas_text(int status) { return blas.text ? blas.text(status) : "see cublasStatus_t in cublas_api.h"; }
