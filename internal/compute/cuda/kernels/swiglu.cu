// The gated activation act = silu(gate) up. What is of bf16 has its rows begin where those of float do.
#include "device.h"

// activation computes act from rows of gu; rows of act lie ld elements apart.
template <typename T, int W> __device__ inline void activation(T *act, int ld, const float *gu, int width, long long n) {
    for (long long i = W * first_element(); i < n; i += W * element_step()) {
        long long row = i / width;
        int col = i - row * width;
        Few<W> g, u;
        get(g, gu + 2 * row * width + col);
        get(u, gu + (2 * row + 1) * width + col);
        for (int k = 0; k < W; k++)
            g.v[k] = g.v[k] * sigmoid(g.v[k]) * u.v[k];
        put(act + row * ld + col, g);
    }
}

template <typename T> __device__ inline void activations(T *act, int ld, const float *gu, int width, long long n) {
    if (width % 4 == 0 && aligned16(act) && aligned16(gu))
        activation<T, 4>(act, ld, gu, width, n);
    else
        activation<T, 1>(act, ld, gu, width, n);
}

KERNEL __launch_bounds__(256) swiglu(float *act, const float *gu, int width, long long n) { activations(act, width, gu, width, n); }

KERNEL __launch_bounds__(256) swiglu_bf16(float *act, const float *gu, int width, long long n) {
    activations(reinterpret_cast<bf16 *>(act), 2 * width, gu, width, n);
}

// With s = sigmoid(gate): d gate = d up s (1 + gate (1 - s)) and d up = d gate s. The gradients go to dgate and dup: in float
// in place of gate and up, in bf16 to shared memory first.
template <typename T, int W>
__device__ inline void gradient(const float *gate, T *dgate, T *dup, const float *dact, T *act, const float *scale, float *dscale, int width) {
    long long row = blockIdx.x;
    float factor = scale ? scale[row] : 1.0f, dot = 0;
    for (int j = W * threadIdx.x; j < width; j += W * blockDim.x) {
        Few<W> g, u, d, a;
        get(g, gate + j);
        get(u, gate + width + j);
        get(d, dact + row * width + j);
        for (int k = 0; k < W; k++) {
            float s = sigmoid(g.v[k]), silu = g.v[k] * s;
            dot += d.v[k] * silu * u.v[k];
            a.v[k] = factor * silu * u.v[k];
            d.v[k] *= factor;
            g.v[k] = d.v[k] * u.v[k] * s * (1 + g.v[k] * (1 - s));
            u.v[k] = d.v[k] * silu;
        }
        put(act + j, a);
        put(dgate + j, g);
        put(dup + j, u);
    }
    if (!dscale)
        return;
    dot = block_sum(dot);
    if (threadIdx.x == 0)
        dscale[row] = dot;
}

template <typename T>
__device__ inline void gradients(const float *gate, T *dgate, T *dup, const float *dact, T *act, const float *scale, float *dscale, int width) {
    if (width % 4 == 0 && aligned16(gate) && aligned16(dact) && aligned16(act))
        gradient<T, 4>(gate, dgate, dup, dact, act, scale, dscale, width);
    else
        gradient<T, 1>(gate, dgate, dup, dact, act, scale, dscale, width);
}

KERNEL __launch_bounds__(1024) swiglu_backward(float *gu, const float *dact, float *act, const float *scale, float *dscale, int width) {
    long long row = blockIdx.x;
    gu += 2 * row * width;
    gradients(gu, gu, gu + width, dact, act + row * width, scale, dscale, width);
}

KERNEL __launch_bounds__(1024) swiglu_backward_bf16(float *gu, const float *dact, float *act, const float *scale, float *dscale, int width) {
    SHARED(bf16, grad);
    long long row = blockIdx.x;
    gu += 2 * row * width;
    gradients(gu, grad, grad + width, dact, reinterpret_cast<bf16 *>(act + row * width), scale, dscale, width);
    __syncthreads(); // all of the row is read
    for (int j = threadIdx.x; j < width; j += blockDim.x)
        reinterpret_cast<unsigned *>(gu)[j] = reinterpret_cast<const unsigned *>(grad)[j];
}
