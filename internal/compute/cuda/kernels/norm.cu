// RMSNorm. A block takes a row forwards and 16 rows backwards.
#include "device.h"

#define NORM_ROWS 16

template <int W>
__device__ inline void forward(float *y, bf16 *half, float *rstd, const float *x, int ldx, float *delta, const float *w, int width, float eps) {
    long long row = blockIdx.x;
    int first = W * threadIdx.x, step = W * blockDim.x;
    x += row * ldx;
    y += row * width;
    float squares = 0;
    Few<W> v, d;
    if (delta) {
        delta += row * width;
        for (int j = first; j < width; j += step) {
            get(v, x + j);
            get(d, delta + j);
            for (int i = 0; i < W; i++) {
                v.v[i] += d.v[i];
                squares += v.v[i] * v.v[i];
            }
            put(delta + j, v);
        }
        x = delta; // each thread reads what it wrote
    } else {
        for (int j = first; j < width; j += step) {
            get(v, x + j);
            for (int i = 0; i < W; i++)
                squares += v.v[i] * v.v[i];
        }
    }
    float r = 1.0f / sqrtf(block_sum(squares) / width + eps);
    if (threadIdx.x == 0)
        rstd[row] = r;
    for (int j = first; j < width; j += step) {
        get(v, x + j);
        get(d, w + j);
        for (int i = 0; i < W; i++)
            v.v[i] = v.v[i] * r * d.v[i];
        put(y + j, v);
        if (half)
            put(half + row * width + j, v);
    }
}

KERNEL __launch_bounds__(1024) rmsnorm(float *y, bf16 *half, float *rstd, const float *x, int ldx, float *delta, const float *w, int width, float eps) {
    if (width % 4 == 0 && ldx % 4 == 0 && aligned16(y) && aligned16(half) && aligned16(x) && aligned16(delta) && aligned16(w))
        forward<4>(y, half, rstd, x, ldx, delta, w, width, eps);
    else
        forward<1>(y, half, rstd, x, ldx, delta, w, width, eps);
}

// With g = dy w and x^ = x rstd: dx += rstd (g - x^ mean(g x^)), and a partial sum of dw = dy x^ over the rows.
template <int W>
__device__ inline void backward(float *dx, int lddx, bf16 *half, float *partial, const float *dy, const float *x, int ldx, const float *w, const float *rstd,
                                int rows, int width) {
    SHARED(float, dw);
    int start = W * threadIdx.x, step = W * blockDim.x;
    Few<W> g, v, d, s;
    for (int j = start; j < width; j += step) // columns of a thread are its own throughout
        for (int k = 0; k < W; k++)
            dw[j + k] = 0;
    int first = blockIdx.x * NORM_ROWS, last = min(rows, first + NORM_ROWS);
    for (int i = first; i < last; i++) {
        const float *grad = dy + (long long)i * width, *row = x + (long long)i * ldx;
        float along = 0, r = rstd[i];
        for (int j = start; j < width; j += step) {
            get(g, grad + j);
            get(v, row + j);
            get(s, w + j);
            for (int k = 0; k < W; k++)
                along += g.v[k] * s.v[k] * v.v[k];
        }
        float c = block_sum(along) * r * r * r / width;
        float *to = dx + (long long)i * lddx;
        for (int j = start; j < width; j += step) {
            get(g, grad + j);
            get(v, row + j);
            get(d, to + j);
            get(s, w + j);
            for (int k = 0; k < W; k++)
                d.v[k] += g.v[k] * r * s.v[k] - v.v[k] * c;
            put(to + j, d);
            if (half)
                put(half + (long long)i * width + j, d);
            get(s, dw + j);
            for (int k = 0; k < W; k++)
                s.v[k] += g.v[k] * r * v.v[k];
            put(dw + j, s);
        }
    }
    for (int j = start; j < width; j += step) {
        get(s, dw + j);
        put(partial + (long long)blockIdx.x * width + j, s);
    }
}

KERNEL __launch_bounds__(1024) rmsnorm_backward(float *dx, int lddx, bf16 *half, float *partial, const float *dy, const float *x, int ldx, const float *w,
                                                const float *rstd, int rows, int width) {
    if (width % 4 == 0 && lddx % 4 == 0 && ldx % 4 == 0 && aligned16(dx) && aligned16(half) && aligned16(partial) && aligned16(dy) && aligned16(x) &&
        aligned16(w))
        backward<4>(dx, lddx, half, partial, dy, x, ldx, w, rstd, rows, width);
    else
        backward<1>(dx, lddx, half, partial, dy, x, ldx, w, rstd, rows, width);
}

KERNEL __launch_bounds__(1024) column_sums(float *dst, const float *partial, int rows, int width) {
    __shared__ float part[32][32];
    int j = blockIdx.x * 32 + threadIdx.x;
    float sum = 0;
    if (j < width)
        for (int i = threadIdx.y; i < rows; i += 32)
            sum += partial[(long long)i * width + j];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    for (int half = 16; half > 0; half /= 2) {
        if ((int)threadIdx.y < half)
            part[threadIdx.y][threadIdx.x] += part[threadIdx.y + half][threadIdx.x];
        __syncthreads();
    }
    if (threadIdx.y == 0 && j < width)
        dst[j] += part[0][threadIdx.x];
}
