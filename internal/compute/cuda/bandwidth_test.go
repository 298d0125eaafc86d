package cuda

import "testing"

// TestReadRate: copies are counted, and their memory is given back.
func TestReadRate(t *testing.T) {
	if testing.Short() {
		t.Skip("a fake copies as slowly as this machine")
	}
	f := silent(t)
	b, err := f.open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if rate := b.ReadRate(1); !(rate > 0) {
		t.Errorf("%g bytes a second", rate)
	}
	if b.MemoryUsed() != 0 || len(f.blocks) != 0 {
		t.Errorf("%d bytes in %d pieces are kept", b.MemoryUsed(), len(f.blocks))
	}
}

// TestOccupied: what the driver says, not what the backend allocated.
func TestOccupied(t *testing.T) {
	f := silent(t)
	b, err := f.open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.left -= 5 << 20
	if got := b.Occupied(); got != 5<<20 {
		t.Errorf("%d bytes are occupied, want %d", got, 5<<20)
	}
}
