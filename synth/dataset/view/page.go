package view

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's parts are in files of their own kind
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"

	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
)

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

//go:embed page.html.tmpl
var pageTemplate string

// dataBudget bounds the dialogues on the page, so that it stays under 5 MB.
const dataBudget = 4_300_000

// page is what the template shows. Text in it is escaped by html/template except the fields of template types, which are
// written here.
type page struct {
	Name, Summary         string
	Tiles                 []tile
	Plots                 []figure
	Variety               []Comparison
	Note                  string
	Shown                 string
	Data                  template.JS // JSON in which nothing can end the script element
	Style                 template.CSS
	Script                template.JS
	StyleHash, ScriptHash string
}

type tile struct{ Name, Value string }

type figure struct {
	Title, Caption string
	SVG            template.HTML
}

// Page makes index.html, which shows rows.
func Page(m *dataset.Manifest, plots []Plot, rows []*dataset.Row) ([]byte, error) {
	data, shown := pageData(rows, dataBudget)
	s := &m.Stats
	p := page{
		Name: visible(m.Config.Name), Summary: fmt.Sprintf("%s verified tool-use dialogues", grouped(int64(m.Rows))),
		Tiles: []tile{
			{"dialogues", grouped(int64(m.Rows))},
			{"calls", grouped(s.Calls.Sum)},
			{"domains", grouped(int64(len(s.Domains)))},
			{"tools on offer", grouped(int64(s.Variety.Tools))},
			{"state changes", grouped(int64(s.Changes))},
			{"injected faults", grouped(int64(s.Faults))},
		},
		Variety: Compare(m), Note: CompareNote,
		Shown: fmt.Sprintf("%s of %s dialogues", grouped(int64(shown)), grouped(int64(m.Rows))),
		Data:  template.JS(data), Style: template.CSS(pageCSS), Script: template.JS(pageJS), StyleHash: hashOf(pageCSS), ScriptHash: hashOf(pageJS),
	}
	for _, plot := range plots {
		svg, _, _ := bytes.Cut(plot.SVG, []byte("<style>")) // the page has the style, and forbids others
		_, rest, _ := bytes.Cut(plot.SVG, []byte("</style>"))
		p.Plots = append(p.Plots, figure{plot.Title, plot.Caption, template.HTML(string(svg) + string(rest))})
	}
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// hashOf is the form in which a Content-Security-Policy names an inline script or style: nothing else on the page can
// run, even if a dialogue found a way out of its escaping.
func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// pageRow is a row as the script reads it.
type pageRow struct {
	Index      int64                `json:"index"`
	ID         string               `json:"id"`
	Key        string               `json:"key"`
	Domain     string               `json:"domain"`
	Category   string               `json:"category"`
	Kinds      []string             `json:"kinds"`
	Difficulty int                  `json:"difficulty"`
	Persona    string               `json:"persona"`
	Plan       string               `json:"plan"`
	Messages   json.RawMessage      `json:"messages"`
	Tools      []int                `json:"tools"` // places in the list of all tools
	Rubric     json.RawMessage      `json:"rubric"`
	Checks     []dataset.Check      `json:"checks"`
	Calls      []dataset.CallRecord `json:"calls"`
	Today      string               `json:"today"`
}

// pageData is the JSON of as many rows as fit, spread evenly, and their number.
func pageData(rows []*dataset.Row, budget int) ([]byte, int) {
	type encoded struct {
		at   int
		data []byte
	}
	var kept []encoded
	var tools [][]byte
	place := map[uint64]int{}
	for _, at := range spread(len(rows)) {
		r := rows[at]
		out := pageRow{
			Index: r.Index, ID: r.Dialogue.ID, Key: r.Key, Domain: r.Domain, Category: r.Category, Kinds: r.Kinds, Difficulty: r.Difficulty,
			Persona: r.Persona, Plan: r.Plan, Rubric: orNull(r.Rubric), Checks: r.Checks, Calls: r.Record.Calls, Today: r.Record.Today,
			Messages: chat.AppendMessages(nil, r.Dialogue.Messages),
		}
		var fresh []chat.Tool
		size := 0
		for _, t := range r.Dialogue.Tools {
			h := xxh3.Hash(t.AppendJSON(nil))
			n, ok := place[h]
			if !ok {
				n = len(tools) + len(fresh)
				fresh = append(fresh, t)
				place[h] = n
			}
			out.Tools = append(out.Tools, n)
		}
		row, err := json.Marshal(out) // escapes <, > and &, so that nothing in it can end the element
		if err != nil {
			row = nil
		}
		var added [][]byte
		for _, t := range fresh {
			raw, err := json.Marshal(t)
			if err != nil {
				row = nil
				break
			}
			added = append(added, raw)
			size += len(raw) + 1
		}
		if row == nil || size+len(row) > budget {
			for _, t := range fresh {
				delete(place, xxh3.Hash(t.AppendJSON(nil)))
			}
			continue
		}
		budget -= size + len(row) + 1
		tools = append(tools, added...)
		kept = append(kept, encoded{at, row})
	}
	slices.SortFunc(kept, func(a, b encoded) int { return a.at - b.at })
	var b bytes.Buffer
	b.WriteString(`{"tools":[`)
	b.Write(bytes.Join(tools, []byte{','}))
	b.WriteString(`],"rows":[`)
	for i, k := range kept {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(k.data)
	}
	b.WriteString(`]}`)
	return b.Bytes(), len(kept)
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}
