package corpus

import (
	"path/filepath"
	"testing"

	"muonclip/internal/nodetest"

	"github.com/google/go-cmp/cmp"
)

const nodeWriter = `
import { parquetWriteBuffer } from "hyparquet-writer";
import { tableFromArrays, tableToIPC, vectorFromArray, Utf8, Table } from "apache-arrow";
import { writeFileSync } from "node:fs";
const dir = process.argv[2];
const text = Array.from({ length: 3000 }, (_, i) => "row " + i + " äöü 世界");
const id = text.map((_, i) => i);
writeFileSync(dir + "/x.parquet", Buffer.from(parquetWriteBuffer({ columnData: [
  { name: "id", data: id, type: "INT32" }, { name: "text", data: text, type: "STRING" } ] })));
const dictionary = tableFromArrays({ id: Int32Array.from(id), text });
const plain = new Table({ text: vectorFromArray(text, new Utf8()) });
writeFileSync(dir + "/dictionary.arrow", tableToIPC(dictionary, "file"));
writeFileSync(dir + "/plain.arrow", tableToIPC(plain, "file"));
writeFileSync(dir + "/stream.arrows", tableToIPC(plain, "stream"));
console.log(text.length);
`

// TestForeignFiles reads Parquet and Arrow files that other implementations wrote: the npm packages
// hyparquet-writer and apache-arrow.
func TestForeignFiles(t *testing.T) {
	dir := nodetest.Install(t, "hyparquet-writer@0.6.1", "apache-arrow@21.2.0")
	nodetest.Run(t, dir, "main.mjs", nodeWriter, dir)
	var want []string
	for _, name := range []string{"x.parquet", "dictionary.arrow", "plain.arrow", "stream.arrows"} {
		docs, _, err := collect(t, one(Source{Path: filepath.Join(dir, name)}))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range docs {
			got = append(got, string(d.Text))
		}
		if want == nil {
			want = got
			if len(got) != 3000 || got[2999] != "row 2999 äöü 世界" {
				t.Fatalf("%d rows, the last is %q", len(got), got[len(got)-1])
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(name, diff)
		}
	}
}
