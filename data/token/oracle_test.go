package token

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muonclip/internal/nodetest"
)

// TestOracle writes a tokenizer, has it read by npm @huggingface/tokenizers (tokenizer.json) and npm tiktoken
// (tiktoken.model), and compares the ids of 5 MB of prose and code, of text made to be difficult, and of special tokens.
func TestOracle(t *testing.T) {
	dir := nodetest.Install(t, "@huggingface/tokenizers@0.2.0", "tiktoken@1.0.22")

	texts := oracleTexts(t)
	tok := trained(t, 8192, texts...)
	if err := tok.Save(filepath.Join(dir, "tokenizer")); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "texts.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	k2, _ := PatternK2.lookup()
	official := k2.expressions[1]
	script, err := os.ReadFile("testdata/oracle.mjs")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", nodetest.Run(t, dir, "oracle.mjs", string(script), "tokenizer", "texts.json", "hf.out", "tiktoken.out", official))
	hf, tiktoken := readOracle(t, filepath.Join(dir, "hf.out")), readOracle(t, filepath.Join(dir, "tiktoken.out"))
	if len(hf) != len(texts) || len(tiktoken) != len(texts) {
		t.Fatalf("%d texts, %d and %d answers", len(texts), len(hf), len(tiktoken))
	}
	bytes, ids := 0, 0
	for i, text := range texts {
		got := tok.EncodeWithSpecials(nil, text)
		bytes, ids = bytes+len(text), ids+len(got)
		for name, want := range map[string][]int32{"@huggingface/tokenizers": hf[i], "tiktoken": tiktoken[i]} {
			if k := firstDifference(want, got); k >= 0 {
				before, _ := tok.Decode(nil, got[max(0, k-8):k])
				t.Fatalf("text %d: id %d differs from %s, after %q: got %v, want %v",
					i, k, name, before, got[k:min(k+8, len(got))], want[k:min(k+8, len(want))])
			}
		}
	}
	t.Logf("%d bytes, %d ids, all equal", bytes, ids)
}

// oracleTexts are texts in valid UTF-8, since JavaScript has no other strings.
func oracleTexts(t *testing.T) []string {
	t.Helper()
	books := prose(2_500_000)
	if books == "" {
		t.Skip("the prose is not here")
	}
	var texts []string
	for _, s := range []string{books, goSource(t, 2_600_000)} {
		for len(s) > 0 {
			n := min(50_000, len(s))
			texts = append(texts, strings.ToValidUTF8(s[:n], "\ufffd"))
			s = s[n:]
		}
	}
	r := rand.New(rand.NewPCG(15, 16))
	for range 2000 {
		texts = append(texts, strings.ToValidUTF8(randomText(r, 60), "\ufffd"))
	}
	for _, s := range K2Specials() {
		texts = append(texts, "a"+s.Text+" b"+s.Text+s.Text+"<|im_"+s.Text[:len(s.Text)-1])
	}
	return texts
}

func readOracle(t *testing.T, path string) [][]int32 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]int32
	var ids []int32
	for ; len(data) >= 4; data = data[4:] {
		if id := int32(binary.LittleEndian.Uint32(data)); id >= 0 {
			ids = append(ids, id)
		} else {
			all, ids = append(all, ids), nil
		}
	}
	return all
}

// firstDifference is the index of the first id that differs, -1 for equal lists.
func firstDifference(a, b []int32) int {
	if slices.Equal(a, b) {
		return -1
	}
	k := 0
	for k < len(a) && k < len(b) && a[k] == b[k] {
		k++
	}
	return k
}
