package evolve

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/tool"
)

// nearThreshold is the Jaccard index at which tools are near-duplicates.
const nearThreshold = 0.7

// novel refuses copies. Tools are compared by their words, as they are for the whole repository. A copy with exchanged
// nouns has other words; it is found by the parts of the model without their names, and one with other parts by its texts.
func (v *verifier) novel(_ context.Context, p *Passed) *Rejection {
	r := tool.NearDuplicates(append(v.tools[:len(v.tools):len(v.tools)], p.set.Tools...), nearThreshold)
	p.Near = float64(max(0, r.Removable-v.near)) / float64(len(p.set.Tools))
	mine, words := parts(p.Domain), phrases(p.Domain)
	for _, d := range v.domains {
		if s := max(shared(mine, parts(d)), shared(words, phrases(d))); s > p.Alike {
			p.Alike, p.Nearest = s, d.Name
		}
	}
	var problems []string
	if p.Near > v.bar.Similar {
		problems = append(problems, fmt.Sprintf("%.0f %% of its tools are near-duplicates of others, at most %.0f %% may be", 100*p.Near, 100*v.bar.Similar))
		for _, pair := range r.Pairs {
			if (pair.A.Domain == p.Domain.Name) != (pair.B.Domain == p.Domain.Name) && len(problems) < 6 {
				problems = append(problems, fmt.Sprintf("%s of %s is like %s of %s", pair.A.Name, pair.A.Domain, pair.B.Name, pair.B.Domain))
			}
		}
	}
	if p.Alike > v.bar.Similar {
		problems = append(problems, fmt.Sprintf("%.0f %% of its entities and actions, or of its texts, are those of %s, at most %.0f %% may be",
			100*p.Alike, p.Nearest, 100*v.bar.Similar))
	}
	if len(problems) > 0 {
		return reject(StageNear, problems...)
	}
	return nil
}

var wordRE = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'|[A-Za-z_][A-Za-z0-9_]*`)

// parts lists what a domain is made of without the names: of each entity the types of the fields and the shape of its
// life, of each action the program with every word exchanged for the place of its first use.
func parts(d *domain.Domain) []string {
	var out []string
	for _, e := range d.Entities {
		var b strings.Builder
		for _, f := range e.Fields {
			fmt.Fprintf(&b, "%s %v %d %d;", f.Type, f.Optional, len(f.Values), len(f.Fields))
		}
		if s := e.Field(e.State); s != nil {
			for _, t := range e.Transitions {
				for _, from := range t.From {
					fmt.Fprintf(&b, "%d,", slices.Index(s.Values, from))
				}
				fmt.Fprintf(&b, ">%d;", slices.Index(s.Values, t.To))
			}
		}
		out = append(out, b.String())
	}
	for _, a := range d.Actions {
		seen := map[string]int{}
		out = append(out, wordRE.ReplaceAllStringFunc(strings.Join(strings.Fields(a.Program), " "), func(w string) string {
			if _, ok := seen[w]; !ok {
				seen[w] = len(seen)
			}
			return fmt.Sprintf("w%d", seen[w])
		}))
	}
	return out
}

// phrases lists the texts of a domain that nobody writes twice by chance: what it says of fields and operations, and the
// samples.
func phrases(d *domain.Domain) []string {
	var out []string
	var field func(f *domain.Field)
	field = func(f *domain.Field) {
		out = append(out, strings.ToLower(f.About))
		for _, s := range f.Samples {
			out = append(out, strings.ToLower(s))
		}
		for _, x := range f.Fields {
			field(x)
		}
	}
	for _, e := range d.Entities {
		for _, f := range e.Fields {
			field(f)
		}
		for _, t := range e.Transitions {
			out = append(out, strings.ToLower(t.About))
		}
	}
	for _, a := range d.Actions {
		out = append(out, strings.ToLower(a.About))
		for _, f := range a.Params {
			field(f)
		}
	}
	return out
}

// shared is the share of the parts a that are among b.
func shared(a, b []string) float64 {
	n := 0
	rest := map[string]int{}
	for _, x := range b {
		rest[x]++
	}
	for _, x := range a {
		if rest[x] > 0 {
			rest[x]--
			n++
		}
	}
	return float64(n) / float64(max(1, len(a)))
}
