// Stands in for libcuda at link time, so that a binary starts where there is no driver. Every function jumps to that of the
// real library, which is looked for when the program starts; without it, and for functions that an older driver
// lacks, the call gives CUDA_ERROR_NOT_FOUND. The names are hidden: no other library of the process sees them. It needs
// no CUDA header.
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

static int missing(void) { return 500; }

static int (*real_init)(unsigned int);
static char reason[512]; // why there is no library
static int state = -1;   // what cuInit gave, -1 without a library

#define F(name) void *slot_##name __attribute__((visibility("hidden"))) = (void *)missing;
#include "functions.h"
#undef F

#if defined(__x86_64__)
#define JUMP(name) "jmp *slot_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name) "adrp x16, slot_" #name "\nldr x16, [x16, :lo12:slot_" #name "]\nbr x16\n"
#else
#error "the CUDA backend is for amd64 and arm64"
#endif
#define F(name) __asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ", @function\n" #name ":\n" JUMP(name) ".size " #name ", .-" #name "\n");
#include "functions.h"
#undef F

// cuInit always succeeds: package cu ends the program in its init function where it does not. muonclip_cuda_state has
// the truth.
__attribute__((visibility("hidden"))) int cuInit(unsigned int flags) {
	if (real_init) state = real_init(flags);
	return 0;
}

// muonclip_cuda_state is what the driver's cuInit gave, or -1 where there is no driver; then *why says why.
__attribute__((visibility("hidden"))) int muonclip_cuda_state(const char **why) {
	*why = reason;
	return state;
}

__attribute__((constructor)) static void open_driver(void) {
	void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
	if (!lib) {
		snprintf(reason, sizeof reason, "%s", dlerror());
		return;
	}
	*(void **)&real_init = dlsym(lib, "cuInit");
	void *f;
#define F(name) if ((f = dlsym(lib, #name))) slot_##name = f;
#include "functions.h"
#undef F
}
