package token

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// ReadTiktoken reads a tiktoken vocabulary: a line for each ordinary token with its bytes in base64, a space
// and its rank, which is its id. The format holds neither the pattern (empty means PatternK2) nor the
// special tokens. Ranks must be 0, 1, 2, ... without gaps, in any order of lines.
func ReadTiktoken(r io.Reader, p Pattern, specials []Special) (*Tokenizer, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	tokens := map[int][]byte{}
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		rank, b, err := tiktokenLine(line)
		if err != nil {
			return nil, fmt.Errorf("token: tiktoken vocabulary, line %d: %w", n, err)
		}
		if other, twice := tokens[rank]; twice {
			return nil, fmt.Errorf("token: tiktoken vocabulary, line %d: rank %d was given to %q before", n, rank, other)
		}
		tokens[rank] = b
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("token: tiktoken vocabulary, line %d: %w", n+1, err)
	}
	list := make([][]byte, len(tokens))
	for rank := range list {
		b, ok := tokens[rank]
		if !ok {
			return nil, fmt.Errorf("token: tiktoken vocabulary has %d tokens, but none of rank %d", len(tokens), rank)
		}
		list[rank] = b
	}
	return New(p, list, specials)
}

func tiktokenLine(line []byte) (int, []byte, error) {
	text, number, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return 0, nil, fmt.Errorf("%.80q has no space: want base64, a space and a rank", line)
	}
	rank, err := strconv.ParseUint(string(number), 10, 32)
	if err != nil || rank >= maxVocab {
		return 0, nil, fmt.Errorf("rank %.80q is not a number below %d", number, maxVocab)
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	k, err := base64.StdEncoding.Decode(b, text)
	if err != nil {
		return 0, nil, fmt.Errorf("%.80q is not base64: %w", text, err)
	}
	if k == 0 {
		return 0, nil, errors.New("the token is empty")
	}
	return int(rank), b[:k], nil
}

// ErrNotRanks is in the chain of the error for a tokenizer that the tiktoken format cannot hold.
var ErrNotRanks = errors.New("the merges of the tokenizer do not follow from its ids")

// WriteTiktoken writes the ordinary tokens in the format of ReadTiktoken.
func (t *Tokenizer) WriteTiktoken(w io.Writer) error {
	if err := t.rankForm(); err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	for id, b := range t.def.tokens {
		if b == nil {
			break
		}
		fmt.Fprintf(buf, "%s %d\n", base64.StdEncoding.EncodeToString(b), id)
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("token: write tiktoken vocabulary: %w", err)
	}
	return nil
}

// rankForm returns an error unless ids are ranks: no merges of its own, and no ordinary token after
// an id that is not one.
func (t *Tokenizer) rankForm() error {
	if t.def.merges != nil {
		return fmt.Errorf("token: the tiktoken format: %w", ErrNotRanks)
	}
	if len(t.ids) < len(t.def.tokens) && t.def.tokens[len(t.ids)] != nil {
		return fmt.Errorf("token: the tiktoken format needs all special tokens after the ordinary ones: %w", ErrNotRanks)
	}
	for id := range len(t.ids) {
		if t.def.tokens[id] == nil {
			return fmt.Errorf("token: the tiktoken format: id %d is not an ordinary token, but later ones are: %w", id, ErrNotRanks)
		}
	}
	return nil
}
