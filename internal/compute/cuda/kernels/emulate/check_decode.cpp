// Generation: keys and values that are kept, attention over pages, products of few rows, and draws.
#include "check.h"

namespace check {

static float rounded(float x, float) { return x; }
static float rounded(float x, bf16) { return bf16_to_float(to_bf16(x)); }
static float number(float x) { return x; }
static float number(bf16 x) { return bf16_to_float(x); }

static void want_half(const std::string &what, bf16 got, float x) {
    bf16 want = to_bf16(x);
    same(what + ": copy in bf16", &got, &want, 1);
}

// Paged is sequences whose pages lie in any order in one piece of memory. Positions beyond a sequence's end are NaN, pages
// beyond it are no addresses.
template <typename T> struct Paged {
    int sequences, layers, width, page, span, layer;
    Buf<T> memory;
    Buf<long long> table;
    std::vector<int> lens;
    long long offset() const { return (long long)layer * page * width; }
    T *row(int s, int t) const { return (T *)table[s * span + t / page] + offset() + (long long)(t % page) * width; }
    double at(int s, int t, int c) const { return number(row(s, t)[c]); }
    Paged(int sequences, int layers, int width, int page, int span, bool filled)
        : sequences(sequences), layers(layers), width(width), page(page), span(span), layer(layers - 1),
          memory((size_t)sequences * span * layers * page * width, (T)NAN), table(sequences * span, 0x7ff0000000000000ll), lens(sequences) {
        std::vector<int> order(sequences * span);
        for (size_t i = 0; i < order.size(); i++) order[i] = (int)i;
        for (size_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[below((int)i)]);
        if (sizeof(T) == 2) std::fill(memory.p, memory.p + memory.n, (T)0x7fff);
        for (int s = 0, next = 0; s < sequences; s++) {
            lens[s] = s == 0 ? 1 : 1 + below(span * page);
            for (int i = 0; i < (int)parts(lens[s], page); i++) table[s * span + i] = (long long)(memory.p + (size_t)order[next++] * layers * page * width);
            for (int t = 0; t < lens[s] && filled; t++)
                for (int c = 0; c < width; c++) {
                    if constexpr (sizeof(T) == 2) row(s, t)[c] = to_bf16((float)normal());
                    else row(s, t)[c] = (float)normal();
                }
        }
    }
};

// rows makes rows of the sequences: the last token of each, some earlier one of each, and padding.
template <typename T> static void rows_of(const Paged<T> &p, Buf<int> &owner, Buf<int> &at) {
    for (int s = 0; s < p.sequences; s++) {
        owner[2 * s] = owner[2 * s + 1] = s;
        at[2 * s] = p.lens[s] - 1;
        at[2 * s + 1] = p.lens[s] / 2 > 0 ? p.lens[s] / 2 - 1 : -1; // no two rows are the same position
    }
}

// attended is the attention of every row in float64: keys and values of head h begin at key(h) and value(h) of a cache row.
template <typename T, typename K, typename V>
static std::vector<double> attended(const Paged<T> &p, const Buf<int> &owner, const Buf<int> &at, const Buf<float> &query, int heads, int d, int v, float scale, K key, V value) {
    std::vector<double> want(at.n * heads * v);
    for (size_t r = 0; r < at.n; r++)
        for (int h = 0; h < heads; h++) {
            std::vector<double> z(at[r] + 1);
            double top = -INFINITY, sum = 0;
            for (int t = 0; t <= at[r]; t++) {
                for (int j = 0; j < d; j++) z[t] += (double)query[(r * heads + h) * d + j] * p.at(owner[r], t, key(h) + j);
                top = std::max(top, z[t] *= scale);
            }
            for (double x : z) sum += std::exp(x - top);
            for (int t = 0; t <= at[r]; t++)
                for (int j = 0; j < v; j++) want[(r * heads + h) * v + j] += std::exp(z[t] - top) / sum * p.at(owner[r], t, value(h) + j);
        }
    return want;
}

template <typename T> static void latent_case(int sequences, int heads, int d, int v, int page, int splits, bool mma = false) {
    auto what = text("attention of %d sequences, %d heads over latents of %d and %d, pages of %d, %d splits, bf16 %d, mma %d", sequences, heads, d, v, page, splits, sizeof(T) == 2, mma);
    const int layers = 2, span = 5, n = 2 * sequences;
    Paged<T> p(sequences, layers, d, page, span, true);
    Buf<int> owner(n), at(n);
    rows_of(p, owner, at);
    auto query = random((size_t)n * heads * d);
    for (size_t i = 0; i < query.n && mma; i++) query[i] = rounded(query[i], bf16());
    float scale = (float)(1 / std::sqrt((double)d));
    auto want = attended(p, owner, at, query, heads, d, v, scale, [](int) { return 0; }, [](int) { return 0; });
    Buf<float> part(nan((size_t)n * splits * heads * v)), peak(nan(n * splits * heads)), sum(nan(n * splits * heads)), out(nan((size_t)n * heads * v));
    dim3 grid(splits, parts(heads, mma ? 16 : 8), n);
    size_t shared = mma ? 2 * (80 * (d + 8) + 16) + 4 * 16 * 33 : 4 * (8 * d + 16 * (d + 1) + 8 * 17);
    if constexpr (sizeof(T) == 2) {
        if (mma) LAUNCH(decode_latent_mma, grid, 128, shared)(part, peak, sum, query, p.table, owner, at, heads, d, v, page, span, p.offset(), scale);
        else LAUNCH(decode_latent_bf16, grid, 128, shared)(part, peak, sum, query, p.table, owner, at, heads, d, v, page, span, p.offset(), scale);
    } else LAUNCH(decode_latent_float, grid, 128, shared)(part, peak, sum, query, p.table, owner, at, heads, d, v, page, span, p.offset(), scale);
    Buf<bf16> half(out.n);
    LAUNCH(decode_merge, dim3(heads, n), 128, 0)(out, half, part, peak, sum, heads, v, splits);
    for (size_t i = 0; i < out.n; i++) want_half(what, half[i], out[i]);
    near(what, out, want, 1, mma ? 4e-3 : float_tolerance); // the shares of the values are rounded to bf16
}

template <typename T> static void grouped_case(int sequences, int heads, int group, int d, int page, int splits) {
    auto what = text("attention of %d sequences, %d heads of %d in groups of %d, pages of %d, %d splits, bf16 %d", sequences, heads, d, group, page, splits, sizeof(T) == 2);
    const int layers = 2, span = 5, n = 2 * sequences, half = heads / group * d;
    Paged<T> p(sequences, layers, 2 * half, page, span, true);
    Buf<int> owner(n), at(n);
    rows_of(p, owner, at);
    auto query = random((size_t)n * heads * d);
    float scale = (float)(1 / std::sqrt((double)d));
    auto want = attended(p, owner, at, query, heads, d, d, scale, [&](int h) { return h / group * d; }, [&](int h) { return half + h / group * d; });
    Buf<float> part(nan((size_t)n * splits * heads * d)), peak(nan(n * splits * heads)), sum(nan(n * splits * heads)), out(nan((size_t)n * heads * d));
    dim3 grid(splits / 4, heads / group * parts(group, 4), n);
    if constexpr (sizeof(T) == 2) LAUNCH(decode_grouped_bf16, grid, 128, 0)(part, peak, sum, query, p.table, owner, at, heads, group, d, page, span, p.offset(), scale);
    else LAUNCH(decode_grouped_float, grid, 128, 0)(part, peak, sum, query, p.table, owner, at, heads, group, d, page, span, p.offset(), scale);
    LAUNCH(decode_merge, dim3(heads, n), 128, 0)(out, nullptr, part, peak, sum, heads, d, splits);
    near(what, out, want, 1, float_tolerance);
}

template <typename T> static void keep_latent_case(int heads, int nope, int rope, int rank, bool queries) {
    auto what = text("latents of %d and %d that are kept, %d heads, bf16 %d", rank, rope, heads, sizeof(T) == 2);
    const int page = 4, span = 3, n = 6, d = rank + rope;
    Paged<T> p(3, 2, d, page, span, false);
    Buf<int> owner(n), at(n);
    rows_of(p, owner, at);
    auto kv = random((size_t)n * d), w = random(rank), q = random((size_t)n * heads * (nope + rope)), cos = random(page * span * rope / 2), sin = random(cos.n);
    Buf<float> query(nan((size_t)n * heads * d));
    const float *from = queries ? q.p : nullptr;
    Buf<bf16> half_q(q.n);
    bf16 *copied = queries && sizeof(T) == 2 ? half_q.p : nullptr;
    if constexpr (sizeof(T) == 2)
        LAUNCH(keep_latent_bf16, n, 256, 0)(p.table, owner, at, kv, w, 1e-5f, from, query, copied, cos, sin, heads, nope, rope, rank, page, span, p.offset());
    else
        LAUNCH(keep_latent_float, n, 256, 0)(p.table, owner, at, kv, w, 1e-5f, from, query, copied, cos, sin, heads, nope, rope, rank, page, span, p.offset());
    std::vector<double> wanted(query.n, NAN);
    for (int r = 0; r < n; r++) {
        if (at[r] < 0) continue;
        double squares = 0;
        for (int c = 0; c < rank; c++) squares += (double)kv[r * d + c] * kv[r * d + c];
        double rstd = 1 / std::sqrt(squares / rank + 1e-5f);
        auto turned = [&](const float *x, int j) {
            double c = cos[at[r] * rope / 2 + j / 2], s = sin[at[r] * rope / 2 + j / 2];
            return j % 2 ? x[j - 1] * s + x[j] * c : x[j] * c - x[j + 1] * s;
        };
        for (int c = 0; c < d; c++) {
            double x = c < rank ? kv[r * d + c] * rstd * w[c] : turned(kv + r * d + rank, c - rank);
            float got = (float)p.at(owner[r], at[r], c);
            near(what, &got, {rounded((float)x, T())}, 1, sizeof(T) == 2 ? 0.02 : float_tolerance);
        }
        for (int h = 0; h < heads && queries; h++)
            for (int j = 0; j < rope; j++) wanted[(r * heads + h) * d + rank + j] = turned(q + (r * heads + h) * (nope + rope) + nope, j);
    }
    near(what + ": queries", query, wanted, 1, float_tolerance);
    for (size_t i = 0; i < q.n && copied; i++) want_half(what, half_q[i], q[i]);
}

template <typename T> static void keep_grouped_case(int heads, int groups, int d, bool queries) {
    auto what = text("keys of %d heads of %d that are kept, %d groups, bf16 %d", heads, d, groups, sizeof(T) == 2);
    const int page = 4, span = 3, n = 6, half = d / 2, width = groups * d;
    Paged<T> p(3, 2, 2 * width, page, span, false);
    Buf<int> owner(n), at(n);
    rows_of(p, owner, at);
    auto k = random((size_t)n * width), v = random((size_t)n * width), q = random((size_t)n * heads * d), cos = random(page * span * half), sin = random(cos.n);
    auto wanted = wide(q), before = wide(q);
    float *from = queries ? q.p : nullptr;
    if constexpr (sizeof(T) == 2) LAUNCH(keep_grouped_bf16, n, 256, 0)(p.table, owner, at, from, k, v, cos, sin, heads, groups, d, page, span, p.offset());
    else LAUNCH(keep_grouped_float, n, 256, 0)(p.table, owner, at, from, k, v, cos, sin, heads, groups, d, page, span, p.offset());
    for (int r = 0; r < n; r++) {
        if (at[r] < 0) continue;
        auto turned = [&](auto x, int j) {
            double c = cos[at[r] * half + j % half], s = sin[at[r] * half + j % half];
            return j < half ? x(j) * c - x(j + half) * s : x(j - half) * s + x(j) * c;
        };
        for (int c = 0; c < 2 * width; c++) {
            double x = c < width ? turned([&](int j) { return (double)k[r * width + c / d * d + j]; }, c % d) : v[r * width + c - width];
            float got = (float)p.at(owner[r], at[r], c);
            near(what, &got, {rounded((float)x, T())}, 1, sizeof(T) == 2 ? 0.02 : float_tolerance);
        }
        for (int i = 0; i < heads * d && queries; i++)
            wanted[r * heads * d + i] = turned([&](int j) { return before[r * heads * d + i / d * d + j]; }, i % d);
    }
    near(what + ": queries", q, wanted, 1, float_tolerance);
}

template <typename T> static void few_case(int tokens, int k, int experts, int out, int in, bool gathered) {
    auto what = text("few rows of %d tokens for %d experts, %d x %d, bf16 %d", tokens, experts, out, in, sizeof(T) == 2);
    int n = tokens * k, stride = out * in + 5, ldx = in + 3;
    Buf<int> ends(experts), rows(n);
    for (int e = 0, at = 0; e < experts; e++) ends[e] = at = e == experts - 1 ? n : std::min(n, at + (e % 3 == 1 ? 0 : below(2 * n / experts + 10)));
    for (int i = 0; i < n; i++) rows[i] = below(tokens);
    auto numbers = [](size_t n) {
        Buf<T> x(n);
        for (size_t i = 0; i < n; i++) {
            if constexpr (sizeof(T) == 2) x[i] = to_bf16((float)normal());
            else x[i] = (float)normal();
        }
        return x;
    };
    auto x = numbers((size_t)(gathered ? tokens : n) * ldx), w = numbers((size_t)experts * stride);
    Buf<float> y(nan((size_t)n * out));
    std::vector<double> want(y.n);
    for (int i = 0, e = 0; i < n; i++) {
        while (i >= ends[e]) e++;
        for (int o = 0; o < out; o++)
            for (int c = 0; c < in; c++) want[(size_t)i * out + o] += (double)number(x[(size_t)(gathered ? rows[i] : i) * ldx + c]) * number(w[(size_t)e * stride + (size_t)o * in + c]);
    }
    const int *from = gathered ? rows.p : nullptr;
    dim3 grid(parts(out, 32), experts);
    if constexpr (sizeof(T) == 2) LAUNCH(few_rows_bf16, grid, 256, 0)(y, x, ldx, from, w, ends, stride, out, in);
    else LAUNCH(few_rows_float, grid, 256, 0)(y, x, ldx, from, w, ends, stride, out, in);
    near(what, y, want, 0, float_tolerance);
}

static void few_groups(int tokens, int k, int experts) {
    auto what = text("groups of %d tokens with %d of %d experts", tokens, k, experts);
    int n = tokens * k;
    Buf<int> index(n), ends(experts, -1), token(n, -1), choice(n, -1), slot(n, -1), load(experts, 3);
    for (int i = 0; i < n; i++) index[i] = below(experts);
    Buf<int> want_ends(experts), want_token(n), want_choice(n), want_slot(n), want_load(experts, 3);
    for (int e = 0, at = 0; e < experts; e++) {
        for (int i = 0; i < n; i++)
            if (index[i] == e) {
                want_choice[at] = i;
                want_token[at] = i / k;
                want_slot[i] = at++;
                want_load[e]++;
            }
        want_ends[e] = at;
    }
    LAUNCH(few_group, 1, 1024, 0)(index, n, k, experts, ends, token, choice, slot, load);
    same(what, ends.p, want_ends.p, experts);
    same(what, token.p, want_token.p, n);
    same(what, choice.p, want_choice.p, n);
    same(what, slot.p, want_slot.p, n);
    same(what, load.p, want_load.p, experts);
}

static void draws(int vocab, float temperature) {
    auto what = text("draws from %d tokens at temperature %g", vocab, temperature);
    const int rows = 4, n = 12;
    auto logits = random((size_t)rows * vocab, 3);
    for (int r = 0; r < rows; r++) logits[r * vocab + below(vocab)] = -INFINITY;
    logits[vocab / 2] = logits[vocab - 1] = 20; // two that are equal
    Buf<int> row(n), id(n), drawn(3 * n, -7);
    Buf<double> u(n);
    Buf<float> logprob(nan(2 * n));
    std::vector<double> want(2 * n);
    std::vector<std::vector<double>> share(n);
    for (int i = 0; i < n; i++) {
        row[i] = i % rows;
        u[i] = i == 0 ? 0 : i == 1 ? 1 - 1e-16 : uniform();
        double sum = 0;
        share[i].resize(vocab);
        for (int c = 0; c < vocab; c++) sum += share[i][c] = std::exp((logits[row[i] * vocab + c] - 20.0) / (temperature > 0 ? temperature : 1));
        for (double &s : share[i]) s /= sum;
    }
    LAUNCH(draw_token, n, 1024, 0)(drawn, logits, row, u, vocab, temperature);
    for (int i = 0; i < n; i++) {
        id[i] = drawn[3 * i];
        logprob[2 * i] = __int_as_float(drawn[3 * i + 1]);
        logprob[2 * i + 1] = __int_as_float(drawn[3 * i + 2]);
    }
    for (int i = 0; i < n; i++) {
        const float *x = logits + row[i] * vocab;
        double plain = 0, before = 0;
        int best = 0;
        for (int c = 0; c < vocab; c++) {
            plain += std::exp((double)x[c]);
            best = x[c] > x[best] ? c : best;
            before += c < id[i] ? share[i][c] : 0;
        }
        if (temperature == 0) same(what, id + i, &best, 1);
        else if (id[i] < 0 || id[i] >= vocab || share[i][id[i]] == 0 || u[i] < before - 1e-6 || u[i] > before + share[i][id[i]] + 1e-6) {
            fprintf(stderr, "%s: draw %d with %g is %d, from %g on\n", what.c_str(), i, (double)u[i], id[i], before);
            exit(1);
        }
        want[2 * i] = x[id[i]] - std::log(plain);
        want[2 * i + 1] = temperature == 0 ? 0 : std::log(share[i][id[i]]);
    }
    near(what, logprob, want, 10, 1e-6);
    for (float bad : {NAN, INFINITY}) {
        logits[vocab + vocab / 3] = bad;
        LAUNCH(draw_token, n, 1024, 0)(drawn, logits, row, u, vocab, temperature);
        for (int i = 0; i < n; i++)
            if ((drawn[3 * i] < 0) != (row[i] == 1)) {
                fprintf(stderr, "%s: draw %d of logits that are not finite is %d\n", what.c_str(), i, drawn[3 * i]);
                exit(1);
            }
    }
}

void decoding() {
    for (int splits : {1, 3, 9}) {
        latent_case<float>(3, 1, 4, 2, 4, splits);
        latent_case<float>(3, 11, 40, 32, 16, splits);
        latent_case<bf16>(2, 8, 160, 128, 16, splits);
    }
    latent_case<float>(1, 2, 576, 512, 8, 2);
    for (int splits : {1, 3}) {
        latent_case<bf16>(3, 11, 48, 16, 16, splits, true);
        latent_case<bf16>(2, 20, 160, 128, 32, splits, true);
    }
    latent_case<bf16>(1, 16, 576, 512, 64, 2, true);
    for (int splits : {4, 12}) {
        grouped_case<float>(3, 4, 2, 6, 4, splits);
        grouped_case<float>(2, 10, 5, 136, 8, splits);
        grouped_case<bf16>(3, 6, 1, 64, 16, splits);
        grouped_case<bf16>(2, 2, 2, 250, 4, splits);
    }
    for (bool queries : {true, false}) {
        keep_latent_case<float>(3, 6, 4, 12, queries);
        keep_latent_case<bf16>(2, 16, 8, 300, queries);
        keep_grouped_case<float>(6, 2, 6, queries);
        keep_grouped_case<bf16>(2, 2, 64, queries);
    }
    for (bool gathered : {true, false}) {
        few_case<float>(3, 2, 7, 9, 21, gathered);
        few_case<float>(8, 2, 3, 40, 1100, gathered);
        few_case<bf16>(5, 2, 4, 33, 64, gathered);
    }
    few_groups(1, 2, 3);
    few_groups(128, 8, 64);
    few_groups(5, 8, 1024);
    for (float temperature : {0.0f, 1.0f, 0.6f}) {
        draws(61, temperature);
        draws(5000, temperature);
    }
}

} // namespace check
