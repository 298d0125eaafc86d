package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// same fails unless both give the same ids, special tokens, roles and fingerprint.
func same(t *testing.T, want, got *Tokenizer, text string) {
	t.Helper()
	if want.Fingerprint() != got.Fingerprint() {
		t.Errorf("fingerprint %s, want %s", got.Fingerprint(), want.Fingerprint())
	}
	if d := cmp.Diff(want.Specials(), got.Specials()); d != "" {
		t.Errorf("special tokens (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want.Roles(), got.Roles()); d != "" {
		t.Errorf("roles (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want.EncodeWithSpecials(nil, text), got.EncodeWithSpecials(nil, text)); d != "" {
		t.Errorf("ids (-want +got):\n%.1000s", d)
	}
}

func TestSaveLoad(t *testing.T) {
	text := realText(t, 100_000)
	r := rand.New(rand.NewPCG(11, 12))
	edited, err := New("", randomVocab(r, "abcdef ", 300, 6), K2Specials())
	if err != nil {
		t.Fatal(err)
	}
	for name, tok := range map[string]*Tokenizer{"trained": trained(t, 1500, text), "edited": edited} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "tokenizer")
			if err := tok.Save(dir); err != nil {
				t.Fatal(err)
			}
			probe := text + "[BOS]<|im_user|>fab cade\xff<|im_end|>" + randomWord(r, "abcdef ", 5000)
			for _, path := range []string{dir, filepath.Join(dir, FileJSON), filepath.Join(dir, FileTiktoken)} {
				got, err := Load(path)
				if err != nil {
					t.Fatal(err)
				}
				same(t, tok, got, probe)
			}
			if err := os.Remove(filepath.Join(dir, FileJSON)); err != nil {
				t.Fatal(err)
			}
			got, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			same(t, tok, got, probe)
		})
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	tok := trained(t, 700, goSource(t, 50_000))
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		for _, err := range []error{tok.WriteJSON(b), tok.WriteConfig(b), tok.WriteTiktoken(b)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two writes of one tokenizer differ")
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), FileTiktoken) {
		t.Errorf("empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileJSON), []byte("{\n \"model\": {\n  \"vocab\": [\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "line") || !strings.Contains(err.Error(), dir) {
		t.Errorf("cut file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileConfig), []byte(`{"bos_token": 5}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), FileConfig) {
		t.Errorf("bad configuration: %v", err)
	}
}

func TestReadTiktokenErrors(t *testing.T) {
	var all strings.Builder
	for b := range 256 {
		fmt.Fprintf(&all, "%s %d\n", base64Of(string([]byte{byte(b)})), b)
	}
	for _, tt := range []struct{ name, file, want string }{
		{"no space", "YQ==\n", "line 1: \"YQ==\" has no space"},
		{"no base64", all.String() + "\n?? 256\n", "line 258: \"??\" is not base64"},
		{"no number", "YQ== x\n", `rank "x" is not a number`},
		{"negative", "YQ== -1\n", `rank "-1" is not a number`},
		{"huge rank", "YQ== 99999999\n", "is not a number below"},
		{"empty token", " 0\n", "has no space"},
		{"rank twice", "YQ== 0\nYg== 0\n", `line 2: rank 0 was given to "a"`},
		{"token twice", all.String() + "YQ== 256\n", `"a" is both token 97 and token 256`},
		{"gap", all.String() + "YWI= 257\n", "none of rank 256"},
		{"no bytes", "YQ== 0\n", "no token for the single byte 0x00"},
		{"empty file", "", "no token for the single byte 0x00"},
		{"long line", all.String() + strings.Repeat("A", 2<<20), "line 257"},
	} {
		_, err := ReadTiktoken(strings.NewReader(tt.file), "", nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := ReadTiktoken(strings.NewReader(all.String()), "", []Special{{Text: "<s>", ID: 97}}); err == nil || !strings.Contains(err.Error(), "is an ordinary token") {
		t.Errorf("special id in the vocabulary: %v", err)
	}
}

func base64Of(s string) string {
	b, _ := json.Marshal([]byte(s))
	return string(b[1 : len(b)-1])
}

// object is a tokenizer.json as a tree, for tests that change a part of it.
func object(t *testing.T, tok *Tokenizer) map[string]any {
	t.Helper()
	var buf bytes.Buffer
	if err := tok.WriteJSON(&buf); err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(buf.Bytes(), &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

func readTree(t *testing.T, tree any) (*Tokenizer, error) {
	t.Helper()
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return ReadJSON(bytes.NewReader(data))
}

func TestReadJSONErrors(t *testing.T) {
	tok := trained(t, 300, "some words, some more words")
	type tree = map[string]any
	split := func(f tree) tree {
		return f["pre_tokenizer"].(tree)["pretokenizers"].([]any)[0].(tree)
	}
	level := func(f tree) tree {
		return f["pre_tokenizer"].(tree)["pretokenizers"].([]any)[1].(tree)
	}
	model := func(f tree) tree { return f["model"].(tree) }
	added := func(f tree) tree { return f["added_tokens"].([]any)[0].(tree) }
	for _, tt := range []struct {
		name   string
		change func(f tree)
		want   string
	}{
		{"no model", func(f tree) { delete(f, "model") }, "no model"},
		{"Unigram", func(f tree) { model(f)["type"] = "Unigram" }, `model type "Unigram"`},
		{"dropout", func(f tree) { model(f)["dropout"] = 0.1 }, "dropout 0.1"},
		{"suffix", func(f tree) { model(f)["end_of_word_suffix"] = "</w>" }, "end_of_word_suffix"},
		{"byte fallback", func(f tree) { model(f)["byte_fallback"] = true }, "byte_fallback"},
		{"normalizer", func(f tree) { f["normalizer"] = tree{"type": "NFC"} }, `normalizer "NFC"`},
		{"no pre_tokenizer", func(f tree) { f["pre_tokenizer"] = nil }, "no pre_tokenizer"},
		{"Metaspace", func(f tree) { f["pre_tokenizer"] = tree{"type": "Metaspace"} }, `"Metaspace", not with ByteLevel`},
		{"prefix space", func(f tree) { level(f)["add_prefix_space"] = true }, "add_prefix_space"},
		{"two patterns", func(f tree) { level(f)["use_regex"] = true }, "pre_tokenizer is not supported"},
		{"other pattern", func(f tree) { split(f)["pattern"] = tree{"Regex": `\w+|\W+`} }, `split pattern is not supported: \w+|\W+`},
		{"string pattern", func(f tree) { split(f)["pattern"] = tree{"String": " "} }, "no Regex"},
		{"behavior", func(f tree) { split(f)["behavior"] = "MergedWithNext" }, "MergedWithNext"},
		{"lstrip", func(f tree) { added(f)["lstrip"] = true }, `added token "[BOS]" has lstrip`},
		{"id twice", func(f tree) { model(f)["vocab"].(tree)["ĠĠ"] = 3 }, "two tokens have the id 3"},
		{"negative id", func(f tree) { model(f)["vocab"].(tree)["ĠĠ"] = -3 }, "negative id"},
		{"huge id", func(f tree) { model(f)["vocab"].(tree)["ĠĠ"] = 1 << 30 }, "above the limit"},
		{"id is text", func(f tree) { model(f)["vocab"].(tree)["ĠĠ"] = "x" }, "line 1, column"},
		{"not byte-level", func(f tree) { model(f)["vocab"].(tree)["▁the"] = 290 }, "U+2581"},
		{"missing byte", func(f tree) { delete(model(f)["vocab"].(tree), "Ġ") }, "is not an ordinary token"},
		{"merge without result", func(f tree) {
			model(f)["merges"] = append(model(f)["merges"].([]any), "q q")
		}, `makes "qq", which is not in the vocabulary`},
		{"merge of one", func(f tree) { model(f)["merges"] = []any{"q"} }, "does not have two parts"},
		{"merge of three", func(f tree) { model(f)["merges"] = []any{[]any{"a", "b", "c"}} }, "does not have two parts"},
		{"merge twice", func(f tree) {
			m := model(f)["merges"].([]any)
			model(f)["merges"] = append(m, m[0])
		}, "listed twice"},
		{"special on ordinary id", func(f tree) { added(f)["id"] = 5 }, "is both the special token"},
		{"special id negative", func(f tree) { added(f)["id"] = -1 }, "outside"},
	} {
		f := object(t, tok)
		tt.change(f)
		if _, err := readTree(t, f); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestReadOtherForms reads the forms of tokenizer.json that other programs write.
func TestReadOtherForms(t *testing.T) {
	text := realText(t, 50_000)
	k2 := trained(t, 700, text)
	gpt2 := trained(t, 700, text)
	gpt2.def.pattern, gpt2.scan = PatternGPT2, splitGPT2
	gpt2 = retrain(t, gpt2)
	type tree = map[string]any
	for name, tt := range map[string]struct {
		want   *Tokenizer
		change func(f tree)
	}{
		"list merges": {k2, func(f tree) {
			m := f["model"].(tree)["merges"].([]any)
			for i, s := range m {
				a, b, _ := strings.Cut(s.(string), " ")
				m[i] = []any{a, b}
			}
		}},
		"merging every word": {k2, func(f tree) { f["model"].(tree)["ignore_merges"] = false }},
		"pattern of tokenization_kimi.py": {k2, func(f tree) {
			p, _ := PatternK2.lookup()
			f["pre_tokenizer"].(tree)["pretokenizers"].([]any)[0].(tree)["pattern"] = tree{"Regex": p.expressions[1]}
		}},
		"ByteLevel alone": {gpt2, func(f tree) {
			f["pre_tokenizer"] = tree{"type": "ByteLevel", "add_prefix_space": false}
		}},
		"special tokens in the vocabulary too": {k2, func(f tree) {
			for _, a := range f["added_tokens"].([]any) {
				f["model"].(tree)["vocab"].(tree)[a.(tree)["content"].(string)] = a.(tree)["id"]
			}
		}},
	} {
		f := object(t, tt.want)
		tt.change(f)
		got, err := readTree(t, f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Run(name, func(t *testing.T) { same(t, tt.want, got, text+"[EOS]") })
	}
}

// retrain makes a tokenizer again from the parts of another.
func retrain(t *testing.T, tok *Tokenizer) *Tokenizer {
	t.Helper()
	got, err := New(tok.Pattern(), tok.def.tokens[:len(tok.ids)], tok.Specials())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestListedMerges reads a file whose merges are in another order than its ids, and with special
// tokens first. It must be encoded after the list, keep its list when written, and not become ranks.
func TestListedMerges(t *testing.T) {
	text := realText(t, 50_000)
	f := object(t, trained(t, 700, text))
	model := f["model"].(map[string]any)
	vocab := model["vocab"].(map[string]any)
	const shift = 2
	r := rand.New(rand.NewPCG(13, 14))
	order := r.Perm(len(vocab))
	for s, id := range vocab {
		vocab[s] = order[int(id.(float64))] + shift
	}
	f["added_tokens"] = []any{
		map[string]any{"id": 0, "content": "<pad>", "special": true},
		map[string]any{"id": 1, "content": "<s>", "special": true},
	}
	merges := model["merges"].([]any)
	slices.Reverse(merges[len(merges)/2:])
	model["ignore_merges"] = false
	tok, err := readTree(t, f)
	if err != nil {
		t.Fatal(err)
	}
	ranks := map[string]int{}
	for i, m := range merges {
		ranks[m.(string)] = i
	}
	chars := newByteLevel()
	rank := func(left, right string) (int, bool) {
		n, ok := ranks[chars.encode([]byte(left))+" "+chars.encode([]byte(right))]
		return n, ok
	}
	want := []int32{1}
	for _, w := range cut(splitK2, text) {
		for _, part := range naiveMerge(w, rank) {
			want = append(want, int32(vocab[chars.encode([]byte(part))].(int)))
		}
	}
	if d := cmp.Diff(want, tok.EncodeWithSpecials(nil, "<s>"+text)); d != "" {
		t.Fatalf("(-naive +got):\n%.1000s", d)
	}
	if err := tok.WriteTiktoken(&bytes.Buffer{}); !errors.Is(err, ErrNotRanks) {
		t.Errorf("written as ranks: %v", err)
	}
	dir := t.TempDir()
	for _, tok := range []*Tokenizer{trained(t, 300, text), tok} {
		if err := tok.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, FileTiktoken)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Save left %s: %v", FileTiktoken, err)
	}
	got, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	same(t, tok, got, text)
}

func TestFingerprint(t *testing.T) {
	tokens, _ := byteTokens()
	tokens = append(tokens, []byte("ab"), []byte("bc"))
	swapped := slices.Clone(tokens)
	swapped[256], swapped[257] = swapped[257], swapped[256]
	seen := map[string]string{}
	for name, f := range map[string]func() (*Tokenizer, error){
		"plain":    func() (*Tokenizer, error) { return New("", tokens, nil) },
		"order":    func() (*Tokenizer, error) { return New("", swapped, nil) },
		"shorter":  func() (*Tokenizer, error) { return New("", tokens[:257], nil) },
		"pattern":  func() (*Tokenizer, error) { return New(PatternGPT2, tokens, nil) },
		"special":  func() (*Tokenizer, error) { return New("", tokens, []Special{{Text: "x"}}) },
		"other":    func() (*Tokenizer, error) { return New("", tokens, []Special{{Text: "y"}}) },
		"other id": func() (*Tokenizer, error) { return New("", tokens, []Special{{Text: "x", ID: 300}}) },
	} {
		tok, err := f()
		if err != nil {
			t.Fatal(err)
		}
		p := tok.Fingerprint()
		if len(p) != 32 || p != tok.Fingerprint() {
			t.Errorf("%s: fingerprint %q", name, p)
		}
		if other := seen[p]; other != "" {
			t.Errorf("%s and %s have one fingerprint", name, other)
		}
		seen[p] = name
	}
	named, err := New(PatternK2, tokens, nil)
	if err != nil || seen[named.Fingerprint()] != "plain" {
		t.Errorf("the default pattern is not PatternK2: %v", err)
	}
}

func FuzzReadJSON(f *testing.F) {
	tok := trained(f, 300, "some words, some more words")
	var buf bytes.Buffer
	if err := tok.WriteJSON(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add([]byte(`{"model":{"vocab":{"a":0},"merges":["a a"]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := tok.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadJSON(&out)
		if err != nil || again.Fingerprint() != tok.Fingerprint() {
			t.Fatalf("written and read again: %v", err)
		}
	})
}

func FuzzReadTiktoken(f *testing.F) {
	tok := trained(f, 300, "some words, some more words")
	var buf bytes.Buffer
	if err := tok.WriteTiktoken(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add([]byte("YQ== 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := ReadTiktoken(bytes.NewReader(data), "", nil)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := tok.WriteTiktoken(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadTiktoken(&out, "", nil)
		if err != nil || again.Fingerprint() != tok.Fingerprint() {
			t.Fatalf("written and read again: %v", err)
		}
	})
}

func FuzzReadConfig(f *testing.F) {
	tok := trained(f, 300, "some words")
	var buf bytes.Buffer
	if err := tok.WriteConfig(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add([]byte(`{"bos_token": {"content": "<s>"}, "added_tokens_decoder": {"3": {"content": "<s>"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		specials, _, err := parseConfig(data)
		if err != nil {
			return
		}
		tokens, _ := byteTokens()
		if tok, err := New("", tokens, specials); err == nil && tok.VocabSize() < 256 {
			t.Fatalf("%d ids", tok.VocabSize())
		}
	})
}
