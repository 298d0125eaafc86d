package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muonclip/synth/dataset"
)

// Card is the data set's README.md: metadata that Hugging Face reads, and what people want to know first.
func Card(m *dataset.Manifest, plots []Plot) []byte {
	c := &card{m: m}
	c.metadata()
	c.line("# %s", inMarkdown(m.Config.Name))
	c.line("")
	c.line("%s verified tool-use dialogues in English, made offline by `muonclip synth`. The tools are programs over worlds with state: every call was", grouped(int64(m.Rows)))
	c.line("executed, and a dialogue is here only because its final state, its facts and its replay were checked.")
	c.line("")
	c.line("`index.html` shows a sample in a browser, with state changes, faults and checks.")
	c.files()
	c.loading()
	c.columns()
	c.figures()
	c.variety()
	c.refused()
	c.benchmarks()
	c.pictures(plots)
	c.reproduce()
	return []byte(c.b.String())
}

type card struct {
	m *dataset.Manifest
	b strings.Builder
}

func (c *card) line(format string, args ...any) {
	fmt.Fprintf(&c.b, format, args...)
	c.b.WriteByte('\n')
}

func (c *card) heading(s string) { c.line("\n## %s\n", s) }

// metadata is the YAML at the top. Values are JSON strings, which YAML reads too.
func (c *card) metadata() {
	c.line("---")
	c.line("pretty_name: %s", quoted(c.m.Config.Name))
	c.line("license: %s", quoted(c.m.Config.License))
	c.line("language:\n- en")
	c.line("task_categories:\n- text-generation")
	c.line("size_categories:\n- %s", sizeCategory(c.m.Rows))
	c.line("tags:\n- tool-use\n- function-calling\n- agent\n- multi-turn\n- synthetic")
	c.line("configs:")
	if c.m.Config.Has(dataset.ParquetDir) {
		c.line("- config_name: default\n  default: true\n  data_files:\n  - split: train\n    path: %s/train-*.parquet", dataset.ParquetDir)
	} else {
		c.line("- config_name: default\n  default: true\n  data_files:\n  - split: train\n    path: %s/train-*.jsonl", dataset.DialogueDir)
	}
	c.line("---\n")
}

func quoted(s string) string {
	b, err := json.Marshal(visible(s))
	if err != nil {
		return `""`
	}
	return string(b)
}

// sizeCategory is the class of Hugging Face for a number of rows.
func sizeCategory(n int) string {
	names := []string{"n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B"}
	limit := 1000
	for _, s := range names {
		if n < limit {
			return s
		}
		limit *= 10
	}
	return "n>1B"
}

func (c *card) files() {
	c.heading("Files")
	c.line("| files | what |\n|---|---|")
	if c.m.Config.Has(dataset.ParquetDir) {
		c.line("| `%s/train-*.parquet` | all columns; `tools` and the arguments of calls are JSON strings |", dataset.ParquetDir)
	}
	c.line("| `%s/train-*.jsonl` | id, messages and tools in OpenAI's shape |", dataset.DialogueDir)
	c.line("| `%s/records-*.jsonl` | the rest of each row, line by line: key, kinds, rubric, checks, state changes, faults |", dataset.RecordDir)
	if c.m.Config.Has("arrow") {
		c.line("| `%s/tokens-*.arrow` | token ids and loss masks, rendered as %s with tokenizer %s (%s ids) |", dataset.TokenDir, inMarkdown(c.m.Config.ChatFormat), c.m.Config.Tokenizer, grouped(int64(c.m.Config.VocabSize)))
	}
	c.line("| `manifest.json` | every file with size and checksum, configuration, all statistics |")
}

func (c *card) loading() {
	c.heading("Loading")
	c.line("```python\nimport json\n\nfrom datasets import load_dataset\n")
	c.line("rows = load_dataset(\"path/to/this/folder\", split=\"train\")")
	if c.m.Config.Has(dataset.ParquetDir) {
		c.line("messages, tools = rows[0][\"messages\"], json.loads(rows[0][\"tools\"])\n```")
	} else {
		c.line("messages, tools = rows[0][\"messages\"], rows[0][\"tools\"]\n```")
	}
}

func (c *card) columns() {
	if !c.m.Config.Has(dataset.ParquetDir) {
		return
	}
	c.heading("Columns")
	c.line("| column | type | meaning |\n|---|---|---|")
	for _, row := range [][3]string{
		{"id", "string", "UUID, a hash of the key"},
		{"messages", "list of structs", "role, content, name, tool_call_id, tool_calls (id, type, function: name and arguments as a JSON string), weight: 0 where a turn shows a mistake and should not be learned"},
		{"tools", "string", "JSON array of tools in OpenAI's shape"},
		{"domain, category", "string", "of the world"},
		{"kinds", "list of strings", "kinds of the task"},
		{"difficulty", "int32", "1 to 5"},
		{"persona", "string", "who the user is"},
		{"plan", "string", "shape of the plan behind the dialogue"},
		{"turns, calls, faults, changes", "int32", "messages of the user, calls, injected faults, changes of state"},
		{"rubric, checks, record", "string", "JSON: success criteria; the checks passed; what each call did to the world"},
		{"key, index", "string, int64", "what the dialogue can be made again from; number of the candidate"},
	} {
		c.line("| %s | %s | %s |", row[0], row[1], row[2])
	}
}

func (c *card) figures() {
	s := &c.m.Stats
	c.heading("Statistics")
	c.line("| | sum | mean | median | 90 %% | 99 %% | most |\n|---|---:|---:|---:|---:|---:|---:|")
	row := func(name string, d dataset.Distribution) {
		c.line("| %s | %s | %s | %s | %s | %s | %s |", name, grouped(d.Sum), strconv.FormatFloat(d.Mean, 'f', -1, 64), grouped(int64(d.P50)), grouped(int64(d.P90)), grouped(int64(d.P99)), grouped(int64(d.Max)))
	}
	row("messages", s.Messages)
	row("turns of the user", s.Turns)
	row("calls", s.Calls)
	row("tools on offer", s.Tools)
	row("bytes of content and arguments", s.Chars)
	if s.Tokens != nil {
		row("tokens", *s.Tokens)
		row("tokens in the loss", *s.Trained)
	}
	c.line("")
	c.line("%s domains, %s categories, %s personas. %s dialogues (%s) change state, %s (%s) meet injected faults.", grouped(int64(len(s.Domains))), grouped(int64(len(s.Categories))),
		grouped(int64(s.Personas)), grouped(int64(s.WithWrites)), percent(s.WithWrites, s.Rows), grouped(int64(s.WithFaults)), percent(s.WithFaults, s.Rows))
}

func percent(n, of int) string {
	if of == 0 {
		return "0 %"
	}
	return strconv.FormatFloat(100*float64(n)/float64(of), 'f', 1, 64) + " %"
}

func (c *card) variety() {
	c.heading("Variety")
	c.line("| | this | Toucan-1.5M | APIGen-MT-5k |\n|---|---:|---:|---:|")
	for _, r := range Compare(c.m) {
		c.line("| %s | %s | %s | %s |", r.What, inMarkdown(r.This), r.Toucan, r.APIGenMT)
	}
	c.line("")
	c.line("%s", CompareNote)
}

func (c *card) refused() {
	if len(c.m.Refused) == 0 {
		return
	}
	c.heading("What was refused")
	c.line("%s candidates gave %s dialogues.\n", grouped(c.m.Candidates), grouped(int64(c.m.Rows)))
	c.line("| reason | candidates |\n|---|---:|")
	var reasons []string
	for r := range c.m.Refused {
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		return cmp.Or(cmp.Compare(c.m.Refused[b].Count, c.m.Refused[a].Count), cmp.Compare(a, b))
	})
	for _, r := range reasons {
		c.line("| %s | %s |", inMarkdown(r), grouped(c.m.Refused[r].Count))
	}
}

func (c *card) benchmarks() {
	if c.m.Contamination == nil {
		return
	}
	var in struct {
		Benchmarks []struct {
			File  string `json:"file"`
			Items int    `json:"items"`
			Short int    `json:"too_short"`
		} `json:"benchmarks"`
		GramWords int     `json:"gram_words"`
		Share     float64 `json:"share"`
		Refused   int64   `json:"dialogues_refused"`
	}
	if json.Unmarshal(c.m.Contamination, &in) != nil {
		return
	}
	c.heading("Decontamination")
	c.line("A dialogue is refused that holds at least %.0f %% of the sequences of %d words of a benchmark's task. %s were refused; `contamination.json` names them.\n", 100*in.Share, in.GramWords, grouped(in.Refused))
	c.line("| benchmark file | tasks | texts too short to look for |\n|---|---:|---:|")
	for _, b := range in.Benchmarks {
		c.line("| %s | %s | %s |", inMarkdown(b.File), grouped(int64(b.Items)), grouped(int64(b.Short)))
	}
}

func (c *card) pictures(plots []Plot) {
	if len(plots) == 0 {
		return
	}
	c.heading("Plots")
	for _, p := range plots {
		c.line("![%s](%s/%s.svg)", p.Title, PlotDir, p.Name)
	}
}

func (c *card) reproduce() {
	c.heading("Reproduce")
	c.line("The same program with the configuration in `manifest.json` gives the same bytes, whatever the number of workers: `--n %d --seed %d`.", c.m.Config.N, c.m.Config.Seed)
	if len(c.m.Config.Source) == 0 {
		return
	}
	c.line("\n| made by | |\n|---|---|")
	var keys []string
	for k := range c.m.Config.Source {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		c.line("| %s | %s |", inMarkdown(k), inMarkdown(c.m.Config.Source[k]))
	}
}
