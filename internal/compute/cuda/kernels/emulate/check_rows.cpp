// Elementwise passes, rows and sorting.
#include "check.h"

namespace check {

static const int widths[] = {1, 2, 3, 7, 8, 9, 16, 31, 33, 64, 100, 256, 300};
static const int counts[] = {1, 2, 63, 65, 200};

void elementwise() {
    for (int n : {1, 2, 7, 8, 63, 64, 65, 1000, 4099}) {
        for (int shift : {0, 1}) { // a pointer that is not aligned to 16 bytes
            auto x = random(n + shift), y = random(n + shift);
            for (unsigned grid : {1u, parts(n, 256), 7u}) {
                auto what = text("%d elements from %d, %u blocks", n, shift, grid);
                Buf<float> a(y), c(y), d(nan(n + shift));
                LAUNCH(add, grid, 256, 0)(a + shift, x + shift, n);
                LAUNCH(scale, grid, 256, 0)(d + shift, x + shift, -1.5f, n);
                LAUNCH(scale, grid, 256, 0)(c + shift, c + shift, 3.0f, n);
                Buf<bf16> half(n + shift);
                LAUNCH(cast_bf16, grid, 256, 0)(half + shift, x + shift, n);
                for (int i = shift; i < n + shift; i++) {
                    float sum = x[i] + y[i], product = x[i] * -1.5f, triple = y[i] * 3.0f, back = bf16_to_float(half[i]);
                    same(what + ": add", a + i, &sum, 1);
                    same(what + ": scale", d + i, &product, 1);
                    same(what + ": scale in place", c + i, &triple, 1);
                    near(what + ": bf16", &back, {x[i]}, std::fabs(x[i]), 1.0 / 256);
                }
                if (shift) same(what + ": beside", a.p, y.p, 1);
            }
        }
    }
    Buf<bf16> half(6);
    Buf<float> special(6);
    const float values[] = {INFINITY, -INFINITY, NAN, 1.00390625f, 1.01171875f, -0.0f}; // ties go to the even neighbour
    std::copy(values, values + 6, special.p);
    LAUNCH(cast_bf16, 1, 256, 0)(half, special, 6);
    const float want[] = {INFINITY, -INFINITY, NAN, 1.0f, 1.015625f, -0.0f};
    for (int i = 0; i < 6; i++) {
        float got = bf16_to_float(half[i]);
        same("bf16 of special values", &got, want + i, 1);
    }
    for (int width : {1, 2, 31, 32, 33, 100, 1030})
        for (int block : {32, 64}) {
            const int rows = 3;
            auto x = random(rows * width);
            Buf<float> got(x), want(x);
            for (int i = 0; i < rows * width; i++) {
                bf16 h = to_bf16(x[i]);
                reinterpret_cast<bf16 *>(got + i / width * width)[i % width] = h;
                want[i] = bf16_to_float(h);
            }
            LAUNCH(widen, rows, block, 0)(got, width);
            same(text("%d rows of %d made float again", rows, width), got.p, want.p, want.n);
        }
    for (int n : {1, 5, 300}) {
        auto x = random(3 * (n * (n + 2) + 4));
        Buf<float> y(x);
        LAUNCH(add_diagonal, dim3(parts(n, 256), 3), 256, 0)(y, 1.5f, n, n + 2, n * (n + 2) + 4);
        for (int b = 0; b < 3; b++)
            for (int i = 0; i < n; i++) x[b * (n * (n + 2) + 4) + i * (n + 2) + i] += 1.5f;
        same("add_diagonal", y.p, x.p, x.n);
    }
}

static void gather_rows() {
    for (int width : widths)
        for (int n : counts) {
            const int table_rows = 211;
            auto table = random(table_rows * width);
            Buf<float> got(nan(n * width));
            Buf<int> index(n);
            for (int i = 0; i < n; i++) index[i] = below(table_rows);
            auto what = text("%d rows of %d", n, width);
            Buf<float> narrow(got);
            LAUNCH(gather, parts(n, 8), dim3(32, 8), 0)(got, table, index, n, width);
            LAUNCH(gather_narrow, 3, 256, 0)(narrow, table, index, n, width);
            same(what + ": gather by elements", narrow.p, got.p, got.n);
            for (int i = 0; i < n; i++) same(what + ": gather", got + i * width, table + index[i] * width, width);
        }
}

static void combine_rows() {
    for (int width : {1, 3, 32, 33, 300})
        for (int tokens : {1, 9, 65})
            for (int k : {1, 2, 5})
                for (bool weighted : {false, true}) {
                    int slots = tokens * k;
                    auto dst = random(tokens * width), src = random(slots * width), w = random(slots);
                    Buf<int> slot(slots);
                    for (int i = 0; i < slots; i++) slot[i] = (i * 7 + 1) % slots;
                    auto want = wide(dst);
                    for (int t = 0; t < tokens; t++)
                        for (int j = 0; j < k; j++)
                            for (int c = 0; c < width; c++) want[t * width + c] += (weighted ? (double)w[t * k + j] : 1.0) * src[(size_t)slot[t * k + j] * width + c];
                    LAUNCH(combine, parts(tokens, 8), dim3(32, 8), 0)(dst, src, slot, weighted ? w.p : nullptr, tokens, k, width);
                    near(text("combine %d x %d, k %d", tokens, width, k), dst, want, 8, float_tolerance);
                }
}

static void heads_added() {
    for (int width : {1, 7, 33})
        for (int strides : {0, 1, 2}) { // dst is shared, src is, none
            const int rows = 3, heads = 5, ld_dst = heads * (width + 2) + 3, ld_src = heads * (width + 1);
            int stride_dst = strides == 0 ? 0 : width + 2, stride_src = strides == 1 ? 0 : width + 1;
            auto dst = random(rows * ld_dst), src = random(rows * ld_src);
            auto want = wide(dst);
            for (int i = 0; i < rows; i++)
                for (int h = 0; h < heads; h++)
                    for (int j = 0; j < width; j++) want[i * ld_dst + 2 + h * stride_dst + j] += src[i * ld_src + 1 + h * stride_src + j];
            LAUNCH(add_heads, rows, 64, 0)(dst + 2, ld_dst, stride_dst, src + 1, ld_src, stride_src, heads, width);
            near(text("heads of %d added, strides %d and %d", width, stride_dst, stride_src), dst, want, 0, float_tolerance);
        }
}

void rows() {
    heads_added();
    gather_rows();
    combine_rows();
}

// sort_pass runs the three kernels of one pass.
static void sort_pass(const Buf<int> &keys, const int *values, int shift, int bins, Buf<int> &counts, int *out_keys, Buf<int> &out_values) {
    int n = (int)keys.n;
    unsigned chunks = parts(n, 1024);
    LAUNCH(sort_count, chunks, 256, 0)(keys, n, shift, 1023, bins, counts);
    LAUNCH(sort_scan, 1, 1024, 0)(counts, (int)counts.n);
    LAUNCH(sort_scatter, chunks, 256, 0)(keys, values, n, shift, 1023, bins, counts, out_keys, out_values);
}

static void group_choices() {
    struct { int tokens, experts, k; } cases[] = {{1, 1, 1}, {1, 7, 3}, {64, 4, 2}, {65, 40, 1}, {200, 16, 4}, {33, 384, 8}, {1000, 64, 6}, {700, 1024, 3}};
    for (auto s : cases) {
        int n = s.tokens * s.k;
        Buf<int> index(n), counts(s.experts * parts(n, 1024), -1), choice(n, -1), ends(s.experts, -1), token(n, -1), slot(n, -1), load(s.experts, 11);
        for (int i = 0; i < n; i++) index[i] = s.experts > 1 ? below(s.experts - 1) : 0; // the last expert is empty
        sort_pass(index, nullptr, 0, s.experts, counts, nullptr, choice);
        LAUNCH(group_finish, parts(std::max(n, s.experts), 256), 256, 0)(counts, choice, n, s.k, s.experts, ends, token, slot, load);
        int row = 0;
        auto what = text("group of %d tokens, %d experts, k %d", s.tokens, s.experts, s.k);
        for (int e = 0; e < s.experts; e++) {
            int first = row;
            for (int c = 0; c < n; c++)
                if (index[c] == e) {
                    int want[] = {c, c / s.k, row};
                    same(what + ": choice", choice + row, want, 1);
                    same(what + ": token", token + row, want + 1, 1);
                    same(what + ": slot", slot + c, want + 2, 1);
                    row++;
                }
            int raised = 11 + row - first;
            same(what + ": ends", ends + e, &row, 1);
            same(what + ": load", load + e, &raised, 1);
        }
    }
}

static void embedding_gradient() {
    struct { int n, vocab, width; } cases[] = {{1, 1, 1}, {7, 3, 5}, {200, 13, 130}, {1500, 300, 8}, {1200, 5000, 33}, {2100, 1 << 18, 2}};
    for (auto s : cases) {
        Buf<int> ids(s.n), keys(s.n, -1), order(s.n, -1), keys2(s.n, -1), order2(s.n, -1), counts(1024 * parts(s.n, 1024));
        for (int i = 0; i < s.n; i++) ids[i] = i % 3 ? below(s.vocab) : below(std::min(s.vocab, 4));
        sort_pass(ids, nullptr, 0, 1024, counts, keys, order);
        sort_pass(keys, order, 10, 1024, counts, keys2, order2);
        for (int i = 1; i < s.n; i++)
            if (keys2[i - 1] > keys2[i] || (keys2[i - 1] == keys2[i] && order2[i - 1] > order2[i])) {
                fprintf(stderr, "sort of %d ids below %d: places %d and %d are out of order\n", s.n, s.vocab, i - 1, i);
                exit(1);
            }
        for (int i = 0; i < s.n; i++) same("sorted id", keys2 + i, ids + order2[i], 1);
        auto table = random((size_t)s.vocab * s.width), dout = random((size_t)s.n * s.width);
        auto want = wide(table);
        std::vector<double> size(want);
        for (auto &v : size) v = std::fabs(v);
        for (int i = 0; i < s.n; i++)
            for (int c = 0; c < s.width; c++) {
                want[(size_t)ids[i] * s.width + c] += dout[i * s.width + c];
                size[(size_t)ids[i] * s.width + c] += std::fabs(dout[i * s.width + c]);
            }
        LAUNCH(embed_backward, dim3(s.n, parts(s.width, 128)), 128, 0)(table, dout, keys2, order2, s.n, s.width);
        near(text("embedding gradient of %d ids below %d, width %d", s.n, s.vocab, s.width), table, want, [&](size_t i) { return size[i]; }, float_tolerance);
    }
}

void sorting() {
    group_choices();
    embedding_gradient();
}

} // namespace check
