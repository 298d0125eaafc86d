package unittest

import (
	"os"
	"testing"

	"muonclip/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

// open makes a sandbox, or skips the test where the machine refuses.
func open(t *testing.T, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(t.Context(), o)
	if err != nil {
		t.Skip("no sandbox here:", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
