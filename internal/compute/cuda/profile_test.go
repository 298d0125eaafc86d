package cuda

import "testing"

// TestProfile: each piece of work is counted under its name, with the FLOPs of products.
func TestProfile(t *testing.T) {
	f := silent(t)
	text := ""
	for _, n := range headerNames(t) {
		text += ".visible .entry " + n + "(\n"
	}
	b, p, err := profiled(f, map[string][]byte{"all.ptx": []byte(text)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := b.Alloc(64)
	p.Reset()
	for range 3 {
		b.Add(x[:8], x[8:16])
	}
	b.Gemm(false, true, 2, 3, 4, 1, x, 4, x[16:], 4, 0, x[32:], 3)
	want := map[string]ProfileRow{"add": {Calls: 3}, "product 2x3x4 nt": {Calls: 1, FLOPs: 48}}
	for _, r := range p.Rows() {
		if w, ok := want[r.Name]; !ok || r.Calls != w.Calls || r.FLOPs != w.FLOPs || !(r.Seconds >= p.Least.Seconds()) {
			t.Errorf("%+v, least %v", r, p.Least)
		}
		delete(want, r.Name)
	}
	if len(want) > 0 || p.Least <= 0 {
		t.Errorf("not noted: %v; least %v", want, p.Least)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
