package shard

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"muonclip/internal/nodetest"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

// foreignShard is what another program reads from a shard file.
type foreignShard struct {
	Metadata map[string]string
	Names    []string
	Tokens   [][]int32
}

// expected groups the documents by shard as the manifest does.
func expected(m Manifest, docs []testDoc) []foreignShard {
	var out []foreignShard
	for _, s := range m.Shards {
		f := foreignShard{Metadata: map[string]string{
			keyFormat: FormatName, keyVersion: "1", keyTokenizer: "abc123", keyVocab: "1000", keySource: "test", keySplit: "train",
		}}
		for _, d := range docs[:s.Documents] {
			f.Names = append(f.Names, d.Name)
			f.Tokens = append(f.Tokens, append([]int32{}, d.IDs...))
		}
		docs = docs[s.Documents:]
		out = append(out, f)
	}
	return out
}

// TestArrowGoReads reads the shards with arrow/go's own reader, which shares no code with ours.
func TestArrowGoReads(t *testing.T) {
	dir := t.TempDir()
	docs := randomDocs(60, 100, 1000, 1)
	m := writeDocs(t, dir, testConfig, docs)
	var got []foreignShard
	for _, s := range m.Shards {
		data, err := os.ReadFile(filepath.Join(dir, s.File))
		if err != nil {
			t.Fatal(err)
		}
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		r, err := ipc.NewFileReader(bytes.NewReader(data), ipc.WithAllocator(mem))
		if err != nil {
			t.Fatal(err)
		}
		f := foreignShard{Metadata: r.Schema().Metadata().ToMap()}
		for i := range r.NumRecords() {
			rec, err := r.RecordAt(i)
			if err != nil {
				t.Fatal(err)
			}
			lists := rec.Column(0).(*array.List)
			values := lists.ListValues().(*array.Uint32).Uint32Values()
			for row := range int(rec.NumRows()) {
				start, end := lists.ValueOffsets(row)
				ids := []int32{}
				for _, v := range values[start:end] {
					ids = append(ids, int32(v))
				}
				f.Tokens = append(f.Tokens, ids)
				f.Names = append(f.Names, rec.Column(1).(*array.String).Value(row))
			}
			rec.Release()
		}
		r.Close()
		mem.AssertSize(t, 0)
		got = append(got, f)
	}
	if diff := cmp.Diff(expected(m, docs), got); diff != "" {
		t.Error(diff)
	}
}

const nodeReader = `
import { tableFromIPC } from "apache-arrow";
import { readFileSync } from "node:fs";
const out = process.argv.slice(2).map((path) => {
  const table = tableFromIPC(readFileSync(path));
  const tokens = table.getChild("tokens"), names = table.getChild("name");
  const shard = { Metadata: Object.fromEntries(table.schema.metadata), Names: [], Tokens: [] };
  for (let i = 0; i < table.numRows; i++) {
    shard.Names.push(names.get(i));
    shard.Tokens.push(Array.from(tokens.get(i)));
  }
  return shard;
});
console.log(JSON.stringify(out));
`

// TestApacheArrowJSReads reads the shards with the JavaScript implementation of Arrow.
func TestApacheArrowJSReads(t *testing.T) {
	node, dir := nodetest.Install(t, "apache-arrow@21.2.0"), t.TempDir()
	docs := randomDocs(60, 100, 1000, 1)
	m := writeDocs(t, dir, testConfig, docs)
	var paths []string
	for _, s := range m.Shards {
		paths = append(paths, filepath.Join(dir, s.File))
	}
	out := nodetest.Run(t, node, "read.mjs", nodeReader, paths...)
	var got []foreignShard
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %.200s", err, out)
	}
	if diff := cmp.Diff(expected(m, docs), got); diff != "" {
		t.Error(diff)
	}
}
