package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"muonclip/internal/atomicfile"
	"muonclip/internal/metrics"
)

// wellFormed fails unless doc is one XML document.
func wellFormed(t testing.TB, name string, doc []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(doc))
	for {
		_, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s is not well-formed: %v\n%.600s", name, err, doc)
			return
		}
	}
}

var svgPattern = regexp.MustCompile(`(?s)<svg .*?</svg>`)

// page writes the report of a folder and checks what must hold of every report.
func writePage(t testing.TB, dir string) string {
	t.Helper()
	path, err := Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	if path != filepath.Join(dir, "report.html") {
		t.Errorf("report is at %s", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	html := string(data)
	for i, svg := range svgPattern.FindAllString(html, -1) {
		wellFormed(t, fmt.Sprintf("drawing %d", i), []byte(svg))
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf ") {
			t.Errorf("drawing %d has a coordinate that is not a number: %.300s", i, svg)
		}
	}
	for _, id := range []string{"training", "attention", "experts", "speed", "samples", "clips", "incidents", "data", "checkpoints", "config", "environment", "reproduce"} {
		if !strings.Contains(html, `<section id="`+id+`">`) {
			t.Errorf("section %s is missing", id)
		}
	}
	// Nothing is fetched: no address but that of the SVG name space, no sources, no imports.
	for _, outside := range regexp.MustCompile(`(?i)(https?:)?//[a-z][^\s"'<]*|<(link|img|iframe|object|embed|base)\b|@import|url\(`).FindAllString(html, -1) {
		if outside != "http://www.w3.org/2000/svg" {
			t.Errorf("the page refers to something outside: %s", outside)
		}
	}
	bare := regexp.MustCompile(`="[^"]*"`).ReplaceAllString(html, "") // attributes without their values
	if tag := regexp.MustCompile(`<[^>]*\s(src|href|srcset|on[a-z]+|style)[\s>]`).FindString(strings.ReplaceAll(bare, "<a href>", "")); tag != "" {
		t.Errorf("a tag has an attribute that could fetch or run something: %s", tag)
	}
	if n := strings.Count(html, "<script"); n != 1 {
		t.Errorf("%d scripts, want the page's own", n)
	}
	for _, part := range []string{pageJS, fullCSS()} {
		// html/template writes + in an attribute as &#43;.
		if h := strings.ReplaceAll(hash(part), "+", "&#43;"); !strings.Contains(html, "'sha256-"+h+"'") {
			t.Errorf("the policy lacks the hash %s", h)
		}
		if !strings.Contains(html, part) {
			t.Error("the page's own script or style was changed by the template, its hash is wrong")
		}
	}
	return html
}

func TestRealisticRun(t *testing.T) {
	dir := t.TempDir()
	synthRun(t, dir, shape{steps: 400, layers: 6, heads: 8, experts: 16, every: 40})
	html := writePage(t, dir)
	if n := len(svgPattern.FindAllString(html, -1)); n != 10 {
		t.Errorf("%d drawings, want 10", n)
	}
	for _, want := range []string{
		`<p class="verdict good">Held-out loss is 3.0`, "below the unigram baseline of 5.721", `name="viewport"`, "prefers-color-scheme:dark", "@media print",
		"unigram baseline 5.72", "measured peak 146 GFLOP/s", "τ = 100", "QK-Clip rescaled the head", "1 spike", "1 resume",
		"loss 5.", "update skipped", "go-src:123, go-src:9812, go-src:77", "9.22 M", "2.95 M activated per token", "63% of the measured peak",
		"model.n_routed_experts", "xxh3:9a1be0f4c2d7718a", "AMD EPYC", "checkpoints/step-000400", "1.05 MB", "removed",
		"muonclip run --preset tiny --set &#39;train.note=a b&#39;", "<b>func (r *Reader) </b>Read(p []byte)", "Dropped, near duplicate", "22 documents, 90.2 kB", "Sources, go-src, files",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	again, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if writePage(t, dir) != string(again) {
		t.Error("the same run gives another page the second time")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, atomicfile.TempPrefix+"*")); len(left) > 0 {
		t.Errorf("temporary files left: %q", left)
	}
}

func TestMissingEverything(t *testing.T) {
	html := writePage(t, t.TempDir())
	for _, want := range []string{
		"No training step is recorded yet.", "metrics.jsonl is not there", "events.jsonl is not there", "manifest.json is not there", "config.yaml is not there",
		"metrics.jsonl has no values for this chart.", "No row has max_logit.", "No row has expert_load", "samples.jsonl has no samples.", "manifest.json does not name the command.",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(html, "<svg") {
		t.Error("a drawing of nothing")
	}
	if _, err := Write(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder gave %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(file); err == nil || !strings.Contains(err.Error(), "not a run folder") {
		t.Errorf("a file as run folder gave %v", err)
	}
}

func TestDamagedInputIsNamed(t *testing.T) {
	dir := t.TempDir()
	synthRun(t, dir, shape{steps: 40, layers: 2, heads: 2, experts: 4, every: 10})
	rows := filepath.Join(dir, metrics.RowsFile)
	data, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	lines[4] = []byte("{\"step\":5,\"loss\":oops}\n")
	if err := os.WriteFile(rows, bytes.Join(lines, nil), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"manifest.json": `{"preset": "x`, "config.yaml": "a: [1\nb: }"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	html := writePage(t, dir)
	for _, want := range []string{"metrics.jsonl:5: ", "manifest.json: ", "config.yaml: ", "At step 40", "there is no unigram baseline"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestHostileText(t *testing.T) {
	const bad = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"x\u202e\u2066\x00\x1b[31m' \ufeff"
	dir := t.TempDir()
	log, err := metrics.Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := int64(1); i <= 3; i++ {
		err := errors.Join(
			log.Row(&metrics.Row{Step: i, Loss: 1, LR: 1, MaxLogit: [][]float32{{1, 2}}, UpdateRMS: map[string]float64{bad: 1, bad + "2": 2}}),
			log.Sample(metrics.Sample{Step: i, Prompt: bad, Text: bad + "\xff"}),
			log.Event(metrics.Event{Step: i, Kind: bad, Message: bad, Docs: []string{bad}, Path: bad, Op: bad}),
			log.Event(metrics.Event{Step: i, Kind: metrics.KindSpike, Signal: bad, Action: bad, Docs: []string{bad}}),
			log.Event(metrics.Event{Step: i, Kind: metrics.KindCheckpoint, Path: "../../etc"}),
			log.Event(metrics.Event{Step: i, Kind: metrics.KindQKClip, Layer: 1 << 40, Head: -7}))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	q := fmt.Sprintf("%q", "</script><script>alert(1)</script><img src=x>")
	manifest := `{"preset":` + q + `,"cpu":` + q + `,"command":[` + q + `],"corpus":{` + q + `:{` + q + `:[` + q + `]}},` + q + `:` + q + `}`
	for name, text := range map[string]string{"manifest.json": manifest, "config.yaml": "model:\n  tau: " + q + "\n  " + q + ": " + q + "\n  hidden_size: " + q + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	html := writePage(t, dir)
	for _, never := range []string{"<script>alert", "<img", "\x00", "\x1b", "\u202e", "\u2066"} {
		if strings.Contains(html, never) {
			t.Errorf("%q is on the page as it is", never)
		}
	}
	for _, want := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "⟨U+202E⟩", "␀", "␛[31m", "outside the run folder"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestVerdict(t *testing.T) {
	val := func(v float64) *float64 { return &v }
	manifest := map[string]any{"unigram_loss": "5.5"}
	for name, c := range map[string]struct {
		rows     []metrics.Row
		manifest map[string]any
		want     string
		class    string
	}{
		"nothing":      {nil, manifest, "No training step", ""},
		"learnt":       {[]metrics.Row{{Step: 1, Loss: 3, ValLoss: val(3.25)}}, manifest, "3.250 nats per token, 2.25 below the unigram baseline of 5.500: perplexity 25.8 instead of 245.", "good"},
		"not learnt":   {[]metrics.Row{{Step: 1, Loss: 3, ValLoss: val(5.5)}}, manifest, "not below the unigram baseline", "bad"},
		"no baseline":  {[]metrics.Row{{Step: 1, Loss: 3, ValLoss: val(3.25)}}, nil, "no unigram baseline", ""},
		"not measured": {[]metrics.Row{{Step: 1, Loss: 3}}, manifest, "held-out loss was not measured", ""},
		"broke down":   {[]metrics.Row{{Step: 1, Loss: 3}, {Step: 2, Loss: math.NaN()}, {Step: 3, Loss: math.Inf(1)}}, manifest, "from step 2 on", "bad"},
		"bad held-out": {[]metrics.Row{{Step: 7, Loss: 3, ValLoss: val(math.NaN())}}, manifest, "not a finite number at step 7", "bad"},
	} {
		in := newInput("")
		in.c, in.manifest = gather(c.rows), c.manifest
		if got, class := in.verdict(); !strings.Contains(got, c.want) || class != c.class {
			t.Errorf("%s: %q (%s), want %q (%s)", name, got, class, c.want, c.class)
		}
	}
}

func TestRowsOfAnEarlierStepReplaceLaterOnes(t *testing.T) {
	v := 9.0
	c := gather([]metrics.Row{{Step: 1, Loss: 1}, {Step: 2, Loss: 2}, {Step: 3, Loss: 3, ValLoss: &v, UpdateRMS: map[string]float64{"a": 1}}, {Step: 2, Loss: 20}, {Step: 3, Loss: 30}})
	if fmt.Sprint(c.step, c.loss, len(c.val), len(c.rms["a"])) != "[1 2 3] [1 20 30] 0 3" {
		t.Errorf("got %v %v %v %v", c.step, c.loss, c.val, c.rms)
	}
}

func TestTau(t *testing.T) {
	in := newInput("")
	if !math.IsNaN(in.tau()) {
		t.Errorf("tau of nothing is %v", in.tau())
	}
	in.addEvent(metrics.Event{Kind: metrics.KindQKClip, MaxLogit: 125, Gamma: 0.8})
	if math.Abs(in.tau()-100) > 1e-9 {
		t.Errorf("tau from a clip is %v, want 100", in.tau())
	}
	in.config = []setting{{"optim.qk_clip.tau", "30"}}
	if in.tau() != 30 {
		t.Errorf("tau from the configuration is %v, want 30", in.tau())
	}
	in.config = append(in.config, setting{"optim.qk_clip.enabled", "false"})
	if !math.IsNaN(in.tau()) {
		t.Errorf("tau is %v although QK-Clip is off", in.tau())
	}
}

func TestStandaloneDrawings(t *testing.T) {
	dir := t.TempDir()
	synthRun(t, dir, shape{steps: 200, layers: 3, heads: 4, experts: 4, every: 20})
	rows, err := metrics.Collect(metrics.Rows(dir))
	if err != nil {
		t.Fatal(err)
	}
	events, err := metrics.Collect(metrics.Events(dir))
	if err != nil {
		t.Fatal(err)
	}
	for name, svg := range map[string][]byte{"loss": LossSVG(rows, 5.7), "logit": MaxLogitSVG(rows, events, 100), "map": MaxLogitMapSVG(rows, events, 100)} {
		wellFormed(t, name, svg)
		if !bytes.Contains(svg, []byte("<style>")) || !bytes.HasPrefix(svg, []byte(`<svg xmlns="http://www.w3.org/2000/svg"`)) {
			t.Errorf("%s is not a picture of its own", name)
		}
	}
	if LossSVG(nil, 5) != nil || MaxLogitSVG(nil, nil, 0) != nil || MaxLogitMapSVG([]metrics.Row{{Step: 1}}, nil, 0) != nil {
		t.Error("a drawing of nothing")
	}
}

func TestLongRunStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100,000 rows")
	}
	dir := t.TempDir()
	synthRun(t, dir, shape{steps: 100_000, layers: 3, heads: 4, experts: 4, every: 1000})
	if size := len(writePage(t, dir)); size > 1<<20 {
		t.Errorf("the report of 100,000 steps has %d bytes, want at most 1 MB", size)
	}
	// The table of logits is bounded by maxHeatRows and maxColumns whatever the model: check the largest.
	dir = t.TempDir()
	synthRun(t, dir, shape{steps: 256, layers: 61, heads: 64, experts: 128, every: 100})
	if size := len(writePage(t, dir)); size > 1<<20 {
		t.Errorf("the report of a very deep model has %d bytes, want at most 1 MB", size)
	}
}

func FuzzWrite(f *testing.F) {
	f.Add(`{"step":1,"loss":"NaN","max_logit":[[1,"Infinity"],[-3]],"expert_load":[[0,0],[1]],"update_rms":{"a":-1},"val_loss":1e300}`+"\n"+`{"step":9000000000000000000,"loss":-1e308,"lr":1e308}`+"\n",
		`{"step":5,"kind":"qk_clip","layer":0,"head":1,"max_logit":1,"gamma":1e-300}`+"\n"+`{"step":-1,"kind":"checkpoint","path":"/"}`+"\n", `{"preset":1,"unigram_loss":-1,"corpus":[{}],"command":[1,null]}`, "a: &x [*x]\ntau: 0x1p-3")
	f.Add("\n", "{}\n", "[]", "- a\n- {b: [c, {d: e}]}")
	f.Fuzz(func(t *testing.T, rows, events, manifest, config string) {
		dir := t.TempDir()
		for name, text := range map[string]string{metrics.RowsFile: rows, metrics.EventsFile: events, metrics.SamplesFile: events, "manifest.json": manifest, "config.yaml": config} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		path, err := Write(dir)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, svg := range svgPattern.FindAll(data, -1) {
			wellFormed(t, fmt.Sprintf("drawing %d", i), svg)
		}
	})
}
