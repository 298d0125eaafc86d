package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muonclip/internal/nodetest"

	"github.com/google/go-cmp/cmp"
	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	gonjaexec "github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// rawJSON is JSON text among the values of a template: gonja would sort the keys of a map.
type rawJSON string

// dumps writes JSON text anew, token by token, as Python's json.dumps with ensure_ascii=False.
func dumps(text string, item, key string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var b bytes.Buffer
	var kinds []json.Delim // open objects and lists
	n := []int{0}          // values and keys so far, at each depth
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		depth := len(kinds)
		if d, isDelim := tok.(json.Delim); isDelim && (d == '}' || d == ']') {
			b.WriteString(d.String())
			kinds, n = kinds[:depth-1], n[:depth]
			continue
		}
		if n[depth] > 0 {
			if kinds[depth-1] == '{' && n[depth]%2 == 1 {
				b.WriteString(key)
			} else {
				b.WriteString(item)
			}
		}
		n[depth]++
		switch v := tok.(type) {
		case json.Delim:
			b.WriteString(v.String())
			kinds, n = append(kinds, v), append(n, 0)
		case string:
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if err := e.Encode(v); err != nil {
				return "", err
			}
			b.Truncate(b.Len() - 1)
		case nil:
			b.WriteString("null")
		default:
			fmt.Fprint(&b, v)
		}
	}
}

// pythonEscapes undoes what package json escapes in strings and json.dumps does not.
var pythonEscapes = strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029")

// gonjaTemplate compiles a template for gonja with a tojson filter over raw JSON.
func gonjaTemplate(t *testing.T, path string) *gonjaexec.Template {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	filters := gonjaexec.NewFilterSet(map[string]gonjaexec.FilterFunction{})
	filters.Update(builtins.Filters)
	if err := filters.Replace("tojson", func(_ *gonjaexec.Evaluator, in *gonjaexec.Value, args *gonjaexec.VarArgs) *gonjaexec.Value {
		raw, isRaw := in.Interface().(rawJSON)
		if !isRaw {
			quoted, err := json.Marshal(in.String())
			if err != nil {
				return gonjaexec.AsValue(err)
			}
			raw = rawJSON(quoted)
		}
		item, key := ", ", ": "
		if args.KwArgs["separators"] != nil {
			item, key = ",", ":"
		}
		out, err := dumps(string(raw), item, key)
		if err != nil {
			return gonjaexec.AsValue(err)
		}
		return gonjaexec.AsSafeValue(pythonEscapes.Replace(out))
	}); err != nil {
		t.Fatal(err)
	}
	loader, err := loaders.NewShiftedLoader("/chat", bytes.NewReader(text), loaders.MustNewMemoryLoader(nil))
	if err != nil {
		t.Fatal(err)
	}
	template, err := gonjaexec.NewTemplate("/chat", config.New(), loader, &gonjaexec.Environment{
		Filters: filters, Tests: builtins.Tests, ControlStructures: builtins.ControlStructures,
		Methods: builtins.Methods, Context: gonja.DefaultContext,
	})
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// gonjaRender renders the JSON of a dialogue.
func gonjaRender(t *testing.T, template *gonjaexec.Template, f Format, dialogue []byte, prompt bool) string {
	t.Helper()
	var in struct {
		Messages []any             `json:"messages"`
		Tools    []json.RawMessage `json:"tools"`
	}
	if err := json.Unmarshal(dialogue, &in); err != nil {
		t.Fatal(err)
	}
	data := map[string]any{"messages": in.Messages, "add_generation_prompt": prompt}
	if len(in.Tools) > 0 {
		list := make([]rawJSON, len(in.Tools))
		for i, raw := range in.Tools {
			list[i] = rawJSON(raw)
		}
		data["tools"] = list
		if f.Name() == "kimi-k2" { // renders the list as one value
			data["tools"] = rawJSON("[" + string(bytes.Join(asBytes(in.Tools), []byte(", "))) + "]")
		}
	}
	out, err := template.ExecuteToString(gonjaexec.NewContext(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func asBytes(raw []json.RawMessage) [][]byte {
	out := make([][]byte, len(raw))
	for i, r := range raw {
		out[i] = r
	}
	return out
}

func TestRenderEqualsGonja(t *testing.T) {
	for _, f := range formats {
		template := gonjaTemplate(t, templates[f.Name()])
		for _, d := range testDialogues(t) {
			t.Run(f.Name()+"/"+d.ID, func(t *testing.T) {
				for _, prompt := range []bool{false, true} {
					want := gonjaRender(t, template, f, d.AppendJSON(nil), prompt)
					if diff := cmp.Diff(want, RenderText(f, d, RenderOptions{GenerationPrompt: prompt})); diff != "" {
						t.Errorf("prompt %v (-gonja +ours):\n%s", prompt, diff)
					}
				}
			})
		}
	}
}

// TestRenderEqualsJinja compares with npm @huggingface/jinja, which runs the chat templates of transformers.js.
func TestRenderEqualsJinja(t *testing.T) {
	dir := nodetest.Install(t, "@huggingface/jinja@0.5.11")
	script, err := os.ReadFile("testdata/oracle.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "oracle.mjs"), script, 0o644); err != nil {
		t.Fatal(err)
	}
	compareWith(t, dir, "node", "oracle.mjs")
}

// TestRenderEqualsJinja2 compares with Python's jinja2 in the settings of transformers.
func TestRenderEqualsJinja2(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Python")
	}
	if out, err := exec.Command("python3", "-c", "import jinja2").CombinedOutput(); err != nil {
		t.Skipf("needs Python with jinja2: %v\n%s", err, out)
	}
	script, err := filepath.Abs("testdata/oracle.py")
	if err != nil {
		t.Fatal(err)
	}
	compareWith(t, t.TempDir(), "python3", script)
}

// compareWith has a script in dir render all dialogues with the template of each format.
func compareWith(t *testing.T, dir, program, script string) {
	t.Helper()
	dialogues := append(testDialogues(t), realDialogues(t)...)
	var lines []byte
	for _, d := range dialogues {
		lines = append(d.AppendJSON(lines), '\n')
	}
	if err := os.WriteFile(filepath.Join(dir, "dialogues.jsonl"), lines, 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, f := range formats {
		template, err := filepath.Abs(templates[f.Name()])
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(ctx, program, script, template, "dialogues.jsonl", "out.json")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s: %v\n%s", f.Name(), program, err, out)
		}
		data, err := os.ReadFile(filepath.Join(dir, "out.json"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		if len(want) != 2*len(dialogues) {
			t.Fatalf("%s: %d texts for %d dialogues", f.Name(), len(want), len(dialogues))
		}
		for i, w := range want {
			d := dialogues[i/2]
			if diff := cmp.Diff(w, RenderText(f, d, RenderOptions{GenerationPrompt: i%2 == 1})); diff != "" {
				t.Errorf("%s: %s (-%s +ours):\n%s", f.Name(), d.ID, program, diff)
			}
		}
		t.Logf("%s: %d texts compared", f.Name(), len(want))
	}
}
