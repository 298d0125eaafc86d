package view

import (
	"slices"
	"strconv"
	"strings"

	"muonclip/synth/dataset"
)

// Comparison is one figure beside those that others published. "–" means that we know of no published figure.
type Comparison struct {
	What     string `json:"what"`
	This     string `json:"this"`
	Toucan   string `json:"toucan"`
	APIGenMT string `json:"apigen_mt"`
}

// CompareNote says where the published figures come from.
const CompareNote = "Toucan: its Hugging Face card (configurations Kimi-K2 and OSS) and generator, which crawled 2,120 MCP servers. APIGen-MT: its Hugging Face card. – where no published figure is known to us."

const unknown = "–"

// Compare puts the variety of a data set beside the published figures of two known ones.
func Compare(m *dataset.Manifest) []Comparison {
	s, v := &m.Stats, &m.Stats.Variety
	count := func(n int) string { return grouped(int64(n)) }
	ratio := func(f float64) string { return strconv.FormatFloat(f, 'f', 4, 64) }
	refused := m.Refused["near_duplicate"].Count
	rate := unknown
	if m.Config.NearDuplicate > 0 && m.Rows > 0 {
		rate = percent(int(refused), m.Rows+int(refused))
	}
	rows := []Comparison{
		{"dialogues", count(m.Rows), "518,516 + 457,130", "5,000"},
		{"domains, or servers", count(len(s.Domains)), "2,120", "2"},
		{"calls run on a state that is checked", "all", "none", "all"},
		{"distinct tools on offer", count(v.Tools), unknown, unknown},
		{"distinct tools called", count(v.CalledTools), unknown, unknown},
		{"distinct tool sets", count(v.ToolSets), unknown, unknown},
		{"distinct plan shapes", count(v.PlanShapes), unknown, unknown},
		{"distinct first user sentences (numbers masked)", count(v.FirstSentences), unknown, unknown},
		{"distinct-4-gram ratio of what is said", ratio(v.Distinct4Ratio), unknown, unknown},
		{"near-duplicates among candidates, refused", rate, unknown, unknown},
		{"licence", m.Config.License, unknown, "CC-BY-NC-4.0"},
	}
	if v.Plans > 0 {
		rows = slices.Insert(rows, 7, Comparison{"distinct sequences of kinds of tools", count(v.Plans), unknown, unknown})
	}
	if v.FirstRows > 0 {
		at := slices.IndexFunc(rows, func(c Comparison) bool { return strings.HasPrefix(c.What, "distinct-4-gram") })
		rows = slices.Insert(rows, at+1, Comparison{"the same of the first " + count(v.FirstRows) + " dialogues", ratio(v.FirstRatio), unknown, unknown})
	}
	return rows
}
