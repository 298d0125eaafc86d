package computetest

import (
	"fmt"
	"math"

	"muonclip/internal/compute"
)

// testAddHeads: columns of heads are added to columns of heads, own or shared ones, and the rest is left alone.
func testAddHeads[T compute.Float](c *check[T]) {
	const heads = 3
	for _, width := range []int{1, 2, 7, 16, 33} {
		for _, rows := range []int{1, 2, 65} {
			for _, shared := range []string{"neither", "src", "dst"} {
				dst := compute.HeadCols[T]{Ld: heads*(width+2) + 3, Off: 3, Stride: width + 2}
				src := compute.HeadCols[T]{Ld: heads*(width+1) + 1, Off: 1, Stride: width + 1}
				switch shared {
				case "src":
					src.Stride = 0
				case "dst":
					dst.Stride = 0
				}
				dst.Data, src.Data = c.random(rows*dst.Ld), c.random(rows*src.Ld)
				want, size := wide(dst.Data), wide(dst.Data)
				for i := range size {
					size[i] = math.Abs(size[i])
				}
				for i := range rows {
					for h := range heads {
						for j := range width {
							to, v := i*dst.Ld+dst.Off+h*dst.Stride+j, float64(src.Data[i*src.Ld+src.Off+h*src.Stride+j])
							want[to] += v
							size[to] += math.Abs(v)
						}
					}
				}
				c.be.AddHeads(dst, src, rows, heads, width)
				c.nearEach(fmt.Sprintf("%d rows, %d columns, shared: %s", rows, width, shared), dst.Data, want, size)
			}
		}
	}
}
