package view

import (
	"slices"

	"muonclip/synth/dataset"
)

const (
	// maxSample is how many dialogues the page shows at most.
	maxSample = 300
	// perKind is how many of each kind are among them where the data set has so many.
	perKind = 4
)

// Sample chooses at most n positions, in rising order: rows at equal distances, and some of every kind that these miss.
func Sample(digests []dataset.Digest, n int) []int {
	if len(digests) <= n {
		all := make([]int, len(digests))
		for i := range all {
			all[i] = i
		}
		return all
	}
	chosen := map[int]bool{}
	have := map[string]int{}
	take := func(i int) {
		if chosen[i] || len(chosen) >= n {
			return
		}
		chosen[i] = true
		for _, k := range digests[i].Kinds {
			have[k]++
		}
	}
	even := n * 4 / 5 // the rest is for rare kinds
	for i := range even {
		take(i * len(digests) / even)
	}
	for i := range digests {
		if slices.ContainsFunc(digests[i].Kinds, func(k string) bool { return have[k] < perKind }) {
			take(i)
		}
	}
	for i := range n {
		take((2*i + 1) * len(digests) / (2 * n))
	}
	out := make([]int, 0, len(chosen))
	for i := range chosen {
		out = append(out, i)
	}
	slices.Sort(out)
	return out
}

// spread is an order of 0..n-1 in which every beginning is spread evenly: the bits of the count, reversed.
func spread(n int) []int {
	bits := 0
	for 1<<bits < n {
		bits++
	}
	var out []int
	for i := range 1 << bits {
		r := 0
		for b := range bits {
			if i>>b&1 != 0 {
				r |= 1 << (bits - 1 - b)
			}
		}
		if r < n {
			out = append(out, r)
		}
	}
	return out
}
