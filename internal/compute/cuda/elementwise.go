package cuda

// Zero clears dst.
func (b *Backend) Zero(dst []float32) {
	if len(dst) == 0 {
		return
	}
	b.check()
	b.must("clear", b.drv.zero(uintptr(into(b, dst)), int64(len(dst))*4))
	b.block("clear")
}

// Add computes dst += src.
func (b *Backend) Add(dst, src []float32) {
	b.strided("add", len(dst), onto(b, dst, 0), at(b, src[:len(dst)]), i64(len(dst)))
}

// Embed copies rows of table: out[i] = table[ids[i]].
func (b *Backend) Embed(out, table []float32, ids []int32, width int) {
	b.Gather(out, table, ids, width)
}

// Gather copies rows: dst[i] = src[rows[i]].
func (b *Backend) Gather(dst, src []float32, rows []int32, width int) {
	if width < 32 {
		n := len(rows)
		b.strided("gather_narrow", n*width, into(b, dst), at(b, src), at(b, rows), i32(n), i32(width))
		return
	}
	b.launch("gather", x(ceil(len(rows), 8)), xy(32, 8), 0, into(b, dst), at(b, src), at(b, rows), i32(len(rows)), i32(width))
}

// Combine adds the weighted rows of each token's k slots: dst[t] += sum_j w[t,j] src[slot[t,j]].
func (b *Backend) Combine(dst, src []float32, slot []int32, w []float32, k, width int) {
	tokens := len(slot) / k
	b.launch("combine", x(ceil(tokens, 8)), xy(32, 8), 0, onto(b, dst, 0), at(b, src), at(b, slot), at(b, w), i32(tokens), i32(k), i32(width))
}

// digit is how many bits of a key one pass of the sort looks at.
const digit = 10

// EmbedBackward adds dOut[i] to dTable[ids[i]]: equal ids are brought together, in their order, and one block adds
// them up.
func (b *Backend) EmbedBackward(dTable, dOut []float32, ids []int32, width int) {
	n := len(ids)
	if n == 0 {
		return
	}
	const bins = 1 << digit
	counts := b.temp(scratchA, 4*bins*ceil(n, 1024))
	keys, order := at(b, ids), uint64(0)
	spare := [2][2]uint64{{b.temp(scratchB, 4*n), b.temp(scratchC, 4*n)}, {b.temp(scratchD, 4*n), b.temp(scratchE, 4*n)}}
	for pass := 0; pass == 0 || len(dTable)/width > 1<<(pass*digit); pass++ {
		to := spare[pass%2]
		b.sort(keys, order, n, pass*digit, bins, counts, to[0], to[1])
		keys, order = to[0], to[1]
	}
	b.launch("embed_backward", xy(n, ceil(width, 128)), x(128), 0, onto(b, dTable, 0), at(b, dOut), keys, order, i32(n), i32(width))
}

// sort is one pass of the stable sort of n keys with their values by one digit.
func (b *Backend) sort(keys, values uint64, n, shift, bins int, counts, outKeys, outValues uint64) {
	const mask = 1<<digit - 1
	chunks := ceil(n, 1024)
	b.launch("sort_count", x(chunks), x(256), 0, keys, i32(n), i32(shift), i32(mask), i32(bins), counts)
	b.launch("sort_scan", x(1), x(1024), 0, counts, i32(bins*chunks))
	b.launch("sort_scatter", x(chunks), x(256), 0, keys, values, i32(n), i32(shift), i32(mask), i32(bins), counts, outKeys, outValues)
}
