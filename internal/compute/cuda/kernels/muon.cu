// Muon's passes around the products of Newton-Schulz, batched over matrices of one shape.
#include "device.h"

#define PART 4096
#define TILE 32

KERNEL __launch_bounds__(256) muon_momentum(float *m, const float *g, float *y, double *part, float mu, int nesterov, long long n, long long stride) {
    m += blockIdx.y * stride;
    g += blockIdx.y * stride;
    y += blockIdx.y * n;
    long long first = (long long)blockIdx.x * PART, last = min(n, first + PART);
    double sum = 0;
    for (long long i = first + threadIdx.x; i < last; i += 256) {
        float gi = g[i], v = mu * m[i] + gi;
        m[i] = v;
        if (nesterov)
            v = gi + mu * v;
        y[i] = v;
        sum += (double)v * v;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0)
        part[(long long)blockIdx.y * gridDim.x + blockIdx.x] = sum;
}

__device__ inline float take(const float *p) { return *p; }
__device__ inline float take(const bf16 *p) { return bf16_to_float(*p); }

// The tile has one more column than it needs, so that its columns lie in different banks.
template <typename T> __device__ inline void load_scaled(T *x, const float *y, float factor, int rows, int cols, int transpose) {
    __shared__ float tile[TILE][TILE + 1];
    int row0 = blockIdx.y * TILE, col0 = blockIdx.x * TILE, col = col0 + threadIdx.x;
    for (int i = threadIdx.y; i < TILE; i += 8) {
        int row = row0 + i;
        if (row >= rows || col >= cols)
            continue;
        float v = y[(long long)row * cols + col] * factor;
        if (transpose)
            tile[i][threadIdx.x] = v;
        else
            put(x + (long long)row * cols + col, v);
    }
    if (!transpose)
        return;
    __syncthreads();
    for (int i = threadIdx.y; i < TILE; i += 8) {
        int r = col0 + i, c = row0 + threadIdx.x; // of the transposed
        if (r < cols && c < rows)
            put(x + (long long)r * rows + c, tile[threadIdx.x][i]);
    }
}

KERNEL __launch_bounds__(256) muon_load_bf16(bf16 *x, const float *y, const float *inverse, int rows, int cols, int transpose) {
    long long at = (long long)blockIdx.z * rows * cols;
    load_scaled(x + at, y + at, inverse[blockIdx.z], rows, cols, transpose);
}

KERNEL __launch_bounds__(256) muon_load_float(float *x, const float *y, const float *inverse, int rows, int cols, int transpose) {
    long long at = (long long)blockIdx.z * rows * cols;
    load_scaled(x + at, y + at, inverse[blockIdx.z], rows, cols, transpose);
}

KERNEL __launch_bounds__(256) muon_polynomial_bf16(bf16 *out, const float *aa, const bf16 *a, float ca, float cb, float cc, int n) {
    long long size = (long long)n * n, base = blockIdx.y * size, first = (long long)blockIdx.x * 1024;
    for (int j = 0; j < 4; j++) {
        long long i = first + 256 * j + threadIdx.x;
        if (i >= size)
            return;
        float v = cc * aa[base + i] + cb * bf16_to_float(a[base + i]);
        out[base + i] = to_bf16(i % (n + 1) == 0 ? v + ca : v); // (aI + B)X saves the pass that would add aX
    }
}

template <typename T>
__device__ inline void apply_update(float *w, const T *o, double *part, float keep, float rate, int rows, int cols, int transpose) {
    __shared__ float tile[TILE][TILE + 1];
    int row0 = blockIdx.y * TILE, col0 = blockIdx.x * TILE, col = col0 + threadIdx.x;
    if (transpose) {
        for (int i = threadIdx.y; i < TILE; i += 8) {
            int r = col0 + i, c = row0 + threadIdx.x;
            if (r < cols && c < rows)
                tile[threadIdx.x][i] = take(o + (long long)r * rows + c);
        }
        __syncthreads();
    }
    double sum = 0;
    for (int i = threadIdx.y; i < TILE; i += 8) {
        int row = row0 + i;
        if (row >= rows || col >= cols)
            continue;
        float v = transpose ? tile[i][threadIdx.x] : take(o + (long long)row * cols + col);
        long long at = (long long)row * cols + col;
        w[at] = w[at] * keep - rate * v;
        sum += (double)v * v;
    }
    sum = block_sum(sum);
    if (thread_in_block() == 0)
        part[((long long)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x] = sum;
}

KERNEL __launch_bounds__(256) muon_apply_bf16(float *w, const bf16 *o, double *part, float keep, float rate, int rows, int cols, long long stride,
                            int transpose) {
    apply_update(w + blockIdx.z * stride, o + (long long)blockIdx.z * rows * cols, part, keep, rate, rows, cols, transpose);
}

KERNEL __launch_bounds__(256) muon_apply_float(float *w, const float *o, double *part, float keep, float rate, int rows, int cols, long long stride,
                             int transpose) {
    apply_update(w + blockIdx.z * stride, o + (long long)blockIdx.z * rows * cols, part, keep, rate, rows, cols, transpose);
}
