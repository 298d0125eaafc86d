package generate

import "bytes"

// TextStream turns the ids of one completion into text. Next appends the text that an id completes,
// which is valid UTF-8: bytes of an unfinished character wait for the next id. Flush ends the text.
// The streams of package data/token are such.
type TextStream interface {
	Next(dst []byte, id int32) ([]byte, error)
	Flush(dst []byte) []byte
}

// output is the text of one completion. It holds back what may be the beginning of a stop string
// until it is known not to be one.
type output struct {
	stream TextStream
	stops  []string
	text   []byte // given out
	held   []byte // decoded, not given out
}

// add takes one id and returns the text that can now be given out, and whether a stop string has
// ended the text. Of several stop strings that an id completes the one that begins first counts.
func (o *output) add(id int32) (piece string, stopped bool, err error) {
	if o.stream == nil {
		return "", false, nil
	}
	if o.held, err = o.stream.Next(o.held, id); err != nil {
		return "", false, err
	}
	piece, stopped = o.release(false)
	return piece, stopped, nil
}

// finish gives out all that was held back.
func (o *output) finish() (piece string) {
	if o.stream == nil {
		return ""
	}
	o.held = o.stream.Flush(o.held)
	piece, _ = o.release(true)
	return piece
}

func (o *output) release(all bool) (piece string, stopped bool) {
	n := len(o.held)
	for _, s := range o.stops {
		if i := bytes.Index(o.held, []byte(s)); i >= 0 {
			n, stopped = min(n, i), true
		}
	}
	if !stopped && !all {
		n -= o.waiting()
	}
	piece = string(o.held[:n])
	o.text = append(o.text, piece...)
	o.held = append(o.held[:0], o.held[n:]...)
	return piece, stopped
}

// waiting is the length of the longest end of held that begins a stop string.
func (o *output) waiting() int {
	longest := 0
	for _, s := range o.stops {
		for n := min(len(o.held), len(s)-1); n > longest; n-- {
			if bytes.HasSuffix(o.held, []byte(s[:n])) {
				longest = n
			}
		}
	}
	return longest
}
