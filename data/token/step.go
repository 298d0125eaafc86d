package token

// step collects what one merge changes, by the neighbour of the new token. Counts per neighbour cost no
// hashing; the table of pairs is touched once for each neighbour at the end.
type step struct {
	left, right side
}

// side is one side of the new token.
type side struct {
	gained []int64 // by neighbour: occurrences of the pair with the new token
	lost   []int64 // by neighbour: occurrences of its pair with the part that was merged
	seen   []int32 // neighbours with an entry, in order of first sight
	met    []bool
	events []event
	index  []*occurrences // by neighbour: where its events go
}

// event is one occurrence of a pair with the new token.
type event struct{ neighbour, at int32 }

func (s *side) grow(n int) {
	for len(s.gained) < n {
		s.gained, s.lost = append(s.gained, 0), append(s.lost, 0)
		s.met, s.index = append(s.met, false), append(s.index, nil)
	}
}

func (s *side) meet(neighbour int32) {
	if !s.met[neighbour] {
		s.met[neighbour] = true
		s.seen = append(s.seen, neighbour)
	}
}

// add records an occurrence of the pair of the new token with its neighbour, whose left symbol is at position at.
func (s *side) add(neighbour int32, weight int64, at int32) {
	s.meet(neighbour)
	s.gained[neighbour] += weight
	s.events = append(s.events, event{neighbour, at})
}

// mergePair makes the token p.left+p.right and replaces every occurrence of the pair by it, from
// the left in each word.
func (l *learner) mergePair(p pair) {
	made := int32(len(l.tokens))
	l.tokens = append(l.tokens, append(append([]byte(nil), l.tokens[p.left]...), l.tokens[p.right]...))
	o := l.pairs[p.key()]
	delete(l.pairs, p.key())
	left, right := &l.step.left, &l.step.right
	left.grow(len(l.tokens))
	right.grow(len(l.tokens))

	size, both := int32(len(l.tokens[p.left])), int32(len(l.tokens[made]))
	for _, at := range o.at {
		next := at + size
		if l.sym[at] != p.left || l.sym[next] != p.right {
			continue // out of date
		}
		w := l.weight[l.word[at]]
		if mark := l.sym[at-1]; mark != boundary {
			before := at - 1
			if mark < 0 {
				before = at - ^mark
			}
			// An occurrence just to the left may have become the new token already. Then its pair
			// with p.left, gained in this step, is gone again.
			n := l.sym[before]
			if n == made {
				right.gained[p.left] -= w
			} else {
				left.meet(n)
				left.lost[n] += w
			}
			left.add(n, w, before)
		}
		after := at + both
		l.sym[at], l.sym[next] = made, inside
		l.sym[after-1] = ^both
		if n := l.sym[after]; n != boundary {
			right.add(n, w, at)
			right.lost[n] += w
		}
	}
	for _, n := range left.seen {
		l.lose(pair{n, p.left}, left.lost[n])
	}
	for _, n := range right.seen {
		l.lose(pair{p.right, n}, right.lost[n])
	}
	l.settle(left, func(n int32) pair { return pair{n, made} })
	l.settle(right, func(n int32) pair { return pair{made, n} })
}

// lose lowers the count of a pair that other merges may still want.
func (l *learner) lose(p pair, weight int64) {
	if weight == 0 {
		return
	}
	if o := l.pairs[p.key()]; o != nil {
		o.count -= weight
	}
}

// settle turns the gains of one side into pairs, those that may be merged one day, and clears the side.
func (l *learner) settle(s *side, with func(neighbour int32) pair) {
	for _, n := range s.seen {
		if s.gained[n] >= l.minimum {
			o := &occurrences{count: s.gained[n]}
			key := with(n).key()
			l.pairs[key] = o
			if l.enqueue(key, o); l.pairs[key] != nil {
				s.index[n] = o
			}
		}
	}
	for _, e := range s.events {
		if o := s.index[e.neighbour]; o != nil {
			o.at = append(o.at, e.at)
		}
	}
	for _, n := range s.seen {
		s.gained[n], s.lost[n], s.met[n], s.index[n] = 0, 0, false, nil
	}
	s.seen, s.events = s.seen[:0], s.events[:0]
	if cap(s.events) > 1<<20 {
		s.events = nil // a pair of one long word: later ones are fewer
	}
}
