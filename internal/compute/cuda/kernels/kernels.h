// Every kernel of the CUDA backend: its arguments and the geometry it is launched with. The host side relies on
// the comment before each declaration; the compiler checks that the definitions agree.
//
// Conventions. Matrices are row-major float unless named bf16, which is unsigned short. "Any grid" means that the
// kernel strides over its work, so that every number of blocks from 1 on is right; as many as fit a multiprocessor
// at a time are a good one. Block sizes are fixed unless a range is given. "shared" is the dynamic shared memory in bytes; above
// 48 KiB the function attribute MAX_DYNAMIC_SHARED_SIZE_BYTES must be raised first. ceil(a/b) rounds up. A grid with
// a zero must not be launched: there is nothing to do. No kernel adds floats by atomics: results have the same bits
// in every run, and the grids of "any grid" kernels do not change them.
#pragma once

#define KERNEL extern "C" __global__ void

typedef unsigned short bf16;

// ---- elementwise.cu ----

// any grid, block 256, shared 0. dst += src.
KERNEL add(float *dst, const float *src, long long n);
// any grid, block 256, shared 0. dst = a src; dst may be src.
KERNEL scale(float *dst, const float *src, float a, long long n);
// any grid, block 256, shared 0. To bf16, round to nearest even.
KERNEL cast_bf16(bf16 *dst, const float *src, long long n);
// grid rows, block 32..1024 in steps of 32, shared 0. Rows of width bf16, each at the beginning of its row of x, become
// float in place.
KERNEL widen(float *x, int width);
// grid (ceil(n/256), batch), block 256, shared 0. x[b][i][i] += a for matrices stride elements apart.
KERNEL add_diagonal(float *x, float a, int n, int ld, long long stride);

// ---- rows.cu ----

// grid ceil(n/8), block (32, 8), shared 0. dst[i] = src[rows[i]]; Embed and Gather.
KERNEL gather(float *dst, const float *src, const int *rows, int n, int width);
// any grid, block 256, shared 0. The same for rows of fewer than 32, in which a warp has too little to do.
KERNEL gather_narrow(float *dst, const float *src, const int *rows, int n, int width);
// grid ceil(tokens/8), block (32, 8), shared 0. dst[t] += sum_j w[t*k+j] src[slot[t*k+j]]; w may be null.
KERNEL combine(float *dst, const float *src, const int *slot, const float *w, int tokens, int k, int width);
// grid rows, block 32..1024 in steps of 32, shared 0. dst head h += src head h; strides are between heads, 0 is one for all.
KERNEL add_heads(float *dst, int ld_dst, int stride_dst, const float *src, int ld_src, int stride_src, int heads, int width);
// grid (n, ceil(width/128)), block 128, shared 0. dtable[ids[i]] += dout[order[i]] where equal ids lie side by side
// in ids, as sort_* leave them: ids sorted, order the positions before sorting.
KERNEL embed_backward(float *dtable, const float *dout, const int *ids, const int *order, int n, int width);

// ---- sort.cu: stable counting sort of n keys by the digit (key >> shift) & mask, below bins <= 1024 ----
// Group: one pass with shift 0, mask 1023, bins = experts, keys = index, values null; out_values is Groups.Choice.
// Embedding ids below 2^(10 p): p passes with shift 0, 10, .. and bins 1024, values null in the first.
// chunks = ceil(n/1024); counts holds bins*chunks ints.

// grid chunks, block 256, shared 0. counts[bin*chunks+chunk] = keys of the chunk in bin.
KERNEL sort_count(const int *keys, int n, int shift, int mask, int bins, int *counts);
// grid 1, block 1024, shared 0. Exclusive prefix sums of counts in place, total = bins*chunks.
KERNEL sort_scan(int *counts, int total);
// grid chunks, block 256, shared 0. Moves keys and values (null: their positions) to their places; out_keys may be null.
KERNEL sort_scatter(const int *keys, const int *values, int n, int shift, int mask, int bins, const int *counts,
                    int *out_keys, int *out_values);
// grid ceil(max(n, experts)/256), block 256, shared 0. After one pass: Groups.Ends, Token and Slot, and load += counts.
KERNEL group_finish(const int *counts, const int *choice, int n, int k, int experts, int *ends, int *token, int *slot,
                    int *load);

// ---- norm.cu ----

// grid rows, block 32..1024 in steps of 32 (any; min(1024, max(32, width/4 rounded up to 32)) is good), shared 0.
// y = x rstd w, which half gets too where it is not null; where delta is not null the row is x + delta, which is written to
// delta.
KERNEL rmsnorm(float *y, bf16 *half, float *rstd, const float *x, int ldx, float *delta, const float *w, int width, float eps);
// grid ceil(rows/16), block as for rmsnorm, shared 4*width. dx += ..; half gets the sum too, rows x width, where it is not
// null; partial is ceil(rows/16) x width.
KERNEL rmsnorm_backward(float *dx, int lddx, bf16 *half, float *partial, const float *dy, const float *x, int ldx,
                        const float *w, const float *rstd, int rows, int width);
// grid ceil(width/32), block (32, 32), shared 0. dst[j] += sum over the rows i of partial[i][j].
KERNEL column_sums(float *dst, const float *partial, int rows, int width);

// ---- swiglu.cu ----

// any grid, block 256, shared 0. Rows of gu are [gate | up]; n = rows*width.
KERNEL swiglu(float *act, const float *gu, int width, long long n);
// The same with act in bf16, each row where its float row begins.
KERNEL swiglu_bf16(float *act, const float *gu, int width, long long n);
// grid rows, block 32..1024 in steps of 32, shared 0. See compute.Backend; scale and dscale may be null.
KERNEL swiglu_backward(float *gu, const float *dact, float *act, const float *scale, float *dscale, int width);
// shared 4*width. The same with gu and act in bf16 afterwards, each row where its float row began.
KERNEL swiglu_backward_bf16(float *gu, const float *dact, float *act, const float *scale, float *dscale, int width);

// ---- router.cu ----

// grid ceil(tokens/4), block 128, shared 16*experts. scores: logits in, sigmoid out. norm is 0 or 1.
KERNEL route(float *scores, const float *bias, int *index, float *weight, int tokens, int experts, int topk, int norm,
             float scale);
// grid sequences, block 256, shared 4*experts. frequency and loss of each sequence of seq tokens.
KERNEL route_aux(const float *scores, const int *index, float *frequency, float *loss, int experts, int topk, int seq,
                 float aux_weight);
// grid ceil(tokens/4), block 128, shared 0. frequency is null and aux_weight 0 without the auxiliary loss.
KERNEL route_backward(const float *scores, const int *index, const float *dweight, const float *frequency,
                      float *dlogits, int tokens, int experts, int topk, int norm, float scale, int seq,
                      float aux_weight);

// grid 1, block 256, shared 0. See compute.Backend.
KERNEL balance(float *bias, const int *load, int experts, float rate);

// ---- loss.cu ----

// grid rows, block 32..1024 in steps of 32 (1024 for vocabularies), shared 0. Gradient in place of the logits.
KERNEL cross_entropy(float *loss, float *logits, const int *targets, int vocab, const float *scale);
// The same with the gradient in bf16, each row where its logits began.
KERNEL cross_entropy_bf16(float *loss, float *logits, const int *targets, int vocab, const float *scale);

// ---- attention_pack.cu: rows of heads with rotary embedding applied, as [batch][head][seq][width] ----

// grid (seq, batch), block 256, shared 0. Row = [nope columns of src | rope columns of rot, turned | zeros]. src and rot
// point at column Off of the first row; head h lies stride columns further on. cos and sin are seq x rope/2. For
// queries src = Q, rot = Q + nope; for keys src = KNope, rot = KRope; for values and gradients of the output rope = 0.
KERNEL attention_pack_float(float *dst, const float *src, int ld, int stride, int nope, const float *rot, int ld_rot,
                            int stride_rot, int rope, const float *cos, const float *sin, int rotate_half, int heads,
                            int seq, int width);
// The same geometry; width is even.
KERNEL attention_pack_bf16(bf16 *dst, const float *src, int ld, int stride, int nope, const float *rot, int ld_rot,
                           int stride_rot, int rope, const float *cos, const float *sin, int rotate_half, int heads,
                           int seq, int width);
// grid (seq, batch), block 256, shared 0. delta[batch][head][t] = dot of the head's columns of out and dout, each of
// v columns.
KERNEL attention_delta(float *delta, const float *out, const float *dout, int heads, int seq, int v);
// grid ceil(batch*seq*rope/256), block 256, shared 0. dkrope[row][j] += sum over heads of parts[batch][head][t][j].
KERNEL attention_sum_rope(float *dkrope, int ld, const float *parts, int batch, int heads, int seq, int rope);

// ---- attention_float.cu: float32 throughout; d, v <= 256 ----
// q, k and v are packed by attention_pack_float with width d (nope+rope) or v (no padding), dout with width v.
// doc_start may be null. out is (batch*seq) x (heads*v), lse batch x heads x seq. max_logit[head] is raised.

// grid (ceil(seq/32), heads, batch), block 256, shared 4*(32*(d+1) + 32*(d+1) + 32*v + 32*33).
KERNEL attention_float(float *out, float *lse, float *max_logit, const float *q, const float *k, const float *v,
                       const int *doc_start, int seq, int heads, int group, int d, int vdim, float scale);
// grid (ceil(seq/32), heads, batch), block 256, shared 4*(2*32*(d+1) + 2*32*(vdim+1) + 32*33). dq points at column Off of
// the gradient and is overwritten in its columns.
KERNEL attention_float_dq(float *dq, int ld, int stride, const float *q, const float *k, const float *v,
                          const float *dout, const float *lse, const float *delta, const int *doc_start,
                          const float *cos, const float *sin, int rotate_half, int seq, int heads, int group, int nope,
                          int rope, int vdim, float scale);
// grid (ceil(seq/32), heads/group, batch), block 256, shared 4*(2*32*(d+1) + 2*32*(vdim+1) + 2*32*33). dknope and dv are
// overwritten in their columns. rope_parts 0: adds to dkrope (columns as in HeadCols); 1: dkrope is KRopeParts, which is
// overwritten and then goes through attention_sum_rope (needed where KRope.Stride is 0 and there are several heads).
KERNEL attention_float_dkv(float *dknope, int ld_nope, int stride_nope, float *dkrope, int ld_rope, int stride_rope,
                           int rope_parts, float *dv, int ld_v, int stride_v, const float *q, const float *k,
                           const float *v, const float *dout, const float *lse, const float *delta,
                           const int *doc_start, const float *cos, const float *sin, int rotate_half, int seq,
                           int heads, int group, int nope, int rope, int vdim, float scale);

// ---- attention_bf16.cu: tensor cores, for the head sizes (D, V) = (64, 64), (96, 64), (128, 128), (192, 128) ----
// Take the first with D >= nope+rope and V >= v; without one, the float kernels. q, k: packed by attention_pack_bf16 with
// width D; v and dout with width V. vdim is the true v. Arguments and meanings as for the float kernels. A block has R
// queries or keys and takes K or S others at a time:
//
//     D, V        forward      dq      dkv
//     64, 64      R 128 K 64   R 128   R 128 S 32
//     96, 64      R 128 K 64   R 128   R 128 S 16
//     128, 128    R 128 K 64   R 128   R 64  S 32
//     192, 128    R 128 K 32   R 64    R 64  S 16

// grid (ceil(seq/R), heads, batch), block 128, shared 2*((R+K)*(D+8) + K*(V+8)).
// half gets out too, in bf16; it may be null.
KERNEL attention_bf16_d64_v64(float *out, bf16 *half, float *lse, float *max_logit, const bf16 *q, const bf16 *k,
                              const bf16 *v, const int *doc_start, int seq, int heads, int group, int vdim, float scale);
KERNEL attention_bf16_d96_v64(float *out, bf16 *half, float *lse, float *max_logit, const bf16 *q, const bf16 *k,
                              const bf16 *v, const int *doc_start, int seq, int heads, int group, int vdim, float scale);
KERNEL attention_bf16_d128_v128(float *out, bf16 *half, float *lse, float *max_logit, const bf16 *q, const bf16 *k,
                                const bf16 *v, const int *doc_start, int seq, int heads, int group, int vdim, float scale);
KERNEL attention_bf16_d192_v128(float *out, bf16 *half, float *lse, float *max_logit, const bf16 *q, const bf16 *k,
                                const bf16 *v, const int *doc_start, int seq, int heads, int group, int vdim, float scale);

// grid (ceil(seq/R), heads, batch), block 128, shared max(2*(R+32)*(D+V+16), 4*R*(D+4)).
#define ATTENTION_DQ(name)                                                                                             \
    KERNEL name(float *dq, int ld, int stride, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout,          \
                const float *lse, const float *delta, const int *doc_start, const float *cos, const float *sin,        \
                int rotate_half, int seq, int heads, int group, int nope, int rope, float scale)
ATTENTION_DQ(attention_bf16_dq_d64_v64);
ATTENTION_DQ(attention_bf16_dq_d96_v64);
ATTENTION_DQ(attention_bf16_dq_d128_v128);
ATTENTION_DQ(attention_bf16_dq_d192_v128);

// grid (ceil(seq/R), heads/group, batch), block 128, shared max(2*(R+S)*(D+V+16) + 12*S, 4*R*(D+4)).
#define ATTENTION_DKV(name)                                                                                            \
    KERNEL name(float *dknope, int ld_nope, int stride_nope, float *dkrope, int ld_rope, int stride_rope,              \
                int rope_parts, float *dv, int ld_v, int stride_v, const bf16 *q, const bf16 *k, const bf16 *v,        \
                const bf16 *dout, const float *lse, const float *delta, const int *doc_start, const float *cos,        \
                const float *sin, int rotate_half, int seq, int heads, int group, int nope, int rope, int vdim,        \
                float scale)
ATTENTION_DKV(attention_bf16_dkv_d64_v64);
ATTENTION_DKV(attention_bf16_dkv_d96_v64);
ATTENTION_DKV(attention_bf16_dkv_d128_v128);
ATTENTION_DKV(attention_bf16_dkv_d192_v128);

// ---- grouped_float.cu and grouped_bf16.cu: experts <= 1024 ----
// Rows ends[e-1]..ends[e] of x (row i is x[rows[i]] where rows is not null) times expert e's matrix, which begins at
// e*stride. nt: W_e is out x in and y = x W_e^T (transW true). nn: W_e is in x out and y = x W_e. The bf16 kernels have bf16
// operands, of which x and dy may have their rows further apart than these are long, and give float.

// any grid, block 256, shared 0.
KERNEL grouped_gemm_float_nt(float *y, const float *x, const int *rows, const float *w, const int *ends, int experts,
                             long long stride, int out, int in);
KERNEL grouped_gemm_float_nn(float *y, const float *x, const int *rows, const float *w, const int *ends, int experts,
                             long long stride, int out, int in);
// any grid, block 128, shared 61440.
KERNEL grouped_gemm_bf16_nt(float *y, const bf16 *x, int ldx, const int *rows, const bf16 *w, const int *ends, int experts,
                            long long stride, int out, int in);
KERNEL grouped_gemm_bf16_nn(float *y, const bf16 *x, int ldx, const int *rows, const bf16 *w, const int *ends, int experts,
                            long long stride, int out, int in);
// dW_e = dy_e^T x_e + beta dW_e, out x in; beta is 0 or 1. dy_rows and x_rows may be null.
// grid (ceil(in/64), ceil(out/64), experts), block 256, shared 0.
KERNEL grouped_weights_float(float *dw, const float *dy, const int *dy_rows, const float *x, const int *x_rows,
                             const int *ends, long long stride, int out, int in, float beta);
// grid (ceil(in/128), ceil(out/128), experts), block 128, shared 61440.
KERNEL grouped_weights_bf16(float *dw, const bf16 *dy, int ld_dy, const int *dy_rows, const bf16 *x, int ldx,
                            const int *x_rows, const int *ends, long long stride, int out, int in, float beta);

// ---- reduce.cu ----

// grid ceil(n/4096) = parts, block 256, shared 0. part[i] = sum of squares of the i-th 4096 elements.
KERNEL sum_squares(double *part, const float *x, long long n);
// grid batch, block 256, shared 0. out[b] = sum of part[b*n .. b*n+n).
KERNEL sum_parts(double *out, const double *part, int n);
// grid ceil(batch/256), block 256, shared 0. out = 1/(sqrt(sum)+eps).
KERNEL inverse_norms(float *out, const double *sum, int batch, float eps);

// ---- muon.cu: matrices of rows x cols, batch of them, the b-th at b*stride elements of m, g and w; y, x and o are dense ----

// grid (ceil(rows*cols/4096), batch), block 256, shared 0. m = mu m + g; y = g + mu m or m. part[b*grid.x+i]: squares of y.
KERNEL muon_momentum(float *m, const float *g, float *y, double *part, float mu, int nesterov, long long n,
                     long long stride);
// grid (ceil(cols/32), ceil(rows/32), batch), block (32, 8), shared 0. x = y * inverse[b], transposed where transpose is 1.
KERNEL muon_load_bf16(bf16 *x, const float *y, const float *inverse, int rows, int cols, int transpose);
KERNEL muon_load_float(float *x, const float *y, const float *inverse, int rows, int cols, int transpose);
// grid (ceil(n*n/1024), batch), block 256, shared 0. out = cc aa + cb a + ca I, matrices n x n.
KERNEL muon_polynomial_bf16(bf16 *out, const float *aa, const bf16 *a, float ca, float cb, float cc, int n);
// grid (ceil(cols/32), ceil(rows/32), batch), block (32, 8), shared 0. w = keep w - rate o, o transposed where
// transpose is 1. part[(b*grid.y+y)*grid.x+x]: squares of o.
KERNEL muon_apply_bf16(float *w, const bf16 *o, double *part, float keep, float rate, int rows, int cols,
                       long long stride, int transpose);
KERNEL muon_apply_float(float *w, const float *o, double *part, float keep, float rate, int rows, int cols,
                        long long stride, int transpose);

// ---- adamw.cu ----

// grid ceil(n/4096), block 256, shared 0. See compute.AdamStep; part[i]: squares of u.
KERNEL adamw(float *w, const float *g, float *m, float *v, double *part, float b1, float d1, float b2, float d2, float c1,
             float c2, float eps, float keep, float rate, long long n);

// ---- decode.cu, decode_mma.cu, decode_keep.cu: new tokens and a paged cache of keys and values; see compute.DecodeArgs ----
// table: addresses of pages, span for each sequence. Row i belongs to sequence owner[i] and is its position at[i]; -1 marks
// a row that is padding. A layer's rows of a page begin offset elements behind its address, page rows of them. A row of latent
// attention is [latent | rotary key], rank + rope elements; one of grouped-query attention the keys of all groups, then
// their values.

// grid rows, block 256, shared 0. Normalises the latent of kv, turns its rotary key, keeps both, and writes the turned rotary
// parts of q, rows x heads x (nope+rope), to the last rope columns of query, rows x heads x (rank+rope). q may be null, and so may
// half_q, a copy of q.
KERNEL keep_latent_float(const long long *table, const int *owner, const int *at, const float *kv, const float *w, float eps,
                         const float *q, float *query, bf16 *half_q, const float *cos, const float *sin, int heads, int nope, int rope,
                         int rank, int page, int span, long long offset);
KERNEL keep_latent_bf16(const long long *table, const int *owner, const int *at, const float *kv, const float *w, float eps,
                        const float *q, float *query, bf16 *half_q, const float *cos, const float *sin, int heads, int nope, int rope,
                        int rank, int page, int span, long long offset);
// grid rows, block 256, shared 0. Turns the keys k, rows x groups x d, keeps them and the values v, and turns q, rows x heads x
// d, in place. q may be null.
KERNEL keep_grouped_float(const long long *table, const int *owner, const int *at, float *q, const float *k, const float *v,
                          const float *cos, const float *sin, int heads, int groups, int d, int page, int span,
                          long long offset);
KERNEL keep_grouped_bf16(const long long *table, const int *owner, const int *at, float *q, const float *k, const float *v,
                         const float *cos, const float *sin, int heads, int groups, int d, int page, int span,
                         long long offset);

// Each row attends to positions 0 to at[i] of its sequence, which is cut into splits. part: rows x splits x heads x v; peak
// and sum: rows x splits x heads. query: rows x heads x d.

// grid (splits, ceil(heads/8), rows), block 128, shared 4*(8*d + 16*(d+1) + 8*17). The first d <= 576 columns of a cache row are
// the key, the first v of them the value.
KERNEL decode_latent_float(float *part, float *peak, float *sum, const float *query, const long long *table,
                           const int *owner, const int *at, int heads, int d, int v, int page, int span, long long offset,
                           float scale);
KERNEL decode_latent_bf16(float *part, float *peak, float *sum, const float *query, const long long *table,
                          const int *owner, const int *at, int heads, int d, int v, int page, int span, long long offset,
                          float scale);
// grid (splits, ceil(heads/16), rows), block 128, shared 2*(80*(d+8) + 16) + 4*16*33. The same by the tensor cores, which round the
// queries too. d and v are multiples of 16, v <= 512.
KERNEL decode_latent_mma(float *part, float *peak, float *sum, const float *query, const long long *table,
                         const int *owner, const int *at, int heads, int d, int v, int page, int span, long long offset,
                         float scale);
// grid (splits/4, heads/group * ceil(group/4), rows), block 128, shared 0; a warp takes a split. d <= 256 is the size of keys and
// values.
KERNEL decode_grouped_float(float *part, float *peak, float *sum, const float *query, const long long *table,
                            const int *owner, const int *at, int heads, int group, int d, int page, int span,
                            long long offset, float scale);
KERNEL decode_grouped_bf16(float *part, float *peak, float *sum, const float *query, const long long *table,
                           const int *owner, const int *at, int heads, int group, int d, int page, int span,
                           long long offset, float scale);
// grid (heads, rows), block 128, shared 0. Joins the splits; a row of padding gives zeros. half, a copy of out, may be null.
KERNEL decode_merge(float *out, bf16 *half, const float *part, const float *peak, const float *sum, int heads, int v, int splits);

// ---- decode_experts.cu ----

// grid 1, block 1024, shared 0. Groups of n <= 1024 choices of experts <= 1024, as the kernels of sort.cu make them.
KERNEL few_group(const int *index, int n, int k, int experts, int *ends, int *token, int *choice, int *slot, int *load);
// grouped_gemm_*_nt for few rows, which reads a matrix once for eight of them. Rows of x lie ldx apart.
// grid (ceil(out/32), experts), block 256, shared 0.
KERNEL few_rows_float(float *y, const float *x, int ldx, const int *rows, const float *w, const int *ends, long long stride,
                      int out, int in);
KERNEL few_rows_bf16(float *y, const bf16 *x, int ldx, const int *rows, const bf16 *w, const int *ends, long long stride,
                     int out, int in);

// ---- sample.cu ----

// grid draws, block 1024, shared 0. Draw i takes the token of row rows[i] of the logits in which the point u[i] of [0, 1) falls,
// the shares of exp(logit/temperature) lying behind each other; at temperature 0 the first largest logit. drawn: for each draw its
// token, -1 where a logit is NaN or +Inf, and the bits of its log-probability, of the model and of the draw (0 at temperature 0).
KERNEL draw_token(int *drawn, const float *logits, const int *rows, const double *u, int vocab,
                  float temperature);
