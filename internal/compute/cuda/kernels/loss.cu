// Cross-entropy over the vocabulary: one block a row, the logits read twice and written once, as bf16 where T is that: at the
// beginning of the row.
#include "device.h"

#define AHEAD 4 // logits that a thread asks for before it needs the first of them

__device__ inline float at(const float *logits, int j, int vocab) { return j < vocab ? logits[j] : NEGATIVE_INFINITY; }

template <typename T> __device__ inline void gradient(float *loss, float *logits, const int *targets, int vocab, const float *scale) {
    long long row = blockIdx.x;
    int target = targets[row];
    logits += row * vocab;
    T *grad = reinterpret_cast<T *>(logits);
    if (target < 0) {
        for (int j = threadIdx.x; j < vocab; j += blockDim.x)
            put(grad + j, 0);
        if (threadIdx.x == 0)
            loss[row] = 0;
        return;
    }
    // The largest logit and the sum of exponentials in one pass: where the maximum rises, the sum shrinks to it.
    float peak = NEGATIVE_INFINITY, sum = 0;
    for (int first = threadIdx.x; first < vocab; first += AHEAD * blockDim.x) {
        float z[AHEAD], most = peak;
        for (int i = 0; i < AHEAD; i++)
            z[i] = at(logits, first + i * blockDim.x, vocab);
        for (int i = 0; i < AHEAD; i++)
            most = fmaxf(most, z[i]);
        if (most > peak) {
            sum *= expf(peak - most);
            peak = most;
        }
        for (int i = 0; i < AHEAD; i++)
            if (z[i] != NEGATIVE_INFINITY)
                sum += expf(z[i] - peak);
    }
    float top = block_max(peak);
    sum = block_sum(peak == NEGATIVE_INFINITY ? sum : sum * expf(peak - top)); // a sum of nothing but NaN stays NaN
    float hit = logits[target], factor = scale[row];
    __syncthreads(); // hit is read before it is overwritten
    if (threadIdx.x == 0)
        loss[row] = logf(sum) + (top - hit); // the difference first: it is exact where logits are large
    float share = factor / sum;
    for (int first = threadIdx.x; first - (int)threadIdx.x < vocab; first += AHEAD * blockDim.x) {
        float z[AHEAD];
        for (int i = 0; i < AHEAD; i++)
            z[i] = at(logits, first + i * blockDim.x, vocab);
        __syncthreads(); // what is written lies no further on than what all threads have read
        for (int i = 0; i < AHEAD; i++) {
            int j = first + i * blockDim.x;
            if (j < vocab)
                put(grad + j, expf(z[i] - top) * share - (j == target ? factor : 0.0f));
        }
    }
}

KERNEL __launch_bounds__(1024) cross_entropy(float *loss, float *logits, const int *targets, int vocab, const float *scale) {
    gradient<float>(loss, logits, targets, vocab, scale);
}

KERNEL __launch_bounds__(1024) cross_entropy_bf16(float *loss, float *logits, const int *targets, int vocab, const float *scale) {
    gradient<bf16>(loss, logits, targets, vocab, scale);
}
