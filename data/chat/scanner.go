package chat

import "strings"

// scanner finds marks in text that comes in pieces. All marks begin with '<', and none is the beginning of another.
type scanner struct {
	marks   []string
	pending string // a tail that may be the beginning of a mark
}

// scan hands the text and the marks of the next piece to two functions, in order.
func (sc *scanner) scan(dst []Event, s string, text, mark func([]Event, string) []Event) []Event {
	s = sc.take() + s
	for s != "" {
		before, found, rest := sc.next(s)
		dst = text(dst, before)
		if found != "" {
			dst = mark(dst, found)
		}
		s = rest
	}
	return dst
}

// next cuts s at its first mark. Without one, a tail that may begin a mark becomes pending.
func (sc *scanner) next(s string) (before, mark, rest string) {
	for i := 0; i < len(s); i++ {
		k := strings.IndexByte(s[i:], '<')
		if k < 0 {
			break
		}
		i += k
		for _, m := range sc.marks {
			if strings.HasPrefix(s[i:], m) {
				return s[:i], m, s[i+len(m):]
			}
			if strings.HasPrefix(m, s[i:]) {
				sc.pending = s[i:]
				return s[:i], "", ""
			}
		}
	}
	return s, "", ""
}

// take returns what is pending and forgets it.
func (sc *scanner) take() string {
	s := sc.pending
	sc.pending = ""
	return s
}
