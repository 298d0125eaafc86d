package chatshard

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"muonclip/data/arrowmeta"
)

// recordTokens closes a record batch, so that programs that read record by record need little memory.
const recordTokens = 1 << 20

// Keys of the Arrow schema's metadata.
const (
	keyFormat    = "muonclip.format"
	keyVersion   = "muonclip.version"
	keyTokenizer = "muonclip.tokenizer"
	keyVocab     = "muonclip.vocab_size"
	keyChat      = "muonclip.chat_format"
)

// columns are the columns of a file.
var columns = []arrowmeta.Column{
	{Name: "tokens", Type: arrowmeta.ListUint32},
	{Name: "mask", Type: arrowmeta.ListUint8},
	{Name: "id", Type: arrowmeta.Utf8},
	{Name: "kind", Type: arrowmeta.Utf8},
}

// Config says what the ids mean. It stands in the schema of every file and in the manifest.
type Config struct {
	Tokenizer string `json:"tokenizer"`   // fingerprint
	VocabSize int    `json:"vocab_size"`  // all ids are below
	Format    string `json:"chat_format"` // name of the chat format
}

// Write writes one file. Its bytes depend on nothing but the arguments.
func Write(w io.Writer, cfg Config, dialogues []Dialogue) error {
	schema := cfg.schema()
	file, err := ipc.NewFileWriter(&forward{w: w}, ipc.WithSchema(schema))
	if err != nil {
		return fmt.Errorf("chatshard: %w", err)
	}
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer b.Release()
	tokens, masks := b.Field(0).(*array.ListBuilder), b.Field(1).(*array.ListBuilder)
	ids, flags := tokens.ValueBuilder().(*array.Uint32Builder), masks.ValueBuilder().(*array.Uint8Builder)
	names, kinds := b.Field(2).(*array.StringBuilder), b.Field(3).(*array.StringBuilder)
	emit := func() error {
		rec := b.NewRecord()
		defer rec.Release()
		return file.Write(rec)
	}
	inRecord := 0
	for _, d := range dialogues {
		if err := cfg.check(d); err != nil {
			return err
		}
		if inRecord > 0 && inRecord+len(d.IDs) > recordTokens {
			if err := emit(); err != nil {
				return fmt.Errorf("chatshard: %w", err)
			}
			inRecord = 0
		}
		tokens.Append(true)
		masks.Append(true)
		ids.Reserve(len(d.IDs))
		flags.Reserve(len(d.IDs))
		for i, id := range d.IDs {
			ids.UnsafeAppend(uint32(id))
			flags.UnsafeAppend(uint8(d.Turns[i]))
		}
		names.Append(strings.ToValidUTF8(d.ID, "\uFFFD")) // Arrow strings are UTF-8
		kinds.Append(strings.ToValidUTF8(d.Kind, "\uFFFD"))
		inRecord += len(d.IDs)
	}
	if err := emit(); err != nil {
		return fmt.Errorf("chatshard: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("chatshard: %w", err)
	}
	return nil
}

// check says why a dialogue cannot be written.
func (c Config) check(d Dialogue) error {
	if len(d.IDs) != len(d.Turns) || len(d.IDs) > math.MaxInt32 {
		return fmt.Errorf("chatshard: dialogue %s has %d ids and a mask of %d", d.ID, len(d.IDs), len(d.Turns))
	}
	for i, id := range d.IDs {
		if id < 0 || int(id) >= c.VocabSize {
			return fmt.Errorf("chatshard: dialogue %s, position %d holds %d, the vocabulary has %d", d.ID, i, id, c.VocabSize)
		}
		if d.Turns[i] >= turns {
			return fmt.Errorf("chatshard: dialogue %s, position %d: the mask is %d, want less than %d", d.ID, i, d.Turns[i], turns)
		}
	}
	return nil
}

func (c Config) schema() *arrow.Schema {
	meta := arrow.NewMetadata(
		[]string{keyFormat, keyVersion, keyTokenizer, keyVocab, keyChat},
		[]string{FormatName, strconv.Itoa(FormatVersion), c.Tokenizer, strconv.Itoa(c.VocabSize), c.Format})
	return arrow.NewSchema([]arrow.Field{
		{Name: "tokens", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Uint32)},
		{Name: "mask", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Uint8)},
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "kind", Type: arrow.BinaryTypes.String},
	}, &meta)
}

// forward is a writer that knows its position, which is all that the Arrow writer asks of a seeker.
type forward struct {
	w io.Writer
	n int64
}

func (f *forward) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	f.n += int64(n)
	return n, err
}

func (f *forward) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return f.n, errors.New("chatshard: a file is written from its beginning to its end")
	}
	return f.n, nil
}
