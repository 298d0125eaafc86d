package view

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strconv"

	"muonclip/synth/dataset"
)

// Plot is one picture.
type Plot struct {
	Name, Title, Caption string
	SVG                  []byte
}

// maxBars is how many bars a picture has at most; the rest is told in one.
const maxBars = 24

// Plots draws the statistics. Pictures without a value are left out.
func Plots(s *dataset.Stats) []Plot {
	plots := []Plot{
		bars("kinds", "Kinds of tasks", "Dialogues of each kind; one may be of several.", counts(s.Kinds)),
		bars("difficulty", "Difficulty", "From 1, the easiest, to 5.", inOrder(s.Difficulty)),
		bars("categories", "Categories", "Dialogues in each category of domains.", counts(s.Categories)),
		histogram("calls", "Calls in a dialogue", "calls", s.Calls),
		histogram("messages", "Messages in a dialogue", "messages, results of tools included", s.Messages),
		histogram("turns", "Turns of the user", "messages of the user", s.Turns),
		histogram("tools", "Tools on offer", "tools offered to the assistant", s.Tools),
	}
	if s.Tokens != nil {
		plots = append(plots, histogram("tokens", "Tokens in a dialogue", "token ids, tools included", *s.Tokens))
	} else {
		plots = append(plots, histogram("length", "Length of a dialogue", "bytes of content and arguments", s.Chars))
	}
	plots = append(plots, bars("domains", "Domains", fmt.Sprintf("Dialogues in each of %s domains.", grouped(int64(len(s.Domains)))), counts(s.Domains)))
	return slices.DeleteFunc(plots, func(p Plot) bool { return p.SVG == nil })
}

type bar struct {
	label string
	n     int
	rest  bool // stands for several
}

// counts lists a map's entries, the largest first, and puts what goes beyond maxBars into one.
func counts(m map[string]int) []bar {
	var out []bar
	for k, n := range m {
		out = append(out, bar{label: k, n: n})
	}
	slices.SortFunc(out, func(a, b bar) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.label, b.label)) })
	if len(out) > maxBars {
		rest := bar{label: fmt.Sprintf("%d others", len(out)-maxBars+1), rest: true}
		for _, b := range out[maxBars-1:] {
			rest.n += b.n
		}
		out = append(out[:maxBars-1], rest)
	}
	return out
}

// inOrder lists a map's entries by key.
func inOrder(m map[string]int) []bar {
	out := counts(m)
	slices.SortFunc(out, func(a, b bar) int {
		x, errX := strconv.Atoi(a.label)
		y, errY := strconv.Atoi(b.label)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(a.label, b.label)
	})
	return out
}

// Sizes in user units; text is 12 units.
const (
	plotWidth  = 520.0
	rowHeight  = 20.0
	labelWidth = 190.0
	chartTop   = 8.0
)

// bars draws one horizontal bar for each value.
func bars(name, title, caption string, values []bar) Plot {
	p := Plot{Name: name, Title: title, Caption: caption}
	top := 0
	for _, b := range values {
		if !b.rest { // it would dwarf the others, and stops at the edge
			top = max(top, b.n)
		}
	}
	if top == 0 {
		return p
	}
	d := begin(2*chartTop+rowHeight*float64(len(values)), title)
	room := plotWidth - labelWidth - 62
	for i, b := range values {
		y := chartTop + rowHeight*float64(i)
		class := "b"
		if b.rest {
			class = "b r"
		}
		w := max(1, room*float64(b.n)/float64(top))
		if b.rest {
			w = min(w, room)
		}
		d.addf(`<text x="%.0f" y="%.1f" text-anchor="end">%s</text>`, labelWidth-8, y+14, esc(clipLabel(b.label)))
		d.addf(`<rect class="%s" x="%.0f" y="%.1f" width="%.1f" height="%.0f" rx="2"/>`, class, labelWidth, y+3, w, rowHeight-6)
		d.addf(`<text class="n" x="%.1f" y="%.1f">%s</text>`, labelWidth+w+6, y+14, grouped(int64(b.n)))
	}
	p.SVG = d.end()
	return p
}

// histogram draws how often values in ranges come.
func histogram(name, title, unit string, dist dataset.Distribution) Plot {
	p := Plot{Name: name, Title: title, Caption: fmt.Sprintf("%s: mean %s, median %s, nine of ten up to %s, most %s.", unit,
		strconv.FormatFloat(dist.Mean, 'f', -1, 64), grouped(int64(dist.P50)), grouped(int64(dist.P90)), grouped(int64(dist.Max)))}
	top := 0
	for _, b := range dist.Bins {
		top = max(top, b.Rows)
	}
	if top == 0 || dist.Max == 0 {
		return p
	}
	const height, left, bottom = 210.0, 52.0, 44.0
	d := begin(height, title)
	base, room := height-bottom, height-bottom-chartTop-14
	width := (plotWidth - left - 12) / float64(len(dist.Bins))
	for i := range 3 { // the axis: none, half, all of the highest
		y := base - room*float64(i)/2
		d.addf(`<path class="g" d="M%.0f %.1fH%.0f"/>`, left, y, plotWidth-12)
		d.addf(`<text class="n" x="%.0f" y="%.1f" text-anchor="end">%s</text>`, left-6, y+4, grouped(int64(top*i/2)))
	}
	every := max(1, (len(dist.Bins)+7)/8)
	for i, b := range dist.Bins {
		x, h := left+width*float64(i), room*float64(b.Rows)/float64(top)
		if b.Rows > 0 {
			h = max(h, 1)
		}
		wide := i > 0 && b.To-b.From > dist.Bins[0].To-dist.Bins[0].From // all that is above
		class := "b"
		if wide {
			class = "b r"
		}
		d.addf(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="1"><title>%s: %s</title></rect>`, class, x+1, base-h, max(1, width-2), h, rangeLabel(b), grouped(int64(b.Rows)))
		switch {
		case wide:
			d.addf(`<text class="n" x="%.1f" y="%.1f" text-anchor="middle">%s+</text>`, x+width/2, base+16, short(b.From))
		case i%every == 0 && (i+every < len(dist.Bins) || i+1 == len(dist.Bins)): // not into the last label
			d.addf(`<text class="n" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x+width/2, base+16, short(b.From))
		}
	}
	d.addf(`<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, left+(plotWidth-left-12)/2, height-6, esc(unit))
	p.SVG = d.end()
	return p
}

func rangeLabel(b dataset.Bin) string {
	if b.From == b.To {
		return grouped(int64(b.From))
	}
	return grouped(int64(b.From)) + "–" + grouped(int64(b.To))
}

// short writes a number in few letters.
func short(n int) string {
	switch {
	case n >= 10_000_000:
		return strconv.Itoa(n/1_000_000) + "M"
	case n >= 10_000:
		return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) + "k"
	}
	return grouped(int64(n))
}

// drawing is an SVG being written.
type drawing struct{ b []byte }

const plotCSS = `svg{background:#fff}text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1c2128}` +
	`.n{fill:#5b6470;font-variant-numeric:tabular-nums}.b{fill:#0072b2}.r{fill:#9aa5b1}.g{stroke:#e3e6ea;fill:none}`

func begin(height float64, title string) *drawing {
	d := new(drawing)
	d.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img"><title>%s</title><style>%s</style>`,
		plotWidth, height, plotWidth, height, esc(title), plotCSS)
	return d
}

func (d *drawing) addf(format string, args ...any) { d.b = fmt.Appendf(d.b, format, args...) }

func (d *drawing) end() []byte { return append(d.b, "</svg>\n"...) }

func esc(s string) string { return html.EscapeString(visible(s)) }

// clipLabel keeps a label within its column.
func clipLabel(s string) string {
	runes := []rune(s)
	if len(runes) <= 27 {
		return s
	}
	return string(runes[:26]) + "…"
}

// grouped writes a number with groups of three: 1,234,567.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
