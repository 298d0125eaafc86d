package chatshard

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"muonclip/data/arrowmeta"
)

// index checks the content of a file against the manifest and finds its dialogues.
func index(data []byte, m Manifest, info Info, limit int64) ([]place, error) {
	file, err := arrowmeta.Parse(data, columns)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct{ key, want string }{
		{keyFormat, FormatName}, {keyVersion, strconv.Itoa(FormatVersion)}, {keyTokenizer, m.Tokenizer},
		{keyVocab, strconv.Itoa(m.VocabSize)}, {keyChat, m.Config.Format},
	} {
		if got := file.Meta[c.key]; got != c.want {
			return nil, fmt.Errorf("its metadata says %s = %q, the manifest says %q", c.key, got, c.want)
		}
	}
	x := indexer{data: data, limit: limit, kinds: map[string]string{}}
	for i, b := range file.Batches {
		if int64(len(x.places))+b.Rows > info.Dialogues || x.tokens+b.Lists[0].Count > info.Tokens {
			return nil, fmt.Errorf("it holds more than the %d dialogues and %d tokens that the manifest says", info.Dialogues, info.Tokens)
		}
		if err := x.batch(b); err != nil {
			return nil, fmt.Errorf("record batch %d, %w", i, err)
		}
	}
	if int64(len(x.places)) != info.Dialogues || x.tokens != info.Tokens || x.trained != info.Trained {
		return nil, fmt.Errorf("it holds %d dialogues, %d tokens and %d in the loss, the manifest says %d, %d and %d",
			len(x.places), x.tokens, x.trained, info.Dialogues, info.Tokens, info.Trained)
	}
	return x.places, nil
}

// indexer collects the dialogues of a file.
type indexer struct {
	data            []byte
	limit           int64
	places          []place
	tokens, trained int64
	kinds           map[string]string // each is kept once
}

// batch checks a record batch and notes where its dialogues lie.
func (x *indexer) batch(b arrowmeta.Batch) error {
	tokens, masks := b.Lists[0], b.Lists[1]
	ends, err := tokens.Ends(make([]int64, 1, b.Rows+1), x.data, 0)
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	if masks.Count != tokens.Count || !bytes.Equal(tokens.Offsets.Of(x.data), masks.Offsets.Of(x.data)) {
		return fmt.Errorf("masks are not as long as their tokens")
	}
	names, err := texts(b.Lists[2], x.data)
	if err != nil {
		return fmt.Errorf("ids: %w", err)
	}
	kinds, err := texts(b.Lists[3], x.data)
	if err != nil {
		return fmt.Errorf("kinds: %w", err)
	}
	ids, mask := tokens.Values.Of(x.data), masks.Values.Of(x.data)
	for t := range tokens.Count {
		if id := binary.LittleEndian.Uint32(ids[4*t:]); int64(id) >= x.limit {
			return fmt.Errorf("position %d holds %d, the vocabulary has %d", t, id, x.limit)
		}
		if mask[t] >= byte(turns) {
			return fmt.Errorf("position %d: the mask is %d, want less than %d", t, mask[t], turns)
		}
		if mask[t] != 0 {
			x.trained++
		}
	}
	for row := range b.Rows {
		kind, ok := x.kinds[string(kinds(row))]
		if !ok {
			kind = string(kinds(row))
			x.kinds[kind] = kind
		}
		x.places = append(x.places, place{
			tokens: int32(ends[row+1] - ends[row]), ids: tokens.Values.Pos + 4*ends[row], mask: masks.Values.Pos + ends[row],
			name: string(names(row)), kind: kind,
		})
	}
	x.tokens += tokens.Count
	return nil
}

// texts gives the values of a column of texts by row.
func texts(l arrowmeta.List, data []byte) (func(row int64) []byte, error) {
	ends, err := l.Ends([]int64{0}, data, 0)
	if err != nil {
		return nil, err
	}
	letters := l.Values.Of(data)
	return func(row int64) []byte { return letters[ends[row]:ends[row+1]] }, nil
}
