package corpus

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

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
	if testing.Short() {
		t.Skip("installs npm packages; not with -short")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.mjs"), []byte(nodeWriter), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, "hyparquet-writer@0.6.1", "apache-arrow@21.2.0")
	install.WaitDelay = time.Second
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm could not install the packages (no network?): %v\n%s", err, out)
	}
	node := exec.CommandContext(ctx, "node", filepath.Join(dir, "main.mjs"), dir)
	node.WaitDelay = time.Second
	if out, err := node.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
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
