// What the kernels share: reductions, bf16, tensor-core and asynchronous-copy instructions. With EMULATE defined the
// same names run on the host; see emulate/emulate.h.
#pragma once

#ifdef EMULATE
#include "emulate/emulate.h"
#else
// SHARED names the dynamic shared memory of the launch.
#define SHARED(type, name)                                                                                             \
    extern __shared__ __align__(16) unsigned char dynamic_shared[];                                                    \
    type *name = reinterpret_cast<type *>(dynamic_shared)
#endif

#include "kernels.h"

#define WARP 0xffffffffu
#define NEGATIVE_INFINITY (-INFINITY)

__device__ inline int thread_in_block() { return threadIdx.y * blockDim.x + threadIdx.x; }
__device__ inline int lane_of() { return thread_in_block() & 31; }
__device__ inline int warp_of() { return thread_in_block() >> 5; }
__device__ inline int block_threads() { return blockDim.x * blockDim.y; }

// first_element and element_step walk n elements with any grid of one dimension.
__device__ inline long long first_element() { return (long long)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline long long element_step() { return (long long)gridDim.x * blockDim.x; }

__device__ inline bool aligned16(const void *p) { return (reinterpret_cast<unsigned long long>(p) & 15) == 0; }

// The sums and maxima below come out equal in every lane or thread; the tree is fixed.
template <typename T> __device__ inline T warp_sum(T v) {
    for (int d = 16; d > 0; d /= 2)
        v += __shfl_xor_sync(WARP, v, d);
    return v;
}

__device__ inline float warp_max(float v) {
    for (int d = 16; d > 0; d /= 2)
        v = fmaxf(v, __shfl_xor_sync(WARP, v, d));
    return v;
}

template <typename T> __device__ inline T block_sum(T v) {
    __shared__ T part[32];
    v = warp_sum(v);
    __syncthreads(); // the threads are done with the previous sum
    if (lane_of() == 0)
        part[warp_of()] = v;
    __syncthreads();
    return warp_sum(lane_of() < block_threads() / 32 ? part[lane_of()] : T(0));
}

__device__ inline float block_max(float v) {
    __shared__ float part[32];
    v = warp_max(v);
    __syncthreads();
    if (lane_of() == 0)
        part[warp_of()] = v;
    __syncthreads();
    return warp_max(lane_of() < block_threads() / 32 ? part[lane_of()] : NEGATIVE_INFINITY);
}

// block_prefix returns the sum of v over the threads before this one, and the sum over all threads.
__device__ inline int block_prefix(int v, int *total) {
    __shared__ int part[32];
    int lane = lane_of(), warp = warp_of(), sum = v;
    for (int d = 1; d < 32; d *= 2) {
        int left = __shfl_up_sync(WARP, sum, d);
        if (lane >= d)
            sum += left;
    }
    __syncthreads();
    if (lane == 31)
        part[warp] = sum;
    __syncthreads();
    int warps = block_threads() / 32, before = lane < warps ? part[lane] : 0;
    for (int d = 1; d < 32; d *= 2) {
        int left = __shfl_up_sync(WARP, before, d);
        if (lane >= d)
            before += left;
    }
    *total = __shfl_sync(WARP, before, warps - 1);
    int base = __shfl_sync(WARP, before, warp > 0 ? warp - 1 : 0);
    return sum - v + (warp > 0 ? base : 0);
}

// raise_to sets *p to the larger of *p and v, whatever the order of the calls. Positive floats order as signed
// integers and negative ones against unsigned integers; a NaN with a clear sign is above infinity and stays.
__device__ inline void raise_to(float *p, float v) {
    if (v != v)
        v = __int_as_float(0x7fc00000);
    int bits = __float_as_int(v);
    if (bits >= 0)
        atomicMax(reinterpret_cast<int *>(p), bits);
    else
        atomicMin(reinterpret_cast<unsigned *>(p), (unsigned)bits);
}

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// ---- bf16, held as its bits ----

__device__ inline float bf16_to_float(bf16 x) { return __uint_as_float((unsigned)x << 16); }

#ifndef EMULATE
// pack_bf16 rounds two floats to nearest even; lo is the element at the lower address.
__device__ inline unsigned pack_bf16(float lo, float hi) {
    unsigned r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
}

// fast_exp2 is 2^x by the special function unit, within 2 units of the last place.
__device__ inline float fast_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ inline unsigned shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }

// load_matrices fills four 8x8 fragments; lane 8j+i points at row i of matrix j.
__device__ inline void load_matrices(unsigned r[4], const bf16 *p) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(p))
                 : "memory");
}

// load_transposed does the same with each matrix transposed.
__device__ inline void load_transposed(unsigned r[4], const bf16 *p) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(p))
                 : "memory");
}

// multiply_add computes c += a b for a 16x16 a, a 16x8 b and a float 16x8 c.
__device__ inline void multiply_add(float c[4], const unsigned a[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// copy_async copies 16 bytes to shared memory behind the thread's back, or zeros where valid is false.
__device__ inline void copy_async(bf16 *dst, const bf16 *src, bool valid) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(dst)), "l"(src), "r"(valid ? 16 : 0)
                 : "memory");
}

__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// wait_copies waits until all but the last N groups of the thread's copies have landed.
template <int N> __device__ inline void wait_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }
#endif

__device__ inline bf16 to_bf16(float x) { return (bf16)(pack_bf16(x, 0.0f) & 0xffff); }

// put stores a number, rounded where the place is of bf16.
__device__ inline void put(float *p, float x) { *p = x; }
__device__ inline void put(bf16 *p, float x) { *p = to_bf16(x); }

// Few is neighbours that go through memory together: four where addresses and widths allow it, else one. Passes over memory
// need many bytes on their way, and one number a thread is too little.
template <int W> struct Few {
    float v[W];
};

__device__ inline void get(Few<1> &f, const float *p) { f.v[0] = *p; }
__device__ inline void get(Few<4> &f, const float *p) {
    float4 v = *reinterpret_cast<const float4 *>(p);
    f.v[0] = v.x, f.v[1] = v.y, f.v[2] = v.z, f.v[3] = v.w;
}

template <typename T> __device__ inline void put(T *p, Few<1> f) { put(p, f.v[0]); }
__device__ inline void put(float *p, Few<4> f) { *reinterpret_cast<float4 *>(p) = make_float4(f.v[0], f.v[1], f.v[2], f.v[3]); }
__device__ inline void put(bf16 *p, Few<4> f) {
    *reinterpret_cast<uint2 *>(p) = make_uint2(pack_bf16(f.v[0], f.v[1]), pack_bf16(f.v[2], f.v[3]));
}
