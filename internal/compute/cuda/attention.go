package cuda

import (
	"fmt"
	"slices"

	"muonclip/internal/compute"
)

// headSize is a pair of head sizes that the tensor-core kernels exist for, and how many queries or keys their blocks have
// forwards, for the gradients of queries and for those of keys, and take at a time; see kernels.h.
type headSize struct{ d, v, rows, keys, dqRows, dkvRows, step int }

var headSizes = []headSize{{64, 64, 128, 64, 128, 128, 32}, {96, 64, 128, 64, 128, 128, 16}, {128, 128, 128, 64, 128, 64, 32}, {192, 128, 128, 32, 64, 64, 16}}

// mostHead is the largest head of the float32 kernels.
const mostHead = 256

// attention is one call: where its packed operands lie, and the kernels for its head sizes.
type attention struct {
	*compute.AttentionArgs[float32]
	groups   int // key heads
	headSize     // d and v are the widths of packed rows
	bytes    int // of a packed element
	suffix   string
	threads  int
	q, k, w  uint64 // packed queries, keys and values
}

// attention picks the kernels and packs queries, keys and values: heads one after another, turned by RoPE.
func (b *Backend) attention(a *compute.AttentionArgs[float32]) attention {
	t := attention{AttentionArgs: a, groups: a.Heads / a.Group, bytes: 4, threads: 256}
	t.headSize = headSize{d: a.Nope + a.Rope, v: a.V, rows: 32, dqRows: 32, dkvRows: 32}
	if t.d > mostHead || t.v > mostHead {
		b.fail(&Error{Op: fmt.Sprintf("attention with heads of %d and %d: the kernels have room for %d; set train.device=cpu for this model", t.d, t.v, mostHead)})
	}
	if b.opt.Precision == BF16 {
		for _, s := range headSizes {
			if s.d >= t.d && s.v >= t.v {
				t.headSize, t.bytes, t.suffix, t.threads = s, 2, fmt.Sprintf("_d%d_v%d", s.d, s.v), 128
				break
			}
		}
	}
	rows := a.Batch * a.Seq
	t.q = b.temp(scratchA, t.bytes*rows*a.Heads*t.d)
	t.k = b.temp(scratchB, t.bytes*rows*t.groups*t.d)
	t.w = b.temp(scratchC, t.bytes*rows*t.groups*t.v)
	none := compute.HeadCols[float32]{}
	rotary := a.Q
	rotary.Off += a.Nope
	b.pack(&t, t.q, a.Q, a.Nope, rotary, a.Rope, a.Heads, t.d)
	b.pack(&t, t.k, a.KNope, a.Nope, a.KRope, a.Rope, t.groups, t.d)
	b.pack(&t, t.w, a.Value, a.V, none, 0, t.groups, t.v)
	return t
}

// kernel is the name of one of the attention kernels.
func (t *attention) kernel(pass string) string {
	if t.bytes == 4 {
		return "attention_float" + pass
	}
	return "attention_bf16" + pass + t.suffix
}

// pack writes rows of heads heads to dst: the plain columns of src and the columns of rot turned by RoPE.
func (b *Backend) pack(t *attention, dst uint64, src compute.HeadCols[float32], plain int, rot compute.HeadCols[float32], turned, heads, width int) {
	name := "attention_pack_float"
	if t.bytes == 2 {
		name = "attention_pack_bf16"
	}
	b.launch(name, xy(t.Seq, t.Batch), x(256), 0,
		dst, from(b, src.Data, src.Off), i32(src.Ld), i32(src.Stride), i32(plain), from(b, rot.Data, rot.Off), i32(rot.Ld), i32(rot.Stride), i32(turned),
		at(b, t.Cos), at(b, t.Sin), flag(t.RotateHalf), i32(heads), i32(t.Seq), i32(width))
}

// Attention computes causal softmax attention; see compute.AttentionArgs.
func (b *Backend) Attention(a *compute.AttentionArgs[float32]) {
	t := b.attention(a)
	args := []uint64{into(b, a.Out), into(b, a.LSE), onto(b, a.MaxLogit, 0), t.q, t.k, t.w, at(b, a.DocStart), i32(a.Seq), i32(a.Heads), i32(a.Group)}
	shared := 2 * ((t.rows+t.keys)*(t.d+8) + t.keys*(t.v+8))
	if t.bytes == 4 {
		shared = 4 * (32*(t.d+1) + 32*(t.d+1) + 32*t.v + 32*33)
		args = append(args, i32(t.d))
	} else {
		args = slices.Insert(args, 1, b.room(a.Out))
	}
	args = append(args, i32(a.V), f32(a.Scale))
	b.launch(t.kernel(""), xyz(ceil(a.Seq, t.rows), a.Heads, a.Batch), x(t.threads), shared, args...)
}

// AttentionBackward computes the gradients of Q, K and V; see compute.AttentionArgs. Queries, keys and values are packed
// again, which takes less than keeping them.
func (b *Backend) AttentionBackward(a *compute.AttentionArgs[float32]) {
	t := b.attention(a)
	rows := a.Batch * a.Seq
	dOut := b.temp(scratchD, t.bytes*rows*a.Heads*t.v)
	b.pack(&t, dOut, compute.HeadCols[float32]{Data: a.DOut, Ld: a.Heads * a.V, Stride: a.V}, a.V, compute.HeadCols[float32]{}, 0, a.Heads, t.v)
	delta := b.temp(scratchE, 4*rows*a.Heads)
	b.launch("attention_delta", xy(a.Seq, a.Batch), x(256), 0, delta, at(b, a.Out), at(b, a.DOut), i32(a.Heads), i32(a.Seq), i32(a.V))
	operands := []uint64{
		t.q, t.k, t.w, dOut, at(b, a.LSE), delta, at(b, a.DocStart), at(b, a.Cos), at(b, a.Sin), flag(a.RotateHalf),
		i32(a.Seq), i32(a.Heads), i32(a.Group), i32(a.Nope), i32(a.Rope),
	}
	b.attentionQueries(&t, operands)
	b.attentionKeys(&t, operands)
}

func (b *Backend) attentionQueries(t *attention, operands []uint64) {
	args := append([]uint64{into(b, t.Q.Grad) + 4*uint64(t.Q.Off), i32(t.Q.Ld), i32(t.Q.Stride)}, operands...)
	shared := max(2*(t.dqRows+32)*(t.d+t.v+16), 4*t.dqRows*(t.d+4))
	if t.bytes == 4 {
		shared = 4 * (2*32*(t.d+1) + 2*32*(t.v+1) + 32*33)
		args = append(args, i32(t.V))
	}
	args = append(args, f32(t.Scale))
	b.launch(t.kernel("_dq"), xyz(ceil(t.Seq, t.dqRows), t.Heads, t.Batch), x(t.threads), shared, args...)
}

func (b *Backend) attentionKeys(t *attention, operands []uint64) {
	// Where heads share a rotary key, each writes its part of the gradient and the parts are added up in their order.
	parts := t.KRope.Stride == 0 && t.groups > 1
	dRope := []uint64{onto(b, t.KRope.Grad, t.KRope.Off), i32(t.KRope.Ld), i32(t.KRope.Stride)}
	if parts {
		dRope = []uint64{into(b, t.KRopeParts), i32(t.Rope), 0}
	}
	args := []uint64{into(b, t.KNope.Grad) + 4*uint64(t.KNope.Off), i32(t.KNope.Ld), i32(t.KNope.Stride)}
	args = append(append(args, dRope...), flag(parts), into(b, t.Value.Grad)+4*uint64(t.Value.Off), i32(t.Value.Ld), i32(t.Value.Stride))
	args = append(append(args, operands...), i32(t.V), f32(t.Scale))
	shared := max(2*(t.dkvRows+t.step)*(t.d+t.v+16)+12*t.step, 4*t.dkvRows*(t.d+4))
	if t.bytes == 4 {
		shared = 4 * (2*32*(t.d+1) + 2*32*(t.v+1) + 2*32*33)
	}
	b.launch(t.kernel("_dkv"), xyz(ceil(t.Seq, t.dkvRows), t.groups, t.Batch), x(t.threads), shared, args...)
	if parts {
		n := t.Batch * t.Seq * t.Rope
		b.launch("attention_sum_rope", x(ceil(n, 256)), x(256), 0,
			onto(b, t.KRope.Grad, t.KRope.Off), i32(t.KRope.Ld), at(b, t.KRopeParts), i32(t.Batch), i32(t.groups), i32(t.Seq), i32(t.Rope))
	}
}
