package synth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/data/chatshard"
	"muonclip/data/token"
	"muonclip/synth/dataset"
)

// tree gives the checksum of every file below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		out[rel] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// bytesTokenizer has a token for each byte and K2's special tokens.
func bytesTokenizer(t testing.TB) *token.Tokenizer {
	t.Helper()
	var tokens [][]byte
	for b := range 256 {
		tokens = append(tokens, []byte{byte(b)})
	}
	specials := token.K2Specials()
	for i := range specials {
		specials[i].ID = int32(256 + i)
	}
	tok, err := token.New(token.PatternK2, tokens, specials)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func options(t *testing.T, n int) Options {
	return Options{Dir: filepath.Join(t.TempDir(), "set"), Name: "test", N: n, Seed: 7, PartRows: 50, Tokenizer: bytesTokenizer(t)}
}

func generate(t *testing.T, s Sampler, o Options) *Result {
	t.Helper()
	r, err := Generate(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// slow makes the candidates finish in another order than they began.
func slow(i int64) time.Duration { return time.Duration(i*7919%13) * 100 * time.Microsecond }

func TestWorkersDoNotMatter(t *testing.T) {
	s := fake{seed: 1, delay: slow, every: 11, twin: 180}
	one, many := options(t, 170), options(t, 170)
	one.Workers, many.Workers = 1, 7
	generate(t, s, one)
	r := generate(t, s, many)
	want := tree(t, one.Dir)
	if diff := cmp.Diff(want, tree(t, many.Dir)); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"manifest.json", "README.md", "index.html", "plots/kinds.svg", "parquet/train-00003.parquet", "tokens/tokens-00003.arrow", "tokens/manifest.json", "dialogues/train-00003.jsonl", "records/records-00003.jsonl"} {
		if want[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if _, err := os.Stat(filepath.Join(many.Dir, StateDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state is still there: %v", err)
	}
	if r.Manifest.Rows != 170 || len(r.Manifest.Parts) != 4 || r.Manifest.Refused["rubric"].Count == 0 {
		t.Errorf("%d rows in %d parts, refused %v", r.Manifest.Rows, len(r.Manifest.Parts), r.Manifest.Refused)
	}
}

// TestResume stops a run at many places and finishes it: the bytes are those of a run that never stopped.
func TestResume(t *testing.T) {
	s := fake{seed: 2, every: 9}
	whole := options(t, 220)
	generate(t, s, whole)
	want := tree(t, whole.Dir)
	stopped := options(t, 220)
	stopped.Workers = 3
	kills := 0
	for at := int64(30); ; at += 45 {
		broken := s
		broken.fail = at
		if at > 250 {
			broken.fail = 0
		}
		r, err := Generate(t.Context(), broken, stopped)
		if err == nil {
			if r.Resumed != 150 {
				t.Errorf("the last run took over %d rows, want the 150 of three whole parts", r.Resumed)
			}
			break
		}
		if !strings.Contains(err.Error(), "the endpoint is down") {
			t.Fatal(err)
		}
		if _, err := dataset.Open(stopped.Dir); !errors.Is(err, dataset.ErrUnfinished) {
			t.Errorf("an unfinished data set opens: %v", err)
		}
		kills++
	}
	if kills < 4 {
		t.Errorf("stopped %d times only", kills)
	}
	if diff := cmp.Diff(want, tree(t, stopped.Dir)); diff != "" {
		t.Error(diff)
	}
	again := generate(t, s, stopped)
	if !again.Finished {
		t.Error("a finished data set is made again")
	}
}

// TestDamagedPartIsMadeAgain damages and removes files of finished parts of a stopped run.
func TestDamagedPartIsMadeAgain(t *testing.T) {
	s := fake{seed: 3}
	whole := options(t, 160)
	generate(t, s, whole)
	for _, file := range []string{"dialogues/train-00001.jsonl", "parquet/train-00000.parquet", ".state/part-00001.json"} {
		for name, damage := range map[string]func(string) error{
			"removed": os.Remove,
			"cut":     func(p string) error { return os.Truncate(p, 100) },
		} {
			t.Run(file+" "+name, func(t *testing.T) {
				o := options(t, 160)
				broken := s
				broken.fail = 155
				if _, err := Generate(t.Context(), broken, o); err == nil {
					t.Fatal("it did not stop")
				}
				if err := damage(filepath.Join(o.Dir, file)); err != nil {
					t.Fatal(err)
				}
				generate(t, s, o)
				if diff := cmp.Diff(tree(t, whole.Dir), tree(t, o.Dir)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestRefusals(t *testing.T) {
	bench := filepath.Join(t.TempDir(), "gsm8k", "test.jsonl")
	if err := os.Mkdir(filepath.Dir(bench), 0o755); err != nil {
		t.Fatal(err)
	}
	question := "Janet has sixteen ducks that lay eggs on every day of the week and she sells them all"
	if err := os.WriteFile(bench, []byte(`{"question":"`+question+`","answer":"#### 18"}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := options(t, 100)
	o.Benchmarks, o.GiveUp = []string{bench}, 500
	s := fake{seed: 4, twin: 60, panic: 5, plant: map[int64]string{8: "Hello! " + strings.ToUpper(question) + ", how much is it?"}}
	// Candidate 60 and later repeat candidate 0 and later in all but the key, and are refused: the run cannot get 100.
	if _, err := Generate(t.Context(), s, o); err == nil || !strings.Contains(err.Error(), "in a row were refused") {
		t.Fatalf("got %v, want that the sampler has nothing more to give", err)
	}
	o = options(t, 58)
	o.Benchmarks = []string{bench}
	r := generate(t, s, o)
	m := r.Manifest
	if m.Refused[ReasonPanic].Count != 1 || !strings.HasPrefix(m.Refused[ReasonPanic].Examples[0], "candidate 5: a broken world in synth.fake.Dialogue (fake_test.go:") {
		t.Errorf("panics: %v", m.Refused[ReasonPanic])
	}
	if m.Refused[ReasonContaminated].Count != 1 || !strings.Contains(m.Refused[ReasonContaminated].Examples[0], "gsm8k/test.jsonl 0 (100 %)") {
		t.Errorf("contaminated: %v", m.Refused[ReasonContaminated])
	}
	report, err := os.ReadFile(filepath.Join(o.Dir, contaminationFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"candidate": 8`, `"dialogues_refused": 1`, `"file": "gsm8k/test.jsonl"`, `"too_short": 1`} {
		if !strings.Contains(string(report), want) {
			t.Errorf("%s lacks %s:\n%s", contaminationFile, want, report)
		}
	}
	o = options(t, 70)
	o.NearDuplicate = -1
	if m := generate(t, s, o).Manifest; m.Refused[ReasonDuplicate].Count != 0 || m.Rows != 70 {
		t.Errorf("with near-duplicates allowed: %d rows, %v", m.Rows, m.Refused)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := fake{seed: 5}
	usage := func(what string, o Options) {
		t.Helper()
		var u *UsageError
		if _, err := Generate(t.Context(), s, o); !errors.As(err, &u) {
			t.Errorf("%s: got %v, want a usage error", what, err)
		}
	}
	o := options(t, 60)
	generate(t, s, o)
	other := o
	other.Seed = 8
	usage("finished with another seed", other)
	bad := options(t, 0)
	usage("no rows", bad)
	bad = options(t, 5)
	bad.Formats = []string{"csv"}
	usage("unknown format", bad)
	bad = options(t, 5)
	bad.Formats, bad.Tokenizer = []string{Arrow}, nil
	usage("arrow without tokenizer", bad)
	bad = options(t, 5)
	bad.Benchmarks = []string{"/does/not/exist"}
	usage("missing benchmark", bad)
	bad = options(t, 5)
	if err := os.MkdirAll(bad.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bad.Dir, "thesis.tex"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	usage("a folder with something else", bad)

	stopped := options(t, 60)
	broken := s
	broken.fail = 55
	if _, err := Generate(t.Context(), broken, stopped); err == nil {
		t.Fatal("it did not stop")
	}
	stopped.PartRows = 20
	usage("unfinished with other parts", stopped)
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := fake{seed: 6, delay: func(i int64) time.Duration {
		if i == 40 {
			cancel()
		}
		return 0
	}}
	if _, err := Generate(ctx, s, options(t, 500)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRowsComeBack reads everything back and compares it with what the sampler made.
func TestRowsComeBack(t *testing.T) {
	s := fake{seed: 7, every: 10}
	o := options(t, 120)
	generate(t, s, o)
	set, err := dataset.Open(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	shards, err := chatshard.Open(filepath.Join(o.Dir, dataset.TokenDir), chatshard.Options{Tokenizer: o.Tokenizer.Fingerprint(), Format: "kimi-k2"})
	if err != nil {
		t.Fatal(err)
	}
	defer shards.Close()
	n := 0
	for got, err := range set.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := s.Dialogue(t.Context(), got.Index)
		if err != nil {
			t.Fatal(err)
		}
		want.Index, want.Dialogue.ID = got.Index, dataset.RowID(want.Key)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		d, err := shards.Read(n)
		if err != nil {
			t.Fatal(err)
		}
		p := &pipeline{options: Options{Tokenizer: o.Tokenizer, ChatFormat: chat.K2{}}}
		c := &candidate{row: want}
		if err := p.encode(c); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.tokens, d); diff != "" {
			t.Fatal(diff)
		}
		n++
	}
	if n != 120 || shards.Len() != 120 {
		t.Errorf("%d rows and %d shards", n, shards.Len())
	}
	picked, err := set.Pick([]int{0, 49, 50, 119})
	if err != nil || len(picked) != 4 || picked[2].Index <= picked[1].Index {
		t.Errorf("picked %d rows: %v", len(picked), err)
	}
	if err := os.Truncate(filepath.Join(o.Dir, "records/records-00001.jsonl"), 50); err != nil {
		t.Fatal(err)
	}
	n = 0
	var damage interface{ Damaged() bool }
	for _, err := range set.Rows() {
		if err != nil {
			if !errors.As(err, &damage) || !strings.Contains(err.Error(), "records-00001.jsonl") {
				t.Error(err)
			}
			break
		}
		n++
	}
	if n != 50 || damage == nil {
		t.Errorf("%d rows before the damage, error %v", n, damage)
	}
}

// TestOneWriter: two runs cannot write one data set at the same time.
func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	held, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(t.Context(), &fake{}, Options{Dir: dir, N: 3}); err == nil || !strings.Contains(err.Error(), "another process is writing") {
		t.Errorf("error %v while another run writes", err)
	}
	held.Close()
	if _, err := Generate(t.Context(), &fake{}, Options{Dir: dir, N: 3}); err != nil {
		t.Error(err)
	}
}
