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

// With s = sigmoid(gate): d gate = d up s (1 + gate (1 - s)) and d up = d gate s.
KERNEL __launch_bounds__(1024) swiglu_backward(float *gu, const float *dact, float *act, const float *scale, float *dscale, int width) {
    long long row = blockIdx.x;
    float *gate = gu + 2 * row * width, *up = gate + width;
    float factor = scale ? scale[row] : 1.0f, dot = 0;
    for (int j = threadIdx.x; j < width; j += blockDim.x) {
        float g = gate[j], u = up[j], d = dact[row * width + j];
        float s = sigmoid(g), silu = g * s;
        dot += d * silu * u;
        act[row * width + j] = factor * silu * u;
        d *= factor;
        gate[j] = d * u * s * (1 + g * (1 - s));
        up[j] = d * silu;
    }
    if (!dscale)
        return;
    dot = block_sum(dot);
    if (threadIdx.x == 0)
        dscale[row] = dot;
}
