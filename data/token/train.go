package token

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
)

// TrainOptions configures Train.
type TrainOptions struct {
	// VocabSize is the number of ids wanted, bytes and special tokens included. Fewer come out when
	// no pair of tokens occurs MinFrequency times any more.
	VocabSize int
	// Specials follow the ordinary tokens in this order; their IDs are ignored. nil means K2Specials; an
	// empty slice means none.
	Specials []Special
	// Pattern cuts the text; empty means PatternK2.
	Pattern Pattern
	// MinFrequency is the least number of occurrences of a pair to be merged; 0 means 2.
	MinFrequency int64
	// MaxTokenBytes bounds the length of a token; 0 means 64.
	MaxTokenBytes int
	// Workers is the number of goroutines that count pre-tokens; 0 means one for each processor. The result does
	// not depend on it.
	Workers int
	// Progress, if not nil, is called now and then, never by two goroutines at once.
	Progress func(Progress)
}

// Progress tells how far a training is.
type Progress struct {
	Bytes, Documents int64 // read so far
	Words            int   // different pre-tokens; 0 while the text is being read
	Tokens, Want     int   // ordinary tokens made so far, and wanted
}

func (o TrainOptions) withDefaults() TrainOptions {
	if o.Specials == nil {
		o.Specials = K2Specials()
	}
	if o.MinFrequency <= 0 {
		o.MinFrequency = 2
	}
	if o.MaxTokenBytes <= 0 {
		o.MaxTokenBytes = 64
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

// ErrEmptyCorpus is returned by Train when the documents hold no text.
var ErrEmptyCorpus = errors.New("token: the corpus for training the tokenizer holds no text")

// Train learns a vocabulary from documents. A document may be overwritten once the next one is asked for.
//
// The first 256 ids are the single bytes in the order of GPT-2 and tiktoken (first the printable ones). Each
// next id is the pair of neighbouring tokens that occurs most often in the pre-tokens of the corpus;
// of equally frequent pairs, the one with the lowest left id and then the lowest right id. The result
// depends on the documents as a whole only, neither on their order nor on the number of workers.
func Train(ctx context.Context, o TrainOptions, docs iter.Seq2[[]byte, error]) (*Tokenizer, error) {
	o = o.withDefaults()
	p, ok := o.Pattern.lookup()
	if !ok {
		return nil, fmt.Errorf("token: unknown pattern %q", o.Pattern)
	}
	want := o.VocabSize - len(o.Specials)
	if want < 256 {
		return nil, fmt.Errorf("token: vocabulary size %d is too small: 256 bytes and %d special tokens need %d", o.VocabSize, len(o.Specials), 256+len(o.Specials))
	}
	if o.VocabSize > maxVocab {
		return nil, fmt.Errorf("token: vocabulary size %d is above the limit of %d", o.VocabSize, maxVocab)
	}
	progress := Progress{Want: want}
	words, err := countWords(ctx, o, p.split, docs, &progress)
	if err != nil {
		return nil, err
	}
	if words.used == 0 {
		return nil, ErrEmptyCorpus
	}
	progress.Words = words.used
	tokens, err := learn(ctx, o, words, &progress)
	if err != nil {
		return nil, err
	}
	specials := slices.Clone(o.Specials)
	for i := range specials {
		specials[i].ID = 0
	}
	return New(p.name, tokens, specials)
}

// byteTokens are the tokens of single bytes, and ids[b] is the id of byte b.
func byteTokens() (tokens [][]byte, ids [256]int32) {
	for id, b := range byteOrder() {
		tokens = append(tokens, []byte{b})
		ids[b] = int32(id)
	}
	return tokens, ids
}
