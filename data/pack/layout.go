package pack

import (
	"fmt"

	"muonclip/data/batch"
	"muonclip/data/chatshard"
)

// layout tells what stands where in the batches of some sources.
type layout struct{ streams []*stream }

// Span is a dialogue in a batch.
type Span struct {
	From, To int    // places in Inputs and Targets of the batch
	Kind     string // of the dialogue
	batch.DocRef
}

// Spans lists the dialogues of a batch that the same sources gave, in order. It reads no dialogue.
func (l layout) Spans(b *batch.Batch) ([]Span, error) {
	var spans []Span
	at, row := 0, -1
	for _, ref := range b.Docs {
		s, err := l.stream(ref)
		if err != nil {
			return nil, err
		}
		if ref.Row != row {
			row = ref.Row
			at = row * b.Cols
		}
		end := at + int(s.lengths[ref.Doc])
		if end > (row+1)*b.Cols || end > len(b.Targets) {
			return nil, fmt.Errorf("pack: row %d of the batch has no room for its dialogues: it is not of these sources", row)
		}
		spans = append(spans, Span{From: at, To: end, Kind: s.src.Kind(int(ref.Doc)), DocRef: ref})
		at = end
	}
	return spans, nil
}

// Turns appends to dst[:0] the kind of turn of each target of a batch that the same sources gave; Context where the target
// is -1. It reads the dialogues again.
func (l layout) Turns(b *batch.Batch, dst []chatshard.Turn) ([]chatshard.Turn, error) {
	spans, err := l.Spans(b)
	if err != nil {
		return nil, err
	}
	if cap(dst) < len(b.Targets) {
		dst = make([]chatshard.Turn, len(b.Targets))
	}
	dst = dst[:len(b.Targets)]
	clear(dst)
	for _, p := range spans {
		s, err := l.stream(p.DocRef)
		if err != nil {
			return nil, err
		}
		d, err := s.read(int32(p.Doc))
		if err != nil {
			return nil, fmt.Errorf("pack: %w", err)
		}
		copy(dst[p.From:p.To], d.Turns[1:])
	}
	return dst, nil
}

// stream finds the source of a dialogue.
func (l layout) stream(ref batch.DocRef) (*stream, error) {
	for _, s := range l.streams {
		if s.name == ref.Source && ref.Doc >= 0 && ref.Doc < int64(len(s.lengths)) {
			return s, nil
		}
	}
	return nil, fmt.Errorf("pack: dialogue %d of source %q is not of these sources", ref.Doc, ref.Source)
}
