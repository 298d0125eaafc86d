// Which tile of which expert comes next: blocks walk the tiles of all experts, whose numbers of rows only the device knows.
#pragma once

#include "device.h"

#define MOST_EXPERTS 1024

// count_tiles fills last[e] with the number of tiles of TILE rows of the experts up to e.
template <int TILE> __device__ inline void count_tiles(int *last, const int *ends, int experts) {
    int before = 0;
    for (int lo = 0; lo < experts; lo += block_threads()) {
        int e = lo + thread_in_block(), all;
        int rows = e < experts ? ends[e] - (e > 0 ? ends[e - 1] : 0) : 0;
        int tiles = (rows + TILE - 1) / TILE;
        int sum = before + block_prefix(tiles, &all) + tiles;
        if (e < experts)
            last[e] = sum;
        before += all;
    }
    __syncthreads();
}

// find_expert returns the first expert whose tiles end behind tile.
__device__ inline int find_expert(const int *last, int experts, int tile) {
    int lo = 0, hi = experts - 1;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (last[mid] > tile)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}
