// The router of a mixture of experts (DeepSeek-V3, eq. 13-20). A warp takes a token.
#include "device.h"

KERNEL __launch_bounds__(128) route(float *scores, const float *bias, int *index, float *weight, int tokens, int experts, int topk, int norm, float scale) {
    SHARED(float, left); // scores with bias that are still to be chosen
    int lane = lane_of(), t = blockIdx.x * 4 + warp_of();
    if (t >= tokens)
        return;
    left += warp_of() * experts;
    scores += (long long)t * experts;
    index += (long long)t * topk;
    weight += (long long)t * topk;
    for (int e = lane; e < experts; e += 32) { // a lane keeps to its experts
        float s = sigmoid(scores[e]);
        scores[e] = s;
        left[e] = s + bias[e];
    }
    __syncwarp();
    float sum = 0;
    for (int j = 0; j < topk; j++) {
        float best = NEGATIVE_INFINITY;
        int at = 0x7fffffff;
        for (int e = lane; e < experts; e += 32)
            if (left[e] > best) {
                best = left[e];
                at = e;
            }
        for (int d = 16; d > 0; d /= 2) {
            float other = __shfl_xor_sync(WARP, best, d);
            int other_at = __shfl_xor_sync(WARP, at, d);
            if (other > best || (other == best && other_at < at)) {
                best = other;
                at = other_at;
            }
        }
        if (at >= experts)
            at = 0; // nothing but NaN
        __syncwarp();
        if (lane == 0) {
            left[at] = NEGATIVE_INFINITY;
            index[j] = at;
            weight[j] = scores[at];
        }
        __syncwarp();
        sum += scores[at];
    }
    float factor = norm ? scale / (sum + 1e-20f) : scale;
    for (int j = lane; j < topk; j += 32)
        weight[j] = weight[j] * factor;
}

KERNEL __launch_bounds__(256) route_aux(const float *scores, const int *index, float *frequency, float *loss, int experts, int topk, int seq, float aux_weight) {
    SHARED(int, count);
    long long first = (long long)blockIdx.x * seq;
    frequency += (long long)blockIdx.x * experts;
    for (int e = threadIdx.x; e < experts; e += blockDim.x)
        count[e] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < seq * topk; i += blockDim.x)
        atomicAdd(&count[index[first * topk + i]], 1);
    __syncthreads();
    float share = (float)experts / ((float)topk * seq);
    for (int e = threadIdx.x; e < experts; e += blockDim.x)
        frequency[e] = count[e] * share;
    float sum = 0;
    for (int t = warp_of(); t < seq; t += block_threads() / 32) {
        const float *s = scores + (first + t) * experts;
        float dot = 0, total = 0;
        for (int e = lane_of(); e < experts; e += 32) {
            dot += count[e] * share * s[e];
            total += s[e];
        }
        sum += warp_sum(dot) / (warp_sum(total) + 1e-20f);
    }
    sum = block_sum(lane_of() == 0 ? sum : 0.0f);
    if (threadIdx.x == 0)
        loss[blockIdx.x] = aux_weight * sum / seq;
}

// With w_j = c s_j / S and S the sum of the chosen scores, ds_j = (c/S) (dw_j - sum_i dw_i s_i / S).
KERNEL __launch_bounds__(128) route_backward(const float *scores, const int *index, const float *dweight, const float *frequency, float *dlogits,
                           int tokens, int experts, int topk, int norm, float scale, int seq, float aux_weight) {
    int lane = lane_of(), t = blockIdx.x * 4 + warp_of();
    if (t >= tokens)
        return;
    scores += (long long)t * experts;
    index += (long long)t * topk;
    dweight += (long long)t * topk;
    dlogits += (long long)t * experts;
    float factor = scale, mean = 0;
    if (norm) {
        float sum = 0, along = 0;
        for (int j = lane; j < topk; j += 32) {
            sum += scores[index[j]];
            along += dweight[j] * scores[index[j]];
        }
        sum = warp_sum(sum) + 1e-20f;
        mean = warp_sum(along) / sum;
        factor /= sum;
    }
    float share = 0, total = 0;
    if (aux_weight != 0) {
        frequency += (long long)(t / seq) * experts;
        for (int e = lane; e < experts; e += 32) {
            share += frequency[e] * scores[e];
            total += scores[e];
        }
        total = warp_sum(total) + 1e-20f;
        share = warp_sum(share) / total;
    }
    for (int e = lane; e < experts; e += 32) {
        float s = scores[e];
        dlogits[e] = aux_weight != 0 ? aux_weight / seq / total * (frequency[e] - share) * s * (1 - s) : 0;
    }
    __syncwarp();
    for (int j = lane; j < topk; j += 32) {
        float s = scores[index[j]];
        dlogits[index[j]] += factor * (dweight[j] - mean) * s * (1 - s);
    }
}

// Sums of integers are exact in double, in any order.
KERNEL __launch_bounds__(256) balance(float *bias, const int *load, int experts, float rate) {
    double total = 0, above = 0;
    for (int e = threadIdx.x; e < experts; e += 256)
        total += load[e];
    total = block_sum(total);
    for (int e = threadIdx.x; e < experts; e += 256)
        above += (total > (double)load[e] * experts) - (total < (double)load[e] * experts);
    double mean = block_sum(above) / experts;
    for (int e = threadIdx.x; e < experts; e += 256)
        bias[e] += (float)(rate * ((total > (double)load[e] * experts) - (total < (double)load[e] * experts) - mean));
}
