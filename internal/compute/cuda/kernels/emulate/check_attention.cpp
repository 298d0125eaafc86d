// Attention, forwards and backwards, in float and on tensor cores.
#include "check.h"

namespace check {

struct Case {
    int batch, seq, heads, group, nope, rope, v;
    bool half;
    int docs; // 0: none, 1: every token, 2: about the edges of blocks, 3: random
};

// Heads are laid out as the tape does, with spare columns around them. Latent attention has one rotary key for all heads.
struct Problem {
    Case s;
    int n, d, kv, ldq, ldn, ldr, ldv, rope_stride, v_off, r_off;
    Buf<float> q, kn, kr, vv, cos, sin, dout;
    Buf<int> doc;
    float scale;
    explicit Problem(const Case &s)
        : s(s), n(s.batch * s.seq), d(s.nope + s.rope), kv(s.heads / s.group), ldq(s.heads * d + 3), ldn(s.heads * (s.nope + s.v) + 1),
          ldr(s.nope ? s.rope + 4 : kv * s.rope + 1), ldv(s.nope ? ldn : kv * s.v + 2), rope_stride(s.nope ? 0 : s.rope), v_off(s.nope), r_off(s.nope ? 4 : 1),
          q(random((size_t)n * ldq)), kn(random(s.nope ? (size_t)n * ldn : 0)), kr(random((size_t)n * ldr)), vv(random(s.nope ? 0 : (size_t)n * ldv)),
          cos(s.seq * s.rope / 2), sin(s.seq * s.rope / 2), dout(random((size_t)n * s.heads * s.v)), doc(n), scale((float)(1 / std::sqrt((double)d))) {
        for (size_t i = 0; i < cos.n; i++) {
            double a = 7 * uniform();
            cos[i] = (float)(1.1 * std::cos(a)); // YaRN scales them
            sin[i] = (float)(1.1 * std::sin(a));
        }
        for (int b = 0; b < s.batch; b++)
            for (int t = 0, start = 0; t < s.seq; t++) {
                bool edge = t == 1 + b || t == 31 || t == 63 || t == 64 || t == 65 || t == 130 + b;
                if (s.docs == 1 || (s.docs == 2 && edge) || (s.docs == 3 && below(20) == 0)) start = t;
                doc[b * s.seq + t] = start;
            }
    }
    const int *starts() const { return s.docs ? doc.p : nullptr; }
    float *value() const { return s.nope ? kn + v_off : vv.p; }
    int value_stride() const { return s.nope ? s.nope + s.v : s.v; }
};

static void turn(const Problem &p, double *x, int t, double sign) {
    int pairs = p.s.rope / 2;
    for (int i = 0; i < pairs; i++) {
        int a = p.s.half ? i : 2 * i, b = p.s.half ? pairs + i : 2 * i + 1;
        double c = p.cos[t * pairs + i], s = sign * p.sin[t * pairs + i], x0 = x[a], y0 = x[b];
        x[a] = c * x0 - s * y0;
        x[b] = s * x0 + c * y0;
    }
}

struct Reference {
    std::vector<double> out, lse, top, dq, dkn, dkr, dv;
};

static std::vector<double> head_row(const Problem &p, int b, int t, int head, bool key) {
    std::vector<double> x(p.d);
    size_t row = (size_t)b * p.s.seq + t;
    for (int j = 0; j < p.d; j++) {
        if (!key) x[j] = p.q[row * p.ldq + 2 + head * p.d + j];
        else if (j < p.s.nope) x[j] = p.kn[row * p.ldn + head * (p.s.nope + p.s.v) + j];
        else x[j] = p.kr[row * p.ldr + p.r_off + head * p.rope_stride + j - p.s.nope];
    }
    turn(p, x.data() + p.s.nope, t, 1);
    return x;
}

static Reference reference(const Problem &p, const std::vector<double> &dkr_before) {
    const Case &s = p.s;
    Reference r;
    r.out.resize((size_t)p.n * s.heads * s.v);
    r.lse.resize(p.n * s.heads);
    r.top.assign(s.heads, -INFINITY);
    r.dq.resize((size_t)p.n * s.heads * p.d);
    r.dkn.resize((size_t)p.n * s.heads * s.nope);
    r.dv.resize((size_t)p.n * p.kv * s.v);
    r.dkr = dkr_before;
    for (int b = 0; b < s.batch; b++)
        for (int h = 0; h < s.heads; h++) {
            int g = h / s.group;
            std::vector<std::vector<double>> keys;
            for (int t = 0; t < s.seq; t++) keys.push_back(head_row(p, b, t, g, true));
            for (int t = 0; t < s.seq; t++) {
                size_t row = (size_t)b * s.seq + t;
                auto query = head_row(p, b, t, h, false);
                int first = s.docs ? p.doc[row] : 0;
                std::vector<double> z, w, dp;
                double top = -INFINITY, sum = 0, mean = 0;
                for (int k = first; k <= t; k++) {
                    double x = 0;
                    for (int j = 0; j < p.d; j++) x += query[j] * keys[k][j];
                    z.push_back(x * p.scale);
                    top = std::max(top, z.back());
                }
                for (double x : z) sum += std::exp(x - top);
                r.lse[((size_t)b * s.heads + h) * s.seq + t] = top + std::log(sum);
                r.top[h] = std::max(r.top[h], top);
                for (size_t i = 0; i < z.size(); i++) {
                    w.push_back(std::exp(z[i] - top) / sum);
                    dp.push_back(0);
                    const float *value = p.value() + ((size_t)b * s.seq + first + i) * p.ldv + g * p.value_stride();
                    for (int j = 0; j < s.v; j++) {
                        double dout = p.dout[(row * s.heads + h) * s.v + j];
                        r.out[(row * s.heads + h) * s.v + j] += w[i] * value[j];
                        dp[i] += dout * value[j];
                        r.dv[(((size_t)b * s.seq + first + i) * p.kv + g) * s.v + j] += w[i] * dout;
                    }
                    mean += w[i] * dp[i];
                }
                std::vector<double> dq(p.d);
                for (size_t i = 0; i < z.size(); i++) {
                    double dz = w[i] * (dp[i] - mean) * p.scale;
                    std::vector<double> dk(p.d);
                    for (int j = 0; j < p.d; j++) {
                        dq[j] += dz * keys[first + i][j];
                        dk[j] = dz * query[j];
                    }
                    turn(p, dk.data() + s.nope, first + (int)i, -1);
                    size_t at = (size_t)b * s.seq + first + i;
                    for (int j = 0; j < s.nope; j++) r.dkn[(at * s.heads + g) * s.nope + j] += dk[j];
                    for (int j = 0; j < s.rope; j++) r.dkr[at * p.ldr + p.r_off + g * p.rope_stride + j] += dk[s.nope + j];
                }
                turn(p, dq.data() + s.nope, t, -1);
                for (int j = 0; j < p.d; j++) r.dq[(row * s.heads + h) * p.d + j] = dq[j];
            }
        }
    return r;
}

const float outside = 12345;

// heads_of takes the columns of heads out of rows ld apart and checks that what lies beside them is as it was.
static std::vector<float> heads_of(const std::string &what, const Buf<float> &x, int rows, int ld, int off, int stride, int heads, int width, int also_off = 0,
                                   int also_width = 0) {
    std::vector<float> out;
    for (int r = 0; r < rows; r++) {
        std::vector<bool> mine(ld);
        for (int h = 0; h < heads; h++) {
            for (int j = 0; j < width; j++) {
                out.push_back(x[(size_t)r * ld + off + h * stride + j]);
                mine[off + h * stride + j] = true;
            }
            for (int j = 0; j < also_width; j++) mine[also_off + h * stride + j] = true;
        }
        for (int c = 0; c < ld; c++)
            if (!mine[c]) same(what + ": beside the heads", x + (size_t)r * ld + c, &outside, 1);
    }
    return out;
}

struct Kernels {
    void (*forward)(float *, bf16 *, float *, float *, const bf16 *, const bf16 *, const bf16 *, const int *, int, int, int, int, float);
    void (*dq)(float *, int, int, const bf16 *, const bf16 *, const bf16 *, const bf16 *, const float *, const float *, const int *, const float *, const float *,
               int, int, int, int, int, int, float);
    void (*dkv)(float *, int, int, float *, int, int, int, float *, int, int, const bf16 *, const bf16 *, const bf16 *, const bf16 *, const float *,
                const float *, const int *, const float *, const float *, int, int, int, int, int, int, int, float);
    const char *names[3];
    int d, v, rows, keys, dq_rows, dkv_rows, step; // see kernels.h
    int forward_shared() const { return 2 * ((rows + keys) * (d + 8) + keys * (v + 8)); }
};

#define VARIANT(D, V, ...)                                                                                                                             \
    {attention_bf16_d##D##_v##V, attention_bf16_dq_d##D##_v##V, attention_bf16_dkv_d##D##_v##V,                                                      \
     {"attention_bf16_d" #D "_v" #V, "attention_bf16_dq_d" #D "_v" #V, "attention_bf16_dkv_d" #D "_v" #V}, D, V, __VA_ARGS__}
static const Kernels variants[] = {VARIANT(64, 64, 128, 64, 128, 128, 32), VARIANT(96, 64, 128, 64, 128, 128, 16), VARIANT(128, 128, 128, 64, 128, 64, 32),
                                   VARIANT(192, 128, 128, 32, 64, 64, 16)};

template <typename T> struct Packed {
    Buf<T> q, k, v, dout;
};

// run_case runs both passes through the float kernels (variant null) or those of a variant, and compares.
template <typename T> static void run_case(const Problem &p, const Kernels *variant, double tolerance) {
    const Case &s = p.s;
    auto what = text("attention %s, batch %d seq %d heads %d group %d head %d+%d and %d half %d docs %d", variant ? variant->names[0] : "float", s.batch, s.seq,
                     s.heads, s.group, s.nope, s.rope, s.v, s.half, s.docs);
    int D = variant ? variant->d : p.d, V = variant ? variant->v : s.v, BH = s.batch * s.heads, BK = s.batch * p.kv;
    Packed<T> a{Buf<T>((size_t)BH * s.seq * D), Buf<T>((size_t)BK * s.seq * D), Buf<T>((size_t)BK * s.seq * V), Buf<T>((size_t)BH * s.seq * V)};
    auto pack = [&](T *dst, const float *src, int ld, int stride, int nope, const float *rot, int ldr, int rs, int rope, int heads, int width) {
        dim3 grid(s.seq, s.batch);
        if constexpr (sizeof(T) == 4) LAUNCH(attention_pack_float, grid, 256, 0)(dst, src, ld, stride, nope, rot, ldr, rs, rope, p.cos, p.sin, s.half, heads, s.seq, width);
        else LAUNCH(attention_pack_bf16, grid, 256, 0)(dst, src, ld, stride, nope, rot, ldr, rs, rope, p.cos, p.sin, s.half, heads, s.seq, width);
    };
    pack(a.q, p.q + 2, p.ldq, p.d, s.nope, p.q + 2 + s.nope, p.ldq, p.d, s.rope, s.heads, D);
    pack(a.k, p.kn, p.ldn, s.nope + s.v, s.nope, p.kr + p.r_off, p.ldr, p.rope_stride, s.rope, p.kv, D);
    pack(a.v, p.value(), p.ldv, p.value_stride(), s.v, nullptr, 0, 0, 0, p.kv, V);
    pack(a.dout, p.dout, s.heads * s.v, s.v, s.v, nullptr, 0, 0, 0, s.heads, V);

    Buf<float> out(nan((size_t)p.n * s.heads * s.v)), lse(nan(BH * s.seq)), top(s.heads, -INFINITY), delta(nan(BH * s.seq));
    Buf<bf16> half(out.n);
    dim3 grid(parts(s.seq, variant ? variant->rows : 32), s.heads, s.batch), dq_grid(parts(s.seq, variant ? variant->dq_rows : 32), s.heads, s.batch),
        kv_grid(parts(s.seq, variant ? variant->dkv_rows : 32), p.kv, s.batch);
    if constexpr (sizeof(T) == 4)
        LAUNCH(attention_float, grid, 256, 4 * (2 * 32 * (D + 1) + 32 * V + 32 * 33))(out, lse, top, a.q, a.k, a.v, p.starts(), s.seq, s.heads, s.group, D, s.v, p.scale);
    else
        launcher(variant->forward, variant->names[0], grid, 128, variant->forward_shared())(out, half, lse, top, a.q, a.k, a.v, p.starts(), s.seq, s.heads, s.group, s.v, p.scale);

    Buf<float> dkr(random(p.kr.n));
    auto want = reference(p, wide(dkr));
    near(what + ": out", out, want.out, 0, tolerance);
    if (variant) same_half(what + ": out", half, out, out.n);
    near(what + ": lse", lse, want.lse, 1, tolerance * 4);
    near(what + ": max logit", top, want.top, 1, tolerance * 4);

    LAUNCH(attention_delta, dim3(s.seq, s.batch), 256, 0)(delta, out, p.dout, s.heads, s.seq, s.v);
    Buf<float> dq(p.q.n, outside), dkn(p.kn.n, outside), dvv(p.vv.n, outside), rope_parts(nan((size_t)BH * s.seq * s.rope));
    float *dv = s.nope ? dkn + p.v_off : dvv.p;
    bool shared_rope = s.nope > 0 && s.heads > 1;
    float *rope_to = shared_rope ? rope_parts.p : dkr + p.r_off;
    size_t bytes = 4 * (2 * 32 * (D + 1) + 2 * 32 * (V + 1) + 32 * 33), kv_bytes = bytes + 4 * 32 * 33;
    if (variant) {
        bytes = std::max(2 * (variant->dq_rows + 32) * (D + V + 16), 4 * variant->dq_rows * (D + 4));
        kv_bytes = std::max(2 * (variant->dkv_rows + variant->step) * (D + V + 16) + 12 * variant->step, 4 * variant->dkv_rows * (D + 4));
    }
    if constexpr (sizeof(T) == 4) {
        LAUNCH(attention_float_dq, grid, 256, bytes)(dq + 2, p.ldq, p.d, a.q, a.k, a.v, a.dout, lse, delta, p.starts(), p.cos, p.sin, s.half, s.seq, s.heads, s.group, s.nope, s.rope, s.v, p.scale);
        LAUNCH(attention_float_dkv, kv_grid, 256, kv_bytes)(dkn, p.ldn, s.nope + s.v, rope_to, p.ldr, p.rope_stride, shared_rope, dv, p.ldv, p.value_stride(), a.q, a.k, a.v, a.dout, lse, delta, p.starts(), p.cos, p.sin, s.half, s.seq, s.heads, s.group, s.nope, s.rope, s.v, p.scale);
    } else {
        launcher(variant->dq, variant->names[1], dq_grid, 128, bytes)(dq + 2, p.ldq, p.d, a.q, a.k, a.v, a.dout, lse, delta, p.starts(), p.cos, p.sin, s.half, s.seq, s.heads, s.group, s.nope, s.rope, p.scale);
        launcher(variant->dkv, variant->names[2], kv_grid, 128, kv_bytes)(dkn, p.ldn, s.nope + s.v, rope_to, p.ldr, p.rope_stride, shared_rope, dv, p.ldv, p.value_stride(), a.q, a.k, a.v, a.dout, lse, delta, p.starts(), p.cos, p.sin, s.half, s.seq, s.heads, s.group, s.nope, s.rope, s.v, p.scale);
    }
    if (shared_rope) LAUNCH(attention_sum_rope, parts((long long)p.n * s.rope, 256), 256, 0)(dkr + p.r_off, p.ldr, rope_parts, s.batch, s.heads, s.seq, s.rope);

    auto size = [](const std::vector<double> &x) { // where every query sees one key only, gradients of queries are zero up to rounding
        double m = 1;
        for (double v : x) m = std::max(m, std::fabs(v));
        return m;
    };
    auto compare = [&](const char *name, const std::vector<float> &got, const std::vector<double> &w) { near(what + ": " + name, got.data(), w, size(w), tolerance); };
    compare("dq", heads_of(what + ": dq", dq, p.n, p.ldq, 2, p.d, s.heads, p.d), want.dq);
    if (s.nope) {
        compare("dk nope", heads_of(what + ": dk", dkn, p.n, p.ldn, 0, s.nope + s.v, s.heads, s.nope, s.nope, s.v), want.dkn);
        compare("dv", heads_of(what + ": dv", dkn, p.n, p.ldn, s.nope, s.nope + s.v, s.heads, s.v, 0, s.nope), want.dv);
    } else
        compare("dv", heads_of(what + ": dv", dvv, p.n, p.ldv, 0, s.v, p.kv, s.v), want.dv);
    near(what + ": dk rope", dkr, want.dkr, size(want.dkr), tolerance);
}

static const Case cases[] = {
    {1, 1, 1, 1, 1, 2, 1, false, 0}, {3, 1, 2, 1, 3, 2, 5, false, 1},   {2, 2, 3, 1, 4, 4, 3, false, 0},     {1, 63, 2, 1, 5, 4, 7, false, 3},
    {2, 64, 3, 1, 8, 2, 8, false, 0}, {1, 64, 2, 1, 3, 6, 33, true, 2}, {1, 129, 2, 1, 32, 16, 32, false, 1}, {1, 200, 2, 1, 6, 4, 5, false, 3},
    {2, 1, 4, 2, 0, 2, 1, true, 0},   {2, 65, 4, 2, 0, 8, 8, true, 0},  {1, 150, 4, 1, 0, 16, 16, true, 3},   {1, 190, 2, 2, 0, 4, 9, true, 2},
};

// The head sizes of the presets, and each variant with queries on both sides of a block.
static const Case wide_cases[] = {
    {1, 70, 2, 1, 32, 32, 64, false, 2}, {2, 130, 2, 1, 64, 32, 64, false, 0}, {1, 65, 4, 2, 0, 64, 64, true, 3},
    {1, 129, 2, 2, 0, 128, 128, true, 2}, {1, 66, 1, 1, 128, 64, 128, false, 0}, {1, 130, 2, 1, 128, 64, 128, false, 3},
};

// special runs the forward kernels on a problem and hands out the results.
template <typename T> static void special(const Problem &p, const Kernels *variant, Buf<float> &out, Buf<float> &top) {
    const Case &s = p.s;
    int D = variant ? variant->d : p.d, V = variant ? variant->v : s.v;
    Buf<T> q((size_t)p.n * s.heads * D), k((size_t)p.n * s.heads * D), v((size_t)p.n * s.heads * V);
    Buf<float> lse((size_t)p.n * s.heads);
    dim3 rows(s.seq, s.batch);
    if constexpr (sizeof(T) == 4) {
        LAUNCH(attention_pack_float, rows, 256, 0)(q, p.q + 2, p.ldq, p.d, s.nope, p.q + 2 + s.nope, p.ldq, p.d, s.rope, p.cos, p.sin, s.half, s.heads, s.seq, D);
        LAUNCH(attention_pack_float, rows, 256, 0)(k, p.kn, p.ldn, s.nope + s.v, s.nope, p.kr + p.r_off, p.ldr, 0, s.rope, p.cos, p.sin, s.half, s.heads, s.seq, D);
        LAUNCH(attention_pack_float, rows, 256, 0)(v, p.value(), p.ldv, p.value_stride(), s.v, nullptr, 0, 0, 0, p.cos, p.sin, 0, s.heads, s.seq, V);
        LAUNCH(attention_float, dim3(parts(s.seq, 32), s.heads, s.batch), 256, 4 * (2 * 32 * (D + 1) + 32 * V + 32 * 33))(out, lse, top, q, k, v, p.starts(), s.seq, s.heads, 1, D, s.v, p.scale);
    } else {
        LAUNCH(attention_pack_bf16, rows, 256, 0)(q, p.q + 2, p.ldq, p.d, s.nope, p.q + 2 + s.nope, p.ldq, p.d, s.rope, p.cos, p.sin, s.half, s.heads, s.seq, D);
        LAUNCH(attention_pack_bf16, rows, 256, 0)(k, p.kn, p.ldn, s.nope + s.v, s.nope, p.kr + p.r_off, p.ldr, 0, s.rope, p.cos, p.sin, s.half, s.heads, s.seq, D);
        LAUNCH(attention_pack_bf16, rows, 256, 0)(v, p.value(), p.ldv, p.value_stride(), s.v, nullptr, 0, 0, 0, p.cos, p.sin, 0, s.heads, s.seq, V);
        launcher(variant->forward, variant->names[0], dim3(parts(s.seq, variant->rows), s.heads, s.batch), 128, variant->forward_shared())(out, nullptr, lse, top, q, k, v, p.starts(), s.seq, s.heads, 1, s.v, p.scale);
    }
}

static void expect(bool ok, const std::string &what) {
    if (ok) return;
    fprintf(stderr, "%s\n", what.c_str());
    exit(1);
}

// A NaN in a query stays in its row and is the head's largest logit from then on; the largest logit is never lowered, and
// logits of 10000, exact in bf16 too, lose nothing.
template <typename T> static void special_cases(const Kernels *variant) {
    Problem p({2, 70, 2, 1, 4, 2, 3, false, 0});
    Buf<float> out(p.n * 2 * 3), top(2, -INFINITY);
    const int bad = 67;
    float &x = p.q[bad * p.ldq + 2 + p.d], good = x;
    x = NAN;
    special<T>(p, variant, out, top);
    for (size_t i = 0; i < out.n; i++) expect((out[i] != out[i]) == (i / 6 == bad && i / 3 % 2 == 1), text("attention with NaN in a query: element %zu", i));
    expect(top[0] == top[0] && top[1] != top[1], "attention: the largest logit of a head with NaN");
    x = good;
    special<T>(p, variant, out, top);
    expect(top[0] == top[0] && top[1] != top[1], "attention: NaN stays the largest logit");
    top[0] = 1e6f;
    special<T>(p, variant, out, top);
    expect(top[0] == 1e6f, "attention: the largest logit is not lowered");

    Problem large({1, 70, 2, 1, 2, 2, 3, false, 3});
    for (size_t i = 0; i < large.cos.n; i++) large.cos[i] = 1, large.sin[i] = 0;
    large.scale = 1;
    for (auto *b : {&large.q, &large.kn, &large.kr})
        for (size_t i = 0; i < b->n; i++) (*b)[i] = (float)(below(101) - 50);
    Buf<float> out2(large.n * 2 * 3), top2(2, -INFINITY);
    special<T>(large, variant, out2, top2);
    auto want = reference(large, wide(large.kr));
    near("attention with logits of thousands: out", out2, want.out, 0, variant ? 1e-2 : float_tolerance);
    for (int h = 0; h < 2; h++) expect(top2[h] == want.top[h] && top2[h] > 1000, "attention: large logits are exact");
}

void attention() {
    for (auto &s : cases) {
        Problem p(s);
        run_case<float>(p, nullptr, float_tolerance);
        run_case<bf16>(p, &variants[0], 2e-2);
    }
    for (auto &s : wide_cases) {
        Problem p(s);
        if (s.seq < 100) run_case<float>(p, nullptr, float_tolerance);
        for (auto &v : variants)
            if (v.d >= p.d && v.v >= s.v) run_case<bf16>(p, &v, 2e-2);
    }
    special_cases<float>(nullptr);
    special_cases<bf16>(&variants[0]);
}

} // namespace check
