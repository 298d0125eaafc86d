// Draws of tokens from logits. A block takes a draw, and each of its warps a stretch of the vocabulary.
#include "device.h"

KERNEL __launch_bounds__(1024, 1) draw_token(int *drawn, const float *logits, const int *rows, const double *u, int vocab, float temperature) {
    __shared__ double stretch[32]; // what the tokens of each warp weigh together
    int draw = blockIdx.x, lane = lane_of(), warp = warp_of(), warps = block_threads() / 32;
    const float *x = logits + (long long)rows[draw] * vocab;
    float top = NEGATIVE_INFINITY;
    for (int c = threadIdx.x; c < vocab; c += blockDim.x)
        top = fmaxf(top, x[c] < INFINITY ? x[c] : INFINITY); // so is NaN
    top = block_max(top);
    if (top == INFINITY || top == NEGATIVE_INFINITY) {
        if (threadIdx.x == 0)
            drawn[3 * draw] = -1;
        return;
    }
    int share = (vocab + warps - 1) / warps, first = warp * share, last = min(vocab, first + share), best = vocab;
    float by = temperature > 0 ? temperature : 1;
    double plain = 0, soft = 0;
    for (int c = first + lane; c < last; c += 32) {
        float d = x[c] - top;
        plain += expf(d);
        soft += expf(d / by);
        if (d == 0)
            best = min(best, c);
    }
    plain = block_sum(plain);
    soft = warp_sum(soft);
    if (lane == 0)
        stretch[warp] = soft;
    if (temperature == 0) {
        best = -(int)block_max(-(float)best); // ids below 2^24 are floats
        if (threadIdx.x == 0) {
            drawn[3 * draw] = best;
            drawn[3 * draw + 1] = __float_as_int((float)-log(plain));
            drawn[3 * draw + 2] = 0;
        }
        return;
    }
    __syncthreads();
    double total = 0;
    int here = 0, behind = 0; // the stretch in which the point falls, and the last one that weighs anything
    for (int w = 0; w < warps; w++) {
        total += stretch[w];
        behind = stretch[w] > 0 ? w : behind;
    }
    double point = u[draw] * total;
    while (here < behind && point >= stretch[here])
        point -= stretch[here++];
    if (warp != here)
        return;
    int found = -1, mine = 0; // mine: this lane's last token that weighs anything, should rounding leave the point behind all
    for (int lo = first; lo < last && found < 0; lo += 32) {
        int c = lo + lane;
        float e = c < last ? expf((x[c] - top) / by) : 0;
        double sum = e;
        for (int d = 1; d < 32; d *= 2) {
            double left = __shfl_up_sync(WARP, sum, d);
            if (lane >= d)
                sum += left;
        }
        if (e > 0)
            mine = c;
        unsigned hit = __ballot_sync(WARP, e > 0 && point < sum);
        if (hit)
            found = lo + __ffs(hit) - 1;
        point -= __shfl_sync(WARP, sum, 31);
    }
    if (found < 0)
        found = (int)warp_max((float)mine);
    if (lane == 0) {
        drawn[3 * draw] = found;
        drawn[3 * draw + 1] = __float_as_int((float)(x[found] - top - log(plain)));
        drawn[3 * draw + 2] = __float_as_int((float)((x[found] - top) / by - log(total)));
    }
}
