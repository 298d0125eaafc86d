package cuda

// Repeat runs f; see compute.Backend. The first call with a key does the work and thereby finds out what memory it takes, the
// next one records it as a graph, and later ones start that as a whole, without the cost of starting each kernel.
func (b *Backend) Repeat(key any, f func()) {
	b.check()
	b.takeAllBack() // what a graph is given is not looked at again
	b.renew()
	defer b.renew()
	if b.opt.Blocking {
		f()
		return
	}
	r := b.repeats.find(key)
	switch {
	case r.recorded:
	case !r.tried:
		b.settled = true
		f()
		r.tried = b.settled
		return
	default:
		if b.repeats.recorded() == mostGraphs {
			b.drop(b.repeats.oldest())
		}
		b.record(r, f)
	}
	b.must("run a graph", b.drv.replay(r.graph))
}

// mostGraphs is how many graphs there are at a time: each holds some memory of the device. Training has three or four, of the
// first and of later micro-batches of a step and of an evaluation, and decoding a few for each size of batch.
const mostGraphs = 64

// repeat is a series of operations.
type repeat struct {
	key      any
	tried    bool // it ran once and took no memory
	recorded bool
	graph    graph
}

// repeats is the series that were met, the latest at the end.
type repeats []*repeat

// find returns the series with a key, at the end of the list, a new one if there is none.
func (l *repeats) find(key any) *repeat {
	for i, r := range *l {
		if r.key == key {
			copy((*l)[i:], (*l)[i+1:])
			(*l)[len(*l)-1] = r
			return r
		}
	}
	if len(*l) == 4*mostGraphs { // dialogues have many numbers of targets, few of which come again
		for i, r := range *l {
			if !r.recorded {
				*l = append((*l)[:i], (*l)[i+1:]...)
				break
			}
		}
	}
	r := &repeat{key: key}
	*l = append(*l, r)
	return r
}

func (l repeats) recorded() int {
	n := 0
	for _, r := range l {
		if r.recorded {
			n++
		}
	}
	return n
}

// oldest is the graph that was not used for longest.
func (l repeats) oldest() *repeat {
	for _, r := range l {
		if r.recorded {
			return r
		}
	}
	return nil
}

// record makes a graph of what f asks for, which is not done.
func (b *Backend) record(r *repeat, f func()) {
	b.must("begin a graph", b.drv.capture())
	b.recording = true
	f()
	b.recording = false
	g, err := b.drv.captured()
	b.must("end a graph", err)
	r.graph, r.recorded = g, true
}

// drop forgets a graph.
func (b *Backend) drop(r *repeat) {
	b.must("drop a graph", b.drv.drop(r.graph))
	r.recorded = false
}

// forget drops all graphs and what is known of what they would be: scratch memory has moved.
func (b *Backend) forget() {
	for _, r := range b.repeats {
		if r.recorded {
			b.drop(r)
		}
	}
	b.repeats = nil
}

// idle panics while a graph is recorded: memory that moves, or a host that waits, would not be part of it.
func (b *Backend) idle(what string) {
	if b.recording {
		panic("cuda: " + what + " within Repeat")
	}
}
