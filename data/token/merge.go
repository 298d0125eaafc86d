package token

// merger applies BPE merges to one pre-token at a time. It keeps its buffers between calls.
type merger struct {
	pairs *pairTable
	bytes *bytePairs // for mergeWord

	offers [shortWord]offer // short words: of each symbol with its right neighbour
	prev   []int32          // long words: neighbours in a linked list
	next   []int32
	heap   []uint64
}

// shortWord is the length in bytes up to which looking through all pairs for the best is faster than a heap.
const shortWord = 96

// merge replaces ids by the merged ones, in place, and returns the shorter slice. The best pair is merged
// first, and of equals the leftmost.
func (m *merger) merge(ids []int32) []int32 {
	if len(ids) > shortWord {
		return m.mergeHeap(ids)
	}
	for i := 0; i+1 < len(ids); i++ {
		m.offers[i] = m.pairs.get(ids[i], ids[i+1])
	}
	return m.mergeShort(ids)
}

// mergeWord is merge for the ids of the single bytes of a short word.
func (m *merger) mergeWord(ids []int32, s string) []int32 {
	for i := 0; i+1 < len(s); i++ {
		m.offers[i] = m.bytes[s[i]][s[i+1]]
	}
	return m.mergeShort(ids)
}

// mergeShort is quadratic in len(ids). The offers of all neighbours are known.
func (m *merger) mergeShort(ids []int32) []int32 {
	n := len(ids)
	offers := m.offers[:n]
	for n > 1 {
		best, at := noOffer, -1
		for i, o := range offers[:n-1] {
			if o < best {
				best, at = o, i
			}
		}
		if at < 0 {
			break
		}
		ids[at] = best.result()
		copy(ids[at+1:n-1], ids[at+2:n])
		copy(offers[at+1:n-1], offers[at+2:n])
		n--
		if at+1 < n {
			offers[at] = m.pairs.get(ids[at], ids[at+1])
		}
		if at > 0 {
			offers[at-1] = m.pairs.get(ids[at-1], ids[at])
		}
	}
	return ids[:n]
}

// mergeHeap takes n log n time: a linked list of symbols and a heap of candidate pairs. A candidate is
// rank<<32 | position, so that the smallest is the best and leftmost. Candidates are not removed
// when a neighbour changes; one is valid if the pair at its position still has its rank.
func (m *merger) mergeHeap(ids []int32) []int32 {
	n := len(ids)
	m.prev, m.next = resize(m.prev, n), resize(m.next, n)
	m.heap = m.heap[:0]
	for i := range ids {
		m.prev[i], m.next[i] = int32(i)-1, int32(i)+1
	}
	m.next[n-1] = -1
	for i := range n - 1 {
		m.offer(ids, int32(i))
	}
	for len(m.heap) > 0 {
		c := pop(&m.heap)
		at := int32(uint32(c))
		right := m.next[at]
		if ids[at] < 0 || right < 0 {
			continue
		}
		o := m.pairs.get(ids[at], ids[right])
		if o>>32 != offer(c>>32) {
			continue
		}
		after := m.next[right]
		ids[at], ids[right], m.next[at] = o.result(), -1, after
		if after >= 0 {
			m.prev[after] = at
			m.offer(ids, at)
		}
		if m.prev[at] >= 0 {
			m.offer(ids, m.prev[at])
		}
	}
	k := 0
	for _, id := range ids {
		if id >= 0 {
			ids[k] = id
			k++
		}
	}
	if cap(m.heap) > 1<<16 {
		m.prev, m.next, m.heap = nil, nil, nil // a rare giant: do not hold its buffers
	}
	return ids[:k]
}

// offer puts the pair at position i and its right neighbour on the heap, if they merge.
func (m *merger) offer(ids []int32, i int32) {
	if o := m.pairs.get(ids[i], ids[m.next[i]]); o != noOffer {
		push(&m.heap, uint64(o)&^(1<<32-1)|uint64(uint32(i)))
	}
}

func resize(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}

// push adds v to a binary min-heap.
func push(h *[]uint64, v uint64) {
	*h = append(*h, v)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if s[up] <= v {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = v
}

// pop removes the smallest element of a binary min-heap.
func pop(h *[]uint64) uint64 {
	s := *h
	top, v := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	i := 0
	for {
		down := 2*i + 1
		if down >= len(s) {
			break
		}
		if down+1 < len(s) && s[down+1] < s[down] {
			down++
		}
		if s[down] >= v {
			break
		}
		s[i] = s[down]
		i = down
	}
	if len(s) > 0 {
		s[i] = v
	}
	return top
}
