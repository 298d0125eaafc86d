package tool

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"
)

// Report says how many tools are nearly the same as another.
type Report struct {
	Threshold float64
	Tools     int
	Groups    int    // groups of tools that are linked by near-duplicate pairs, singles not counted
	Removable int    // tools that would have to go so that none has a near-duplicate left: sizes of the groups less one
	Pairs     []Pair // the nearest pairs, at most 100, most similar first
}

// Pair is two tools and their similarity.
type Pair struct {
	A, B    *Tool
	Jaccard float64
}

// Rate is the share of removable tools.
func (r Report) Rate() float64 {
	if r.Tools == 0 {
		return 0
	}
	return float64(r.Removable) / float64(r.Tools)
}

// String gives the report in one line.
func (r Report) String() string {
	return fmt.Sprintf("%d of %d tools (%.2f %%) are near-duplicates at Jaccard >= %.2f", r.Removable, r.Tools, 100*r.Rate(), r.Threshold)
}

// The signature has bands*rows values. Two texts of similarity s share a band with probability 1-(1-s^rows)^bands:
// above 0.999 for s = 0.7 and 0.95 for s = 0.5.
const (
	bands = 48
	rows  = 4
)

// NearDuplicates compares names, descriptions and schemas of tools as sets of three successive words. Candidates come
// from MinHash signatures (Broder 1997), their similarity is exact.
func NearDuplicates(tools []*Tool, threshold float64) Report {
	sets := make([][]uint64, len(tools))
	buckets := map[uint64][]int32{}
	for i, t := range tools {
		sets[i] = shingles(t)
		sig := signature(sets[i])
		for b := range bands {
			h := uint64(b)*0x9e3779b97f4a7c15 + 1
			for _, v := range sig[b*rows : (b+1)*rows] {
				h = (bits.RotateLeft64(h, 23) ^ v) * 0xff51afd7ed558ccd
			}
			buckets[h] = append(buckets[h], int32(i))
		}
	}
	parent := make([]int32, len(tools))
	for i := range parent {
		parent[i] = int32(i)
	}
	seen := map[[2]int32]bool{}
	var pairs []Pair
	for _, list := range buckets {
		for x := range list {
			for y := x + 1; y < len(list); y++ {
				key := [2]int32{list[x], list[y]}
				if seen[key] {
					continue
				}
				seen[key] = true
				if j := jaccard(sets[key[0]], sets[key[1]]); j >= threshold {
					pairs = append(pairs, Pair{tools[key[0]], tools[key[1]], j})
					parent[root(parent, key[0])] = root(parent, key[1])
				}
			}
		}
	}
	slices.SortFunc(pairs, func(a, b Pair) int { // buckets come in no order
		switch {
		case a.Jaccard != b.Jaccard && a.Jaccard > b.Jaccard:
			return -1
		case a.Jaccard != b.Jaccard:
			return 1
		}
		return strings.Compare(a.A.Domain+a.A.Name+a.B.Name, b.A.Domain+b.A.Name+b.B.Name)
	})
	r := Report{Threshold: threshold, Tools: len(tools), Pairs: pairs[:min(len(pairs), 100)]}
	sizes := map[int32]int{}
	for i := range parent {
		sizes[root(parent, int32(i))]++
	}
	for _, n := range sizes {
		if n > 1 {
			r.Groups++
			r.Removable += n - 1
		}
	}
	return r
}

func root(parent []int32, i int32) int32 {
	for parent[i] != i {
		parent[i] = parent[parent[i]]
		i = parent[i]
	}
	return i
}

// shingles are the hashes of three successive words of a tool's text, sorted, each once.
func shingles(t *Tool) []uint64 {
	words := strings.FieldsFunc(strings.ToLower(splitCamel(t.Name)+" "+t.Description+" "+splitCamel(string(t.Parameters))), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 0x80
	})
	var out []uint64
	for i := 0; i+3 <= len(words); i++ {
		out = append(out, xxh3.HashString(strings.Join(words[i:i+3], " ")))
	}
	if len(words) < 3 {
		out = append(out, xxh3.HashString(strings.Join(words, " ")))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// splitCamel puts a space before capitals inside words, so that names count as words in every style.
func splitCamel(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' && i > 0 && s[i-1] >= 'a' && s[i-1] <= 'z' {
			b.WriteByte(' ')
		}
		b.WriteByte(c)
	}
	return b.String()
}

func signature(set []uint64) [bands * rows]uint64 {
	var sig [bands * rows]uint64
	for i := range sig {
		sig[i] = ^uint64(0)
		mul := uint64(2*i+1) * 0xd1342543de82ef95
		for _, h := range set {
			v := (h ^ mul) * 0x9fb21c651e98df25
			v ^= v >> 32
			v *= mul | 1
			if v < sig[i] {
				sig[i] = v
			}
		}
	}
	return sig
}

// jaccard is the size of the intersection over that of the union of sorted sets.
func jaccard(a, b []uint64) float64 {
	both, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			both++
			i++
			j++
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}
