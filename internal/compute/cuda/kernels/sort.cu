// Stable counting sort: chunks of 1024 keys count their digits, one block adds the counts up, the chunks move their
// keys. Nothing depends on the order in which blocks or warps run.
#include "device.h"

#define CHUNK 1024
#define BINS 1024

KERNEL __launch_bounds__(256) sort_count(const int *keys, int n, int shift, int mask, int bins, int *counts) {
    __shared__ int count[BINS];
    for (int b = threadIdx.x; b < bins; b += 256)
        count[b] = 0;
    __syncthreads();
    int first = blockIdx.x * CHUNK, last = min(n, first + CHUNK);
    for (int i = first + threadIdx.x; i < last; i += 256)
        atomicAdd(&count[(keys[i] >> shift) & mask], 1);
    __syncthreads();
    for (int b = threadIdx.x; b < bins; b += 256)
        counts[(long long)b * gridDim.x + blockIdx.x] = count[b];
}

KERNEL __launch_bounds__(1024) sort_scan(int *counts, int total) {
    int base = 0;
    for (int lo = 0; lo < total; lo += 4096) { // four neighbours a thread
        int v[4], sum = 0, all, at = lo + 4 * threadIdx.x;
        for (int j = 0; j < 4; j++) {
            v[j] = at + j < total ? counts[at + j] : 0;
            sum += v[j];
        }
        int before = base + block_prefix(sum, &all);
        for (int j = 0; j < 4; j++) {
            if (at + j < total)
                counts[at + j] = before;
            before += v[j];
        }
        base += all;
    }
}

KERNEL __launch_bounds__(256) sort_scatter(const int *keys, const int *values, int n, int shift, int mask, int bins, const int *counts,
                         int *out_keys, int *out_values) {
    __shared__ int place[8][BINS]; // of each warp's next key of a digit
    int lane = lane_of(), warp = warp_of();
    for (int b = threadIdx.x; b < bins; b += 256)
        for (int w = 0; w < 8; w++)
            place[w][b] = 0;
    __syncthreads();
    int first = blockIdx.x * CHUNK + warp * (CHUNK / 8), last = min(n, first + CHUNK / 8);
    for (int i = first + lane; i < last; i += 32)
        atomicAdd(&place[warp][(keys[i] >> shift) & mask], 1);
    __syncthreads();
    for (int b = threadIdx.x; b < bins; b += 256) {
        int next = counts[(long long)b * gridDim.x + blockIdx.x];
        for (int w = 0; w < 8; w++) {
            int count = place[w][b];
            place[w][b] = next;
            next += count;
        }
    }
    __syncthreads();
    for (int lo = first; lo < first + CHUNK / 8; lo += 32) {
        int i = lo + lane, key = i < last ? keys[i] : 0, digit = i < last ? (key >> shift) & mask : -1;
        unsigned peers = __match_any_sync(WARP, digit);
        int at = i < last ? place[warp][digit] + __popc(peers & ((1u << lane) - 1)) : 0;
        __syncwarp();
        if (i < last) {
            if (lane == __ffs(peers) - 1)
                place[warp][digit] += __popc(peers);
            if (out_keys)
                out_keys[at] = key;
            out_values[at] = values ? values[i] : i;
        }
        __syncwarp();
    }
}

KERNEL group_finish(const int *counts, const int *choice, int n, int k, int experts, int *ends, int *token, int *slot, int *load) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, chunks = (n + CHUNK - 1) / CHUNK;
    if (i < n) {
        int c = choice[i];
        token[i] = c / k;
        slot[c] = i;
    }
    if (i < experts) {
        int end = i + 1 < experts ? counts[(long long)(i + 1) * chunks] : n;
        load[i] += end - counts[(long long)i * chunks];
        ends[i] = end;
    }
}
