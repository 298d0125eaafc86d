package cuda

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Profile is how long the kinds of work took on a device. Each piece is waited for, so its time has that of starting it and
// of the wait, which is Least for the shortest; in training, which does not wait, these are hidden behind other work.
type Profile struct {
	rows  map[string]*ProfileRow
	Least time.Duration
}

// ProfileRow is one kind: a kernel, a product of one shape, clearing, or copying.
type ProfileRow struct {
	Name    string  `json:"name"`
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	FLOPs   float64 `json:"flops,omitempty"` // of products
}

// OpenProfiled is Open for a backend that notes the time of all that it does. It records no graphs.
func OpenProfiled(o Options) (*Backend, *Profile, error) {
	d, err := openDriver(o.Ordinal)
	if err != nil {
		return nil, nil, err
	}
	b, p, err := profiled(d, ptxFiles(), o)
	if err != nil {
		_ = d.close() // the first error says more
		return nil, nil, err
	}
	return b, p, nil
}

func profiled(d driver, ptx map[string][]byte, o Options) (*Backend, *Profile, error) {
	o.Blocking = true
	p := &Profile{}
	p.Reset()
	b, err := newBackend(&timed{driver: d, profile: p, names: map[function]string{}}, ptx, o)
	return b, p, err
}

// Reset forgets what was measured.
func (p *Profile) Reset() { p.rows, p.Least = map[string]*ProfileRow{}, 0 }

// Rows lists the kinds, the longest first.
func (p *Profile) Rows() []ProfileRow {
	var all []ProfileRow
	for _, r := range p.rows {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b ProfileRow) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// timed is a driver that waits for each piece of work.
type timed struct {
	driver
	profile *Profile
	names   map[function]string
}

// note does a piece of work, waits for it and adds its time.
func (t *timed) note(name string, flops float64, do func() error) error {
	if err := t.driver.sync(); err != nil {
		return err
	}
	begun := time.Now()
	if err := do(); err != nil {
		return err
	}
	if err := t.driver.sync(); err != nil {
		return err
	}
	took := time.Since(begun)
	r := t.profile.rows[name]
	if r == nil {
		r = &ProfileRow{Name: name}
		t.profile.rows[name] = r
	}
	r.Calls, r.Seconds, r.FLOPs = r.Calls+1, r.Seconds+took.Seconds(), r.FLOPs+flops
	if p := t.profile; p.Least == 0 || took < p.Least {
		p.Least = took
	}
	return nil
}

func (t *timed) function(m module, name string) (function, error) {
	f, err := t.driver.function(m, name)
	t.names[f] = name
	return f, err
}

func (t *timed) launch(f function, grid, block [3]int, shared int, args []uint64) error {
	return t.note(t.names[f], 0, func() error { return t.driver.launch(f, grid, block, shared, args) })
}

func (t *timed) copy(dst, src uintptr, bytes int64) error {
	return t.note("copy", 0, func() error { return t.driver.copy(dst, src, bytes) })
}

func (t *timed) zero(dst uintptr, bytes int64) error {
	return t.note("clear", 0, func() error { return t.driver.zero(dst, bytes) })
}

func (t *timed) gemm(g *gemm) error {
	letter := map[bool]string{false: "n", true: "t"}
	name := fmt.Sprintf("product %dx%dx%d %s%s", g.m, g.n, g.k, letter[g.transA], letter[g.transB])
	if g.batch > 1 {
		name = fmt.Sprintf("%s, %d at a time", name, g.batch)
	}
	return t.note(name, 2*float64(g.m)*float64(g.n)*float64(g.k)*float64(g.batch), func() error { return t.driver.gemm(g) })
}
