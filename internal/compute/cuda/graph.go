package cuda

// Graph is work that was recorded once and is done as a whole, without the cost of starting each kernel. It goes on using
// the memory that it was recorded with.
type Graph struct{ g graph }

// Capture records what f asks for instead of doing it. f must have run before, so that scratch memory has its size, and may
// neither wait nor allocate nor upload.
func (b *Backend) Capture(f func()) (Graph, error) {
	b.check()
	if err := b.drv.capture(); err != nil {
		return Graph{}, err
	}
	f()
	g, err := b.drv.captured()
	return Graph{g}, err
}

// Replay asks for the work of a graph.
func (b *Backend) Replay(g Graph) {
	b.check()
	b.must("run a graph", b.drv.replay(g.g))
	b.block("graph")
}

// Drop forgets a graph.
func (b *Backend) Drop(g Graph) {
	b.check()
	b.must("drop a graph", b.drv.drop(g.g))
}
