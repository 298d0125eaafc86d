package generate

// candidate is a token and its relative probability.
type candidate struct {
	p  float64
	id int32
}

// candidates is a heap with the likeliest token on top, of equal ones that with the lowest id. A
// sampler needs few tokens of a large vocabulary in order, so it does not sort them all.
type candidates []candidate

func (h candidates) order() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h *candidates) pop() candidate {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	*h = s[:last]
	h.down(0)
	return top
}

func (h candidates) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if right := child + 1; right < len(h) && h[right].before(h[child]) {
			child = right
		}
		if !h[child].before(h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

func (c candidate) before(d candidate) bool { return c.p > d.p || c.p == d.p && c.id < d.id }
