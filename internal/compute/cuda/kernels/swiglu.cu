// The gated activation act = silu(gate) up.
#include "device.h"

KERNEL __launch_bounds__(256) swiglu(float *act, const float *gu, int width, long long n) {
    if (width % 4 == 0 && aligned16(act) && aligned16(gu)) {
        for (long long i = first_element(); i < n / 4; i += element_step()) {
            long long row = 4 * i / width;
            int col = 4 * i - row * width;
            float4 g = *reinterpret_cast<const float4 *>(gu + 2 * row * width + col);
            float4 u = *reinterpret_cast<const float4 *>(gu + (2 * row + 1) * width + col);
            reinterpret_cast<float4 *>(act)[i] = make_float4(g.x * sigmoid(g.x) * u.x, g.y * sigmoid(g.y) * u.y,
                                                             g.z * sigmoid(g.z) * u.z, g.w * sigmoid(g.w) * u.w);
        }
        return;
    }
    for (long long i = first_element(); i < n; i += element_step()) {
        long long row = i / width;
        float g = gu[row * width + i], u = gu[(row + 1) * width + i];
        act[i] = g * sigmoid(g) * u;
    }
}

KERNEL __launch_bounds__(256) swiglu_bf16(float *act, const float *gu, int width, long long n) {
    bf16 *half = reinterpret_cast<bf16 *>(act);
    if (width % 4 == 0 && aligned16(gu)) {
        for (long long i = first_element(); i < n / 4; i += element_step()) {
            long long row = 4 * i / width;
            int col = 4 * i - row * width;
            float4 g = *reinterpret_cast<const float4 *>(gu + 2 * row * width + col);
            float4 u = *reinterpret_cast<const float4 *>(gu + (2 * row + 1) * width + col);
            *reinterpret_cast<uint2 *>(half + 2 * row * width + col) =
                make_uint2(pack_bf16(g.x * sigmoid(g.x) * u.x, g.y * sigmoid(g.y) * u.y), pack_bf16(g.z * sigmoid(g.z) * u.z, g.w * sigmoid(g.w) * u.w));
        }
        return;
    }
    for (long long i = first_element(); i < n; i += element_step()) {
        long long row = i / width;
        float g = gu[row * width + i], u = gu[(row + 1) * width + i];
        half[row * width + i] = to_bf16(g * sigmoid(g) * u);
    }
}

// With s = sigmoid(gate): d gate = d up s (1 + gate (1 - s)) and d up = d gate s.
// The gradients go to dgate and dup: in float in place of gate and up, in bf16 to shared memory first.
template <typename T>
__device__ inline void backward(const float *gate, T *dgate, T *dup, const float *dact, T *act, const float *scale, float *dscale, int width) {
    long long row = blockIdx.x;
    const float *up = gate + width;
    float factor = scale ? scale[row] : 1.0f, dot = 0;
    for (int j = threadIdx.x; j < width; j += blockDim.x) {
        float g = gate[j], u = up[j], d = dact[row * width + j];
        float s = sigmoid(g), silu = g * s;
        dot += d * silu * u;
        put(act + j, factor * silu * u);
        d *= factor;
        put(dgate + j, d * u * s * (1 + g * (1 - s)));
        put(dup + j, d * silu);
    }
    if (!dscale)
        return;
    dot = block_sum(dot);
    if (threadIdx.x == 0)
        dscale[row] = dot;
}

KERNEL __launch_bounds__(1024) swiglu_backward(float *gu, const float *dact, float *act, const float *scale, float *dscale, int width) {
    long long row = blockIdx.x;
    gu += 2 * row * width;
    backward(gu, gu, gu + width, dact, act + row * width, scale, dscale, width);
}

KERNEL __launch_bounds__(1024) swiglu_backward_bf16(float *gu, const float *dact, float *act, const float *scale, float *dscale, int width) {
    SHARED(bf16, grad);
    long long row = blockIdx.x;
    gu += 2 * row * width;
    backward(gu, grad, grad + width, dact, reinterpret_cast<bf16 *>(act + row * width), scale, dscale, width);
    __syncthreads(); // all of the row is read
    for (int j = threadIdx.x; j < width; j += blockDim.x)
        reinterpret_cast<unsigned *>(gu)[j] = reinterpret_cast<const unsigned *>(grad)[j];
}
