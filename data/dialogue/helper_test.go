package dialogue

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/klauspost/compress/zstd"

	"muonclip/data/chat"
	"muonclip/data/token"
)

// testTokenizer has a token for each byte, K2's special tokens and that of Hermes.
func testTokenizer(t testing.TB) *token.Tokenizer {
	t.Helper()
	var tokens [][]byte
	for b := range 256 {
		tokens = append(tokens, []byte{byte(b)})
	}
	tok, err := token.New(token.PatternK2, tokens, append(token.K2Specials(), token.Special{Text: "<|im_start|>"}))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// weather is a dialogue with every kind of turn; n makes it different from others.
func weather(n int) chat.Dialogue {
	call := func(city string, i int) chat.ToolCall {
		return chat.ToolCall{ID: chat.CallID("get_weather", i), Name: "get_weather", Arguments: json.RawMessage(`{"city": "` + city + `"}`)}
	}
	result := func(i int, text string) chat.Message {
		return chat.Message{Role: chat.RoleTool, Name: "get_weather", ToolCallID: chat.CallID("get_weather", i), Content: text}
	}
	return chat.Dialogue{
		ID: fmt.Sprint("d", n),
		Messages: []chat.Message{
			{Role: chat.RoleSystem, Content: "Be brief."},
			{Role: chat.RoleUser, Content: fmt.Sprintf("Weather? %d «ü»", n)},
			{Role: chat.RoleAssistant, Content: "Where?"},
			{Role: chat.RoleUser, Content: "Rome and Oslo"},
			{Role: chat.RoleAssistant, Content: "Let me see.", ToolCalls: []chat.ToolCall{call("Rome", 0), call("Oslo", 1)}},
			result(0, `{"t": 21}`),
			result(1, `{"t": 3}`),
			{Role: chat.RoleAssistant, Content: "21 and 3."},
			{Role: chat.RoleUser, Content: "Thanks"},
			{Role: chat.RoleAssistant, Content: "A slip.", NoLoss: true},
		},
		Tools: []chat.Tool{{Name: "get_weather", Description: "The weather", Parameters: json.RawMessage(`{"type": "object", "properties": {"city": {"type": "string"}}}`)}},
	}
}

// jsonl is dialogues as JSON Lines in OpenAI's shape.
func jsonl(dialogues ...chat.Dialogue) []byte {
	var out []byte
	for _, d := range dialogues {
		out = append(d.AppendJSON(out), '\n')
	}
	return out
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// parquetOf writes rows, a JSON array of objects, as a Parquet file of a schema. Each row group has them all.
func parquetOf(t testing.TB, schema *arrow.Schema, rows string, groups int, dictionary bool, codec compress.Compression) []byte {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.NewGoAllocator(), schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	var b bytes.Buffer
	props := parquet.NewWriterProperties(parquet.WithCompression(codec), parquet.WithDictionaryDefault(dictionary), parquet.WithDataPageSize(300))
	w, err := pqarrow.NewFileWriter(schema, &b, props, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	for range groups {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write makes a folder of files.
func write(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// collect reads a source. Records that are no dialogues are in bad; any other error is err.
func collect(src Source) (items []Item, bad []string, err error) {
	for it, e := range Read(context.Background(), src) {
		switch {
		case errors.Is(e, ErrRecord):
			bad = append(bad, e.Error())
		case e != nil:
			err = e
		default:
			items = append(items, it)
		}
	}
	return items, bad, err
}
