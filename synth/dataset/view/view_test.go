package view

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
)

const hostile = `</script><img src=x onerror="document.title='owned'"><script>document.title='owned'</script><!-- ]]> {{.Name}} &amp; ` + "\u202egnol\u2028"

// hostileSet is a data set in which every text attacks the page.
func hostileSet(rows int) (*dataset.Manifest, []*dataset.Row, []dataset.Digest) {
	var out []*dataset.Row
	var digests []dataset.Digest
	var grams dataset.Grams
	for i := range rows {
		r := &dataset.Row{
			Key: hostile + fmt.Sprint(i), Index: int64(i), Domain: hostile, Category: hostile, Kinds: []string{hostile, "kind"}, Difficulty: 2, Persona: hostile, Plan: hostile,
			Rubric: json.RawMessage(`{"criteria":["</script><b>x</b>"]}`), Checks: []dataset.Check{{Name: hostile, Pass: true, Detail: hostile}},
			Dialogue: chat.Dialogue{
				Messages: []chat.Message{
					{Role: chat.RoleSystem, Content: hostile}, {Role: chat.RoleUser, Content: hostile},
					{Role: chat.RoleAssistant, Content: hostile, ToolCalls: []chat.ToolCall{{ID: "c" + hostile, Name: hostile, Arguments: json.RawMessage(hostile)}}},
					{Role: chat.RoleTool, ToolCallID: "c" + hostile, Name: hostile, Content: hostile},
					{Role: chat.RoleAssistant, Content: "The end " + fmt.Sprint(i) + "."},
				},
				Tools: []chat.Tool{{Name: hostile, Description: hostile, Parameters: json.RawMessage(`{"type":"object","description":"</script>"}`)}},
			},
			Record: dataset.Record{Calls: []dataset.CallRecord{{ID: "c" + hostile, Fault: hostile, Error: hostile, Changes: []dataset.Change{{Kind: "changed", Entity: hostile, ID: hostile, Field: hostile, Before: json.RawMessage(`"</script>"`), After: json.RawMessage(`1`)}}}}},
		}
		r.Dialogue.ID = dataset.RowID(r.Key)
		out = append(out, r)
		digests = append(digests, dataset.DigestOf(r))
		grams.Add(dataset.GramsOf(r.Dialogue))
	}
	m := &dataset.Manifest{Format: dataset.FormatName, Version: 1, Rows: rows, Candidates: int64(rows),
		Config:  dataset.Config{Name: hostile, N: rows, License: hostile, Formats: []string{"parquet"}, Source: map[string]string{hostile: hostile}, NearDuplicate: 0.8},
		Refused: map[string]dataset.Refused{hostile: {Count: 3, Examples: []string{hostile}}}, Stats: dataset.Summarize(digests, &grams, nil, 0)}
	return m, out, digests
}

func TestPageIsInert(t *testing.T) {
	m, rows, _ := hostileSet(20)
	page, err := Page(m, Plots(&m.Stats), rows)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(bytes.ToLower(page), []byte("</script")); n != 2 {
		t.Errorf("%d ends of scripts, want the page's own 2", n)
	}
	if bytes.Contains(page, []byte("<img")) {
		t.Error("text of a dialogue came out as it is")
	}
	if bytes.Contains(page, []byte("http://")) && bytes.Count(page, []byte("http://")) != bytes.Count(page, []byte("http://www.w3.org/2000/svg")) || bytes.Contains(page, []byte("https://")) {
		t.Error("the page names other places")
	}
}

// TestPageInBrowser opens the page in a browser: the hostile text must be shown and must not run.
func TestPageInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser; not with -short")
	}
	m, rows, _ := hostileSet(5)
	page, err := Page(m, Plots(&m.Stats), rows)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), PageName)
	if err := os.WriteFile(path, page, 0o644); err != nil {
		t.Fatal(err)
	}
	dom := browse(t, "file://"+path)
	if strings.Contains(dom, "<title>owned") {
		t.Error("the hostile text ran")
	}
	for _, want := range []string{"The end 0.", "1 of 1 check passed", "⟨U+202E⟩gnol⟨U+2028⟩", "fault: ", "&lt;/script&gt;&lt;img src=x", `<option value="kind">kind (5)</option>`} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
}

// browse gives the page as the browser has it after its scripts ran. It skips the test where there is no browser.
func browse(t *testing.T, url string) string {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--virtual-time-budget=3000", "--dump-dom", url)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("chromium does not run here: %v", err)
	}
	return string(out)
}

func TestPageBudget(t *testing.T) {
	m, rows, _ := hostileSet(300)
	for _, r := range rows {
		r.Dialogue.Messages[1].Content = strings.Repeat("word ", 8000)
	}
	page, err := Page(m, nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	if len(page) > 5_000_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	data, shown := pageData(rows, dataBudget)
	var in struct {
		Rows []struct {
			Index int64 `json:"index"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		t.Fatal(err)
	}
	if len(in.Rows) != shown || shown < 50 || in.Rows[0].Index > 10 || in.Rows[shown-1].Index < 280 {
		t.Errorf("%d rows from %d to %d", len(in.Rows), in.Rows[0].Index, in.Rows[shown-1].Index)
	}
	for i := 1; i < shown; i++ {
		if in.Rows[i].Index <= in.Rows[i-1].Index {
			t.Fatal("the rows are not in order")
		}
	}
}

func TestSample(t *testing.T) {
	digests := make([]dataset.Digest, 5000)
	for i := range digests {
		digests[i].Kinds = []string{"common"}
		if i >= 4321 && i < 4327 {
			digests[i].Kinds = []string{"rare"}
		}
	}
	got := Sample(digests, 300)
	rare := 0
	for i, p := range got {
		if i > 0 && p <= got[i-1] {
			t.Fatal("the positions do not rise")
		}
		if digests[p].Kinds[0] == "rare" {
			rare++
		}
	}
	if len(got) != 300 || rare < perKind {
		t.Errorf("%d rows, %d of the rare kind", len(got), rare)
	}
	if n := len(Sample(digests[:12], 300)); n != 12 {
		t.Errorf("%d rows of 12", n)
	}
}

// TestPlotsAreXML parses every picture.
func TestPlotsAreXML(t *testing.T) {
	m, _, _ := hostileSet(40)
	plots := Plots(&m.Stats)
	if len(plots) < 7 {
		t.Errorf("%d plots", len(plots))
	}
	for _, p := range plots {
		d := xml.NewDecoder(bytes.NewReader(p.SVG))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", p.Name, err)
				break
			}
		}
	}
}

// TestCardMetadata reads the YAML of the card as Hugging Face does.
func TestCardMetadata(t *testing.T) {
	m, _, _ := hostileSet(40)
	card := Card(m, Plots(&m.Stats))
	parts := strings.SplitN(string(card), "---\n", 3)
	if len(parts) != 3 || parts[0] != "" {
		t.Fatalf("no metadata at the beginning:\n%.300s", card)
	}
	var meta struct {
		License        string   `yaml:"license"`
		SizeCategories []string `yaml:"size_categories"`
		TaskCategories []string `yaml:"task_categories"`
		Configs        []struct {
			Name  string `yaml:"config_name"`
			Files []struct {
				Split string `yaml:"split"`
				Path  string `yaml:"path"`
			} `yaml:"data_files"`
		} `yaml:"configs"`
	}
	if err := yaml.Unmarshal([]byte(parts[1]), &meta); err != nil {
		t.Fatal(err)
	}
	if meta.SizeCategories[0] != "n<1K" || meta.TaskCategories[0] != "text-generation" || meta.Configs[0].Files[0].Path != "parquet/train-*.parquet" || meta.Configs[0].Files[0].Split != "train" {
		t.Errorf("%+v", meta)
	}
	if strings.Contains(parts[2], "<script") || strings.Contains(parts[2], "<img") {
		t.Error("HTML of a name came into the card")
	}
	for n, want := range map[int]string{999: "n<1K", 1000: "1K<n<10K", 10_000: "10K<n<100K", 1_234_567: "1M<n<10M"} {
		if got := sizeCategory(n); got != want {
			t.Errorf("%d rows: %s, want %s", n, got, want)
		}
	}
}
