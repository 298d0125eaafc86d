package computetest

import (
	"fmt"
	"math"

	"muonclip/internal/compute"
)

// widths and counts are row lengths and numbers of rows on both sides of the sizes at which kernels
// change their path.
var (
	widths = []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 256, 300}
	counts = []int{1, 2, 63, 64, 65, 200}
)

func testZeroAdd[T compute.Float](c *check[T]) {
	for _, n := range []int{0, 1, 2, 7, 8, 9, 63, 64, 65, 1000, 1<<14 - 1, 1<<14 + 1, 1<<16 + 3} {
		whole := c.filled(n+2, 5)
		c.be.Zero(whole[1 : n+1])
		want := make([]T, n+2)
		want[0], want[n+1] = 5, 5
		same(c, fmt.Sprintf("zero of %d", n), whole, want)

		dst, src := c.random(n+2), c.random(n+2)
		want = c.clone(dst)
		for i := 1; i <= n; i++ {
			want[i] += src[i]
		}
		c.be.Add(dst[1:n+1], src[1:n+1])
		same(c, fmt.Sprintf("add of %d", n), dst, want)
	}
	nan := c.nan(3)
	c.be.Zero(nan)
	same(c, "zero of NaN", nan, make([]T, 3))
}

func testEmbed[T compute.Float](c *check[T]) {
	gatherTest(c, func(dst, src []T, rows []int32, width int) { c.be.Embed(dst, src, rows, width) })
}

func testGather[T compute.Float](c *check[T]) {
	gatherTest(c, func(dst, src []T, rows []int32, width int) { c.be.Gather(dst, src, rows, width) })
}

func gatherTest[T compute.Float](c *check[T], gather func(dst, src []T, rows []int32, width int)) {
	for _, width := range widths {
		for _, n := range counts {
			const tableRows = 11
			table, rows := c.random(tableRows*width), c.indices(n, tableRows)
			got, want := c.nan(n*width), make([]T, n*width)
			gather(got, table, rows, width)
			for i, row := range rows {
				for j := range width {
					want[i*width+j] = table[int(row)*width+j]
				}
			}
			same(c, fmt.Sprintf("%d rows of %d", n, width), got, want)
		}
	}
}

func testEmbedBackward[T compute.Float](c *check[T]) {
	for _, width := range widths {
		for _, n := range counts {
			const vocab = 13 // so that ids repeat
			dTable, dOut, ids := c.random(vocab*width), c.random(n*width), c.indices(n, vocab-1)
			want, size := wide(dTable), make([]float64, vocab*width)
			for i, v := range want {
				size[i] = math.Abs(v)
			}
			for i, id := range ids {
				for j := range width {
					want[int(id)*width+j] += float64(dOut[i*width+j])
					size[int(id)*width+j] += math.Abs(float64(dOut[i*width+j]))
				}
			}
			last := c.clone(dTable[(vocab-1)*width:])
			c.be.EmbedBackward(dTable, dOut, ids, width)
			c.nearEach(fmt.Sprintf("%d rows of %d", n, width), dTable, want, size)
			same(c, "gradient of an id that did not occur", dTable[(vocab-1)*width:], last)
		}
	}
}

func testCombine[T compute.Float](c *check[T]) {
	for _, width := range widths {
		for _, tokens := range counts {
			for _, k := range []int{1, 2, 5} {
				slots := tokens * k
				dst, src, weight := c.random(tokens*width), c.random(slots*width), c.random(slots)
				order := make([]int32, slots)
				for i, p := range c.r.Perm(slots) {
					order[i] = int32(p)
				}
				slot := c.ints(order)
				if width%2 == 0 {
					weight = nil
				}
				want, size := wide(dst), make([]float64, len(dst))
				for t := range tokens {
					for j := range k {
						w := 1.0
						if weight != nil {
							w = float64(weight[t*k+j])
						}
						for i := range width {
							term := w * float64(src[int(slot[t*k+j])*width+i])
							want[t*width+i] += term
							size[t*width+i] += math.Abs(term) + math.Abs(float64(dst[t*width+i]))
						}
					}
				}
				c.be.Combine(dst, src, slot, weight, k, width)
				c.nearEach(fmt.Sprintf("%d tokens of %d, k %d, weights %v", tokens, width, k, weight != nil), dst, want, size)
			}
		}
	}
}
