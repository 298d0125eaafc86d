package token

import (
	"cmp"
	"context"
	"errors"
	"math"
)

// learner makes tokens from word counts. All words lie one after the other in an array of positions, one for each
// byte, with a boundary before, between and behind them. A token stands at the position of its first byte.
// Its last byte, if it has more than one, holds its length, so that its right neighbour can find it.
//
// A pair keeps the positions of its left symbol. They may be out of date (a neighbour was merged away), so
// each is checked when the pair is merged. A merge touches only the occurrences of its pair, so long words
// cost no more than short ones.
type learner struct {
	sym    []int32 // by position: a token, boundary, inside, or the complement of the length of the token that ends here
	word   []int32 // by position: index of the word
	weight []int64 // by word: how often it occurs

	tokens  [][]byte
	pairs   map[uint64]*occurrences
	queue   []candidate
	step    step
	minimum int64
	longest int
}

const (
	boundary = -1
	inside   = -2
)

// occurrences of one pair: how often it occurs and where.
type occurrences struct {
	count int64
	at    []int32 // rising within a word
}

// candidate is a pair with the count it had when it was queued; counts only fall after that.
type candidate struct {
	count int64
	key   uint64
}

// before orders candidates: the most frequent first, then the lowest ids.
func (a candidate) before(b candidate) bool {
	return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.key, b.key)) < 0
}

// learn returns the ordinary tokens in order of their ids.
func learn(ctx context.Context, o TrainOptions, words *wordCount, progress *Progress) ([][]byte, error) {
	l := &learner{minimum: o.MinFrequency, longest: o.MaxTokenBytes, pairs: map[uint64]*occurrences{}}
	if err := l.load(words); err != nil {
		return nil, err
	}
	for len(l.tokens) < progress.Want {
		if len(l.tokens)%128 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			progress.Tokens = len(l.tokens)
			o.Progress(*progress)
		}
		key, ok := l.best()
		if !ok {
			break
		}
		l.mergePair(unpack(key))
	}
	progress.Tokens = len(l.tokens)
	o.Progress(*progress)
	return l.tokens, nil
}

// load lays out the words of at least two bytes and counts their pairs.
func (l *learner) load(words *wordCount) error {
	var ids [256]int32
	l.tokens, ids = byteTokens()
	total, n := 1, 0
	numbers := make([]int32, 1<<16) // of occurrences, by pair of bytes
	for w := range words.all() {
		if len(w) < 2 {
			continue
		}
		if total += len(w) + 1; total > math.MaxInt32 {
			return errors.New("token: the different pre-tokens of the corpus are longer than 2 GiB together: train on a sample of the text")
		}
		n++
		for i := range len(w) - 1 {
			numbers[ids[w[i]]<<8|ids[w[i+1]]]++
		}
	}
	pairs := make([]*occurrences, len(numbers))
	for i, n := range numbers {
		if n > 0 {
			pairs[i] = &occurrences{at: make([]int32, 0, n)}
		}
	}
	l.sym, l.word = make([]int32, 1, total), make([]int32, 1, total)
	l.sym[0] = boundary
	l.weight = make([]int64, 0, n)
	for w, count := range words.all() {
		if len(w) < 2 {
			continue
		}
		for i := range len(w) {
			if i > 0 {
				o := pairs[ids[w[i-1]]<<8|ids[w[i]]]
				o.count += count
				o.at = append(o.at, int32(len(l.sym))-1)
			}
			l.sym, l.word = append(l.sym, ids[w[i]]), append(l.word, int32(len(l.weight)))
		}
		l.sym, l.word = append(l.sym, boundary), append(l.word, boundary)
		l.weight = append(l.weight, count)
	}
	for i, o := range pairs {
		if o != nil {
			key := pair{int32(i >> 8), int32(i & 255)}.key()
			l.pairs[key] = o
			l.enqueue(key, o)
		}
	}
	return nil
}

// enqueue makes a pair a candidate, or forgets it where it can never be merged: a count does not rise again.
func (l *learner) enqueue(key uint64, o *occurrences) {
	p := unpack(key)
	if o.count < l.minimum || len(l.tokens[p.left])+len(l.tokens[p.right]) > l.longest {
		delete(l.pairs, key)
		return
	}
	l.push(candidate{o.count, key})
}

// best removes the most frequent pair from the queue. A candidate whose count has fallen goes back with
// its true count.
func (l *learner) best() (uint64, bool) {
	for len(l.queue) > 0 {
		c := l.pop()
		o := l.pairs[c.key]
		if o == nil {
			continue
		}
		if o.count == c.count {
			return c.key, true
		}
		l.enqueue(c.key, o)
	}
	return 0, false
}

func (l *learner) push(c candidate) {
	l.queue = append(l.queue, c)
	q, i := l.queue, len(l.queue)-1
	for i > 0 {
		up := (i - 1) / 2
		if !c.before(q[up]) {
			break
		}
		q[i] = q[up]
		i = up
	}
	q[i] = c
}

func (l *learner) pop() candidate {
	q := l.queue
	top, c := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	l.queue = q
	i := 0
	for {
		down := 2*i + 1
		if down >= len(q) {
			break
		}
		if down+1 < len(q) && q[down+1].before(q[down]) {
			down++
		}
		if !q[down].before(c) {
			break
		}
		q[i] = q[down]
		i = down
	}
	if len(q) > 0 {
		q[i] = c
	}
	return top
}
