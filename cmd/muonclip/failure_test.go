package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"muonclip/data/shard"
	"muonclip/data/token"
	"muonclip/internal/stage"
)

// finished is a place with a finished run "out". Tests copy it before they harm it.
func finished(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	p.run("out").ok()
	return p
}

// flip changes one byte in the middle of a file.
func (p *place) flip(name string) {
	p.t.Helper()
	data := []byte(p.read(name))
	data[len(data)/2] ^= 1
	p.write(name, string(data))
}

// keeps checks that a failure left the checkpoints of the run as they were.
func (p *place) keeps(run string, fail func()) {
	p.t.Helper()
	before := p.files(run + "/checkpoints")
	fail()
	after := p.files(run + "/checkpoints")
	for name := range before {
		if after[name] != before[name] {
			p.t.Errorf("%s of %s changed", name, run)
		}
	}
	if c := p.newest(run); c.State.Step != 24 {
		p.t.Errorf("the newest checkpoint of %s is of step %d", run, c.State.Step)
	}
}

func TestDamagedShard(t *testing.T) {
	p := finished(t)
	file := "out/data/shards/books/train/shard-00000.arrow"
	p.flip(file)
	p.keeps("out", func() {
		p.mc("run", "--out", "out", "--set", "train.steps=30").fails(3, file, "damaged", "checksum", "make the shards again")
	})
	var found stage.Inspections
	res := p.mc("data", "inspect", "out", "--json").fails(3, file, "checksum")
	res.json(&found)
	if len(found) != 2 || found[0].Shards[0].Error == "" || found[1].Shards[0].Error != "" {
		t.Errorf("%s", res.out)
	}
	p.mc("data", "inspect", "out").fails(3, file)

	// Made again, the run goes on.
	p.remove("out/data/shards")
	p.mc("run", "--out", "out", "--set", "train.steps=30").ok()
	if n := len(p.rows("out")); n != 30 {
		t.Errorf("%d rows", n)
	}
	p.copy("out", "lost")
	p.remove("lost/data/shards/books/train/shard-00000.arrow")
	p.mc("run", "--out", "lost", "--set", "train.steps=32").fails(3, "shard-00000.arrow")
	p.write("lost/data/shards/books/train/manifest.json", "{}")
	p.mc("run", "--out", "lost", "--set", "train.steps=32").fails(3, "lost/data/shards/books/train")
}

func TestTruncatedCheckpoint(t *testing.T) {
	p := finished(t)
	p.copy("out", "whole")
	for _, file := range []string{"model.safetensors", "optimizer.safetensors", "state.json", "MANIFEST"} {
		name := "out/checkpoints/step-000024/" + file
		if err := os.Truncate(p.path(name), int64(len(p.read(name))/2)); err != nil {
			t.Fatal(err)
		}
		// Other commands use the one before, and say so; the one asked for by name is an error.
		p.mc("eval", "loss", "--model", "out").ok().fails(0, "damaged", file, "earlier")
		p.mc("generate", "--model", "out", "the").ok().fails(0, "damaged", file)
		p.mc("eval", "loss", "--model", "out/checkpoints/step-000024").fails(3, "step-000024", file)
		// A run goes on from the one before and comes to the same end.
		p.mc("run", "--out", "out").ok().fails(0, "a checkpoint is damaged; going on from an earlier one", "step-000024", file)
		p.equalRuns("out", "whole")
	}
	p.flip("out/checkpoints/step-000024/model.safetensors")
	p.remove("out/checkpoints/step-000020/MANIFEST")
	for _, args := range [][]string{{"run", "--out", "out"}, {"eval", "loss", "--model", "out"}, {"export", "hf", "--model", "out", "--to", "hf"}} {
		p.mc(args...).fails(3, "none of the 2 checkpoints of out can be used", "step-000024", "step-000020", "move the folder checkpoints away")
	}
	if rows := p.rows("out"); len(rows) != 24 {
		t.Errorf("%d rows are left", len(rows))
	}
}

func TestWrongTokenizer(t *testing.T) {
	p := finished(t)
	p.write("other.txt", strings.Repeat("quite different words, again and again, with other merges\n", 40))
	p.mc("tokenizer", "train", "--config", "tiny.yaml", "--data", "other.txt", "--set", "data.val_fraction=0", "--out", "other").ok()
	tok, err := token.Load(p.path("other/data/tokenizer"))
	if err != nil {
		t.Fatal(err)
	}
	p.copy("out", "kept")
	p.remove("out/data/tokenizer")
	p.copy("other/data/tokenizer", "out/data/tokenizer")
	p.keeps("out", func() {
		p.mc("run", "--out", "out", "--set", "train.steps=30").fails(3, "out/data/shards/books/train", "tokenizer", tok.Fingerprint(), "use the tokenizer they were made with")
		p.mc("generate", "--model", "out", "the").fails(3, "step-000024", tok.Fingerprint(), "use the tokenizer of its run folder")
		p.mc("eval", "loss", "--model", "out").fails(3, "tokenizer")
		p.mc("export", "hf", "--model", "out", "--to", "hf").fails(3, "tokenizer")
		// With shards of that tokenizer too, it is the checkpoint that does not belong.
		p.remove("out/data/shards")
		p.mc("run", "--out", "out", "--set", "train.steps=30").fails(3, "step-000024", tok.Fingerprint())
	})
	p.write("kept/data/tokenizer/tokenizer.json", "{")
	p.mc("run", "--out", "kept", "--set", "train.steps=30").fails(3, "kept/data/tokenizer/tokenizer.json")
	p.remove("kept/data/tokenizer") // learned again, it is the same
	p.mc("run", "--out", "kept", "--set", "train.steps=30").ok()
}

func TestContradictingConfig(t *testing.T) {
	p := finished(t)
	config := p.read("out/config.yaml")
	for key, value := range map[string]string{
		"model.hidden_size": "64", "seed": "7", "train.batch_size": "8", "train.seq_len": "16", "data.val_fraction": "0.2", "optim.kind": "adamw",
	} {
		p.keeps("out", func() {
			p.mc("run", "--out", "out", "--set", key+"="+value).fails(3, "out: ", key+" is ", value+" now", "start a new run with another --out")
			p.run("out", "--set", key+"="+value).fails(3, key)
		})
	}
	p.mc("run", "--out", "out", "--set", "train.steps=10").fails(2, "step-000024", "train.steps")
	p.mc("run", "--out", "out", "--set", "train.lrr=10").fails(2, `did you mean "train.lr"?`)
	if p.read("out/config.yaml") != config {
		t.Error("config.yaml changed")
	}

	p.copy("out", "nothing")
	p.remove("nothing/config.yaml")
	p.mc("run", "--out", "nothing").fails(3, "nothing", "config.yaml", "restore it")
	p.write("nothing/config.yaml", config+"\nextra: 1\n")
	p.mc("run", "--out", "nothing").fails(2, "config.yaml", "extra")
	p.mc("eval", "loss", "--model", "nothing").fails(2, "config.yaml", "extra")
}

// TestTokenOutOfRange: shards that claim a larger vocabulary than the model's, and ids that are not in
// the vocabulary they claim.
func TestTokenOutOfRange(t *testing.T) {
	p := finished(t)
	tok, err := token.Load(p.path("out/data/tokenizer"))
	if err != nil {
		t.Fatal(err)
	}
	dir := "out/data/shards/books/train"
	write := func(vocab int) {
		t.Helper()
		p.remove(dir)
		w, err := shard.Create(p.path(dir), shard.WriterConfig{Source: "books", Split: "train", Tokenizer: tok.Fingerprint(), VocabSize: vocab})
		if err != nil {
			t.Fatal(err)
		}
		ids := make([]int32, 400)
		ids[300] = 999
		if err := w.Add("doc", ids); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Finish(nil); err != nil {
			t.Fatal(err)
		}
	}
	write(1000)
	p.keeps("out", func() {
		p.mc("run", "--out", "out", "--set", "train.steps=30").fails(3, dir, "999", "320", "larger vocabulary")
	})
	// A manifest that lies: the ids themselves are looked at.
	var m map[string]any
	if err := json.Unmarshal([]byte(p.read(dir+"/manifest.json")), &m); err != nil {
		t.Fatal(err)
	}
	m["vocab_size"] = 320
	lie, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	p.write(dir+"/manifest.json", string(lie))
	p.keeps("out", func() {
		p.mc("run", "--out", "out", "--set", "train.steps=30").fails(3, dir)
	})
}

func TestUnusableText(t *testing.T) {
	p := newPlace(t)
	p.write("empty.txt", "")
	p.write("nothing/readme", "")
	p.write("binary.txt", "ab\x00cd")
	p.write("short.txt", "a few words only\n")
	p.write("bad.jsonl", "{\"text\": \"fine\"}\n{\"text\": ")
	p.write("other.jsonl", "{\"body\": \"text in another field\"}\n")
	for _, tt := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"empty file", []string{"--data", "empty.txt"}, 1, []string{"empty.txt", "empty corpus", "check the path"}},
		{"empty folder", []string{"--data", "nothing"}, 1, []string{"nothing", "empty corpus"}},
		{"no such path", []string{"--data", "nowhere"}, 1, []string{"nowhere", "check the path"}},
		{"binary file", []string{"--data", "binary.txt"}, 1, []string{"binary.txt", "binary file", "zero byte at 2", "name a text file"}},
		{"too short for a split", []string{"--data", "short.txt"}, 1, []string{"empty split", "data.val_fraction=0"}},
		{"too short for a sequence", []string{"--data", "short.txt", "--set", "data.val_fraction=0"}, 1, []string{"short.txt", "a sequence of 32 needs 33", "use more data or a shorter sequence"}},
		{"nothing held out", []string{"--data", "books", "--set", "data.val_fraction=0.0001"}, 1, []string{"empty split", "val", "data.val_fraction"}},
		{"half a line", []string{"--data", "bad.jsonl"}, 1, []string{"bad.jsonl", "2"}},
		{"another field", []string{"--data", "other.jsonl"}, 1, []string{"other.jsonl", "text", "body"}},
		{"no text at all", []string{"--set", "data.sources=null"}, 1, []string{"--data PATH", "data.sources"}},
		{"misspelt key", []string{"--data", "books", "--set", "train.stesp=3"}, 2, []string{`"train.stesp"`, `did you mean "train.steps"?`}},
		{"no such file", []string{"--config", "nowhere.yaml"}, 2, []string{"nowhere.yaml"}},
		{"small vocabulary", []string{"--data", "books", "--set", "model.vocab_size=100"}, 2, []string{"100", "256"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := strings.ReplaceAll(tt.name, " ", "-")
			(&place{t: t, dir: p.dir}).mc(append([]string{"run", "--config", "tiny.yaml", "--out", out}, tt.args...)...).fails(tt.code, tt.says...)
		})
	}
}

// TestBinaryFileInFolder is skipped and counted.
func TestBinaryFileInFolder(t *testing.T) {
	p := newPlace(t)
	p.write("books/picture.png", "\x89PNG\x00\x00")
	p.run("out").ok()
	var m struct {
		Corpus struct {
			Dropped     map[string]struct{ Documents int }
			BinaryFiles []string `json:"binary_files"`
		}
	}
	if err := json.Unmarshal([]byte(p.read("out/manifest.json")), &m); err != nil {
		t.Fatal(err)
	}
	if m.Corpus.Dropped["binary"].Documents != 1 || len(m.Corpus.BinaryFiles) != 1 || m.Corpus.BinaryFiles[0] != "books/picture.png" {
		t.Errorf("%+v", m)
	}
}

func TestNothingHeldOut(t *testing.T) {
	p := newPlace(t)
	var sum stage.Summary
	p.run("out", "--set", "data.val_fraction=0", "--json").ok().json(&sum)
	if sum.ValLoss != nil || sum.UnigramLoss != 0 {
		t.Errorf("%+v", sum)
	}
	p.mc("eval", "loss", "--model", "out").fails(1, "holds nothing out", "--data")
	p.mc("eval", "loss", "--model", "out", "--data", "books/01.txt").ok()
}

func TestFolderInUse(t *testing.T) {
	p := finished(t)
	lock, err := os.Open(p.path("out/.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	p.keeps("out", func() {
		p.mc("run", "--out", "out").fails(1, "run folder out is in use by another process", "--out")
	})
	p.mc("eval", "loss", "--model", "out").ok() // reading is no harm
}

func TestUnwritableFolder(t *testing.T) {
	p := newPlace(t)
	p.write("file", "")
	p.run("file").fails(1, "run folder", "file", "choose another --out")
	p.run("file/below").fails(1, "run folder", "file", "choose another --out")
	if os.Geteuid() == 0 {
		p.run("/proc/none").fails(1, "/proc/none", "choose another --out")
		return // root may write everywhere else
	}
	if err := os.Mkdir(p.path("locked"), 0o555); err != nil {
		t.Fatal(err)
	}
	p.run("locked").fails(1, "locked", "permission denied", "choose another --out")
}

// TestInterruptedWrites: what a killed process leaves behind does no harm.
func TestInterruptedWrites(t *testing.T) {
	p := finished(t)
	p.write("out/checkpoints/.tmp-step-000030-0/model.safetensors", "half")
	p.write("out/data/.tmp-tokenizer-0/tokenizer.json", "half")
	p.write("out/metrics.jsonl", p.read("out/metrics.jsonl")+`{"step":25,"tok`)
	p.mc("run", "--out", "out", "--set", "train.steps=30").ok()
	if n := len(p.rows("out")); n != 30 {
		t.Errorf("%d rows", n)
	}
	if left, err := filepath.Glob(p.path("out/checkpoints/.tmp-*")); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
	if bytes.Contains([]byte(p.read("out/metrics.jsonl")), []byte(`"tok{`)) {
		t.Error("half a row is left")
	}
}
