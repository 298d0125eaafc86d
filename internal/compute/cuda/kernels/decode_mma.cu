// Attention of new tokens over a paged cache of latent rows in bf16, by the tensor cores. A block takes 16 heads and a share of
// the positions, 32 at a time, which it fetches while it works on the 32 before. Each warp scores 8 positions for all heads; of the
// values, which are the first columns of the same rows, each warp sums up a part of the columns.
#include "decode.cuh"
#include "mma.cuh"

#define TILE 32  // positions at a time
#define HEADS 16 // of a block
#define STEPS 8  // times 16 columns of a warp at most: v <= 512
#define LOG2E 1.44269504088896f

// fetch_rows begins to copy TILE positions from lo on; those from last on become zeros.
__device__ inline void fetch_rows(bf16 *tile, const Pages<bf16> &pages, int lo, int last) {
    int across = pages.width / 8, pitch = pages.width + 8;
    for (int r = warp_of(); r < TILE; r += 4) {
        bool valid = lo + r < last;
        const bf16 *from = cache_row(pages, valid ? lo + r : last - 1);
        for (int c = lane_of(); c < across; c += 32)
            copy_async(tile + r * pitch + 8 * c, from + 8 * c, valid);
    }
    commit_copies();
}

KERNEL __launch_bounds__(128) decode_latent_mma(float *part, float *peak, float *sum, const float *query, const long long *table, const int *owner,
                              const int *at, int heads, int d, int v, int page, int span, long long offset, float scale) {
    SHARED(bf16, shared);
    int pitch = d + 8, lane = lane_of(), warp = warp_of(), row = blockIdx.z, split = blockIdx.x, head0 = blockIdx.y * HEADS;
    bf16 *q = shared, *keys = q + HEADS * pitch; // keys: two tiles and a fragment's width
    float *scores = reinterpret_cast<float *>(keys + 2 * TILE * pitch + 16);
    int len = at[row] + 1, share = (len + gridDim.x - 1) / gridDim.x;
    int first = min(len, split * share), last = min(len, first + share);
    Pages<bf16> pages = {table + (long long)owner[row] * span, page, d, offset};
    if (first < last)
        fetch_rows(keys, pages, first, last);
    for (int i = 2 * threadIdx.x; i < HEADS * d; i += 256) {
        int h = i / d, c = i - h * d;
        const float *from = query + ((long long)row * heads + head0 + h) * d + c;
        bool there = head0 + h < heads;
        *reinterpret_cast<unsigned *>(q + h * pitch + c) = pack_bf16(there ? from[0] : 0, there ? from[1] : 0);
    }
    int columns = (v + 63) / 64 * 16, col0 = warp * columns; // of this warp
    float acc[2 * STEPS][4];
    float top[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY}, total[2] = {0, 0}; // of heads lane/4 and lane/4+8
#pragma unroll
    for (int n = 0; n < 2 * STEPS; n++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            acc[n][i] = 0;
    for (int lo = first, turn = 0; lo < last; lo += TILE, turn ^= 1) {
        const bf16 *tile = keys + turn * TILE * pitch;
        wait_copies<0>();
        __syncthreads(); // the tile is here, and all are done with the other one and with the scores
        if (lo + TILE < last)
            fetch_rows(keys + (turn ^ 1) * TILE * pitch, pages, lo + TILE, last);
        float s[4] = {0, 0, 0, 0};
        for (int k = 0; k < d; k += 32) { // two steps of depth 16 at a time
            unsigned a[4], b[4];
            load_matrices(b, tile + (8 * warp + lane % 8) * pitch + k + lane / 8 * 8);
            left(a, q, pitch, 0, k);
            multiply_add(s, a, b[0], b[1]);
            if (k + 16 < d) {
                left(a, q, pitch, 0, k + 16);
                multiply_add(s, a, b[2], b[3]);
            }
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int t = 8 * warp + lane % 4 * 2 + i % 2;
            scores[(lane / 4 + 8 * (i / 2)) * (TILE + 1) + t] = lo + t < last ? s[i] * scale : NEGATIVE_INFINITY;
        }
        __syncthreads();
        // Every warp takes the softmax of all heads, as the left operand of the sum of values.
        float p[TILE / 8][4];
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const float *x = scores + (lane / 4 + 8 * half) * (TILE + 1) + lane % 4 * 2;
            float now = top[half], more = 0;
#pragma unroll
            for (int n = 0; n < TILE / 8; n++)
#pragma unroll
                for (int i = 0; i < 2; i++)
                    now = fmaxf(now, p[n][2 * half + i] = x[8 * n + i]);
            now = fmaxf(now, __shfl_xor_sync(WARP, now, 1));
            now = fmaxf(now, __shfl_xor_sync(WARP, now, 2));
            float shrink = now == NEGATIVE_INFINITY ? 1.0f : fast_exp2((top[half] - now) * LOG2E);
#pragma unroll
            for (int n = 0; n < TILE / 8; n++)
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    float z = p[n][2 * half + i]; // -Inf where there is no position; a head of NaN leaves no number to compare
                    p[n][2 * half + i] = z == NEGATIVE_INFINITY ? 0 : now == NEGATIVE_INFINITY ? z : fast_exp2((z - now) * LOG2E);
                    more += p[n][2 * half + i];
                }
            more += __shfl_xor_sync(WARP, more, 1);
            more += __shfl_xor_sync(WARP, more, 2);
            total[half] = total[half] * shrink + more;
            top[half] = now;
#pragma unroll
            for (int n = 0; n < 2 * STEPS; n++) {
                acc[n][2 * half] *= shrink;
                acc[n][2 * half + 1] *= shrink;
            }
        }
#pragma unroll
        for (int k = 0; k < TILE; k += 16) {
            const unsigned a[4] = {pack_bf16(p[k / 8][0], p[k / 8][1]), pack_bf16(p[k / 8][2], p[k / 8][3]),
                                   pack_bf16(p[k / 8 + 1][0], p[k / 8 + 1][1]), pack_bf16(p[k / 8 + 1][2], p[k / 8 + 1][3])};
#pragma unroll
            for (int n = 0; n < STEPS; n++) {
                if (16 * n >= columns || col0 + 16 * n >= v)
                    break;
                unsigned b[4];
                right_columns(b, tile, pitch, k, col0 + 16 * n);
                multiply_add(acc[2 * n], a, b[0], b[1]);
                multiply_add(acc[2 * n + 1], a, b[2], b[3]);
            }
        }
    }
    long long place = ((long long)row * gridDim.x + split) * heads + head0;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int h = lane / 4 + 8 * half;
        if (head0 + h >= heads)
            continue;
#pragma unroll
        for (int n = 0; n < 2 * STEPS; n++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                int c = col0 + 8 * n + lane % 4 * 2 + i;
                if (8 * n < columns && c < v)
                    part[(place + h) * v + c] = acc[n][2 * half + i];
            }
        if (warp == 0 && lane % 4 == 0) {
            peak[place + h] = top[half];
            sum[place + h] = total[half];
        }
    }
}
