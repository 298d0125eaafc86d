package generate

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// bytesStream decodes ids as single bytes, an unfinished character waiting for its end.
type bytesStream struct{ wait []byte }

func (s *bytesStream) Next(dst []byte, id int32) ([]byte, error) {
	s.wait = append(s.wait, byte(id))
	for len(s.wait) > 0 && utf8.FullRune(s.wait) {
		r, n := utf8.DecodeRune(s.wait)
		dst, s.wait = utf8.AppendRune(dst, r), s.wait[n:]
	}
	return dst, nil
}

func (s *bytesStream) Flush(dst []byte) []byte {
	for range s.wait {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	s.wait = nil
	return dst
}

func TestOutput(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		stops      []string
		pieces     []string // of each byte, and of the end where no stop string came
		want       string
	}{
		{"no stops", "aé", nil, []string{"a", "", "é", ""}, "aé"},
		{"an unfinished character", "a\xc3", nil, []string{"a", "", "\ufffd"}, "a\ufffd"},
		{"a stop over several tokens", "xabc", []string{"abc"}, []string{"x", "", "", ""}, "x"},
		{"a false start is given out late", "xabd", []string{"abc"}, []string{"x", "", "", "abd", ""}, "xabd"},
		{"a false start runs into the stop", "aabc", []string{"abc"}, []string{"", "a", "", ""}, "a"},
		{"what is held comes out at the end", "xab", []string{"abc"}, []string{"x", "", "", "ab"}, "xab"},
		{"the first of two to be complete", "abcd", []string{"bc", "abcd"}, []string{"", "", "a"}, "a"},
		{"a stop of long characters", "né€", []string{"é€"}, []string{"n", "", "", "", "", ""}, "n"},
		{"half a stop, whole characters", "éa", []string{"éb"}, []string{"", "", "éa", ""}, "éa"},
	} {
		o := output{stream: &bytesStream{}, stops: tt.stops}
		var pieces []string
		stopped := false
		for i := 0; i < len(tt.text) && !stopped; i++ {
			var piece string
			var err error
			if piece, stopped, err = o.add(int32(tt.text[i])); err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, piece)
		}
		if !stopped {
			pieces = append(pieces, o.finish())
		}
		if got := strings.Join(pieces, "|"); got != strings.Join(tt.pieces, "|") || string(o.text) != tt.want {
			t.Errorf("%s: pieces %q and text %q, want %q and %q", tt.name, pieces, o.text, tt.pieces, tt.want)
		}
	}
}

// However the text arrives, what is given out is the text up to the first stop string to be complete.
func TestOutputMatchesSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]rune("abé"))
		text := string(rapid.SliceOfN(letters, 0, 40).Draw(t, "text"))
		var stops []string
		for range rapid.IntRange(0, 3).Draw(t, "stops") {
			stops = append(stops, string(rapid.SliceOfN(letters, 1, 4).Draw(t, "stop")))
		}
		want, ended := text, false
		for end := 0; end <= len(text) && !ended; end++ {
			if !utf8.ValidString(text[:end]) {
				continue
			}
			for _, s := range stops {
				if i := strings.Index(text[:end], s); i >= 0 {
					want, ended = want[:min(len(want), i)], true
				}
			}
		}
		o := output{stream: &bytesStream{}, stops: stops}
		var got strings.Builder
		stopped := false
		for i := 0; i < len(text) && !stopped; i++ {
			var piece string
			piece, stopped, _ = o.add(int32(text[i]))
			if !utf8.ValidString(piece) {
				t.Fatalf("piece %q is no text", piece)
			}
			got.WriteString(piece)
		}
		if !stopped {
			got.WriteString(o.finish())
		}
		if got.String() != want || string(o.text) != want || stopped != ended {
			t.Fatalf("pieces %q, text %q, stopped %v; want %q, %v", got.String(), o.text, stopped, want, ended)
		}
	})
}
