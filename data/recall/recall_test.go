package recall

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEveryTextComesAgain: the second half of a text holds nothing that the first has not.
func TestEveryTextComesAgain(t *testing.T) {
	list := []string{" red", " green", " blue", " one", " two", " three"}
	rapid.Check(t, func(t *rapid.T) {
		seed, index := rapid.Uint64().Draw(t, "seed"), rapid.Uint64().Draw(t, "index")
		text := Text(seed, index, list)
		if text != Text(seed, index, list) {
			t.Fatal("a key gives two texts")
		}
		got := strings.Fields(text)
		if len(got) < 70 || len(got) > 320 {
			t.Fatalf("%d words", len(got))
		}
		seen := map[[2]string]bool{}
		for i := 1; i < len(got)/2; i++ {
			seen[[2]string{got[i-1], got[i]}] = true
		}
		again := 0
		for i := len(got)/2 + 1; i < len(got); i++ {
			if seen[[2]string{got[i-1], got[i]}] {
				again++
			}
		}
		if again < len(got)/6 {
			t.Fatalf("only %d of %d words come again", again, len(got))
		}
	})
}
