package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
)

// parquetJSON is what a reader should get from the Parquet file, as JSON: nulls where a field is absent.
func parquetJSON(t *testing.T, rows []*Row) any {
	t.Helper()
	var out []any
	for _, r := range rows {
		var messages []any
		for _, m := range r.Dialogue.Messages {
			msg := map[string]any{"role": m.Role, "content": strings.ToValidUTF8(m.Content, "\uFFFD"), "name": nil, "tool_call_id": nil, "tool_calls": nil, "weight": nil}
			if m.Name != "" {
				msg["name"] = m.Name
			}
			if m.Role == chat.RoleTool {
				msg["tool_call_id"] = m.ToolCallID
			}
			if m.NoLoss {
				msg["weight"] = 0
			}
			var calls []any
			for _, c := range m.ToolCalls {
				calls = append(calls, map[string]any{"id": c.ID, "type": "function", "function": map[string]any{"name": c.Name, "arguments": string(c.Arguments)}})
			}
			if calls != nil {
				msg["tool_calls"] = calls
			}
			messages = append(messages, msg)
		}
		size := SizeOf(r.Dialogue)
		checks, err := compactJSON(r.Checks)
		if err != nil {
			t.Fatal(err)
		}
		record, err := compactJSON(r.Record)
		if err != nil {
			t.Fatal(err)
		}
		kinds := r.Kinds
		if kinds == nil {
			kinds = []string{}
		}
		out = append(out, map[string]any{
			"id": r.Dialogue.ID, "messages": messages, "tools": string(chat.AppendTools(nil, r.Dialogue.Tools)), "domain": r.Domain, "category": r.Category,
			"kinds": kinds, "difficulty": r.Difficulty, "persona": r.Persona, "plan": r.Plan, "turns": size.Turns, "calls": size.Calls,
			"faults": r.Record.Faults(), "changes": r.Record.Changes(), "rubric": string(r.Rubric), "checks": string(checks), "record": string(record),
			"key": r.Key, "index": r.Index,
		})
	}
	data, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func writeParquet(t testing.TB, rows []*Row) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteParquet(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestArrowReadsParquet reads the file with arrow's own reader.
func TestArrowReadsParquet(t *testing.T) {
	rows := append(testRows(), manyRows(2100)...) // more than two row groups
	data := writeParquet(t, rows)
	if !bytes.Equal(data, writeParquet(t, rows)) {
		t.Error("the same rows give other bytes")
	}
	table, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(data), parquet.NewReaderProperties(nil), pqarrow.ArrowReadProperties{}, memory.NewGoAllocator())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	if int(table.NumRows()) != len(rows) {
		t.Fatalf("%d rows, want %d", table.NumRows(), len(rows))
	}
	got := make([]map[string]any, len(rows))
	for i := range got {
		got[i] = map[string]any{}
	}
	for c := range int(table.NumCols()) {
		row := 0
		for _, chunk := range table.Column(c).Data().Chunks() {
			data, err := chunk.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			var values []any
			if err := json.Unmarshal(data, &values); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				got[row][table.Column(c).Name()] = v
				row++
			}
		}
	}
	plain, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(plain, &v); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parquetJSON(t, rows), v); diff != "" {
		t.Error(diff)
	}
}

const hyparquetReader = `
import { parquetReadObjects, asyncBufferFromFile } from "hyparquet";
const out = [];
for (const path of process.argv.slice(2)) {
  out.push(...await parquetReadObjects({ file: await asyncBufferFromFile(path) }));
}
console.log(JSON.stringify(out, (_, v) => typeof v === "bigint" ? Number(v) : v));
`

// TestHyparquetReadsParquet reads the file with the JavaScript reader that Hugging Face uses.
func TestHyparquetReadsParquet(t *testing.T) {
	if testing.Short() {
		t.Skip("installs an npm package; not with -short")
	}
	rows := append(testRows(), manyRows(1200)...)
	path := filepath.Join(t.TempDir(), "train-00000.parquet")
	if err := os.WriteFile(path, writeParquet(t, rows), 0o644); err != nil {
		t.Fatal(err)
	}
	var got any
	if out := runNode(t, []string{"hyparquet@1.31.5"}, hyparquetReader, path); json.Unmarshal(out, &got) != nil {
		t.Fatalf("no JSON: %.300s", out)
	}
	// hyparquet leaves a null list out and gives null for other fields.
	if diff := cmp.Diff(withoutNulls(parquetJSON(t, rows)), withoutNulls(got)); diff != "" {
		t.Error(diff)
	}
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	case map[string]any:
		for k, x := range v {
			if x == nil {
				delete(v, k)
			} else {
				v[k] = withoutNulls(x)
			}
		}
	}
	return v
}

// runNode installs npm packages in a temporary folder and runs a script there. It skips the test where npm is missing or the
// packages cannot be fetched.
func runNode(t *testing.T, packages []string, script string, args ...string) []byte {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.mjs"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, append([]string{"install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir}, packages...)...)
	install.WaitDelay = time.Second
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm could not install %q (no network?): %v\n%s", packages, err, out)
	}
	node := exec.CommandContext(ctx, "node", append([]string{filepath.Join(dir, "main.mjs")}, args...)...)
	node.WaitDelay = time.Second
	out, err := node.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("node: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	return out
}
