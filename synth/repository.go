package synth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"muonclip/synth/tool"
)

// Repository describes tools: those evolved from domains, or imported ones.
type Repository struct {
	Tools      int             `json:"tools"`
	Domains    int             `json:"domains"` // or servers
	Categories int             `json:"categories,omitempty"`
	Writes     int             `json:"writes"`  // tools that change state
	Consent    int             `json:"consent"` // tools that need the user's agreement
	Kinds      map[string]int  `json:"kinds"`
	PerDomain  []DomainTools   `json:"per_domain"`
	Skipped    []string        `json:"skipped,omitempty"` // imported tools that were left out, with the reason
	Near       *NearDuplicates `json:"near_duplicates,omitempty"`
	list       []*tool.Tool
}

// DomainTools counts the tools of a domain or server.
type DomainTools struct {
	Domain   string `json:"domain"`
	Category string `json:"category,omitempty"`
	Title    string `json:"title,omitempty"`
	Tools    int    `json:"tools"`
	Writes   int    `json:"writes"`
}

// NearDuplicates says how many tools are nearly the same as another.
type NearDuplicates struct {
	Threshold float64  `json:"threshold"` // Jaccard index of sequences of three words
	Groups    int      `json:"groups"`
	Removable int      `json:"removable"` // tools that would have to go so that none has a near-duplicate
	Rate      float64  `json:"rate"`
	Nearest   []string `json:"nearest"`
}

// OpenRepository makes the tools of the named domains, or of all, those in folders included.
func OpenRepository(ctx context.Context, seed uint64, domains []string, folders ...string) (*Repository, error) {
	sets, err := Tools(ctx, seed, domains, folders...)
	if err != nil {
		return nil, err
	}
	r := &Repository{Kinds: map[string]int{}}
	categories := map[string]bool{}
	for _, s := range sets {
		d := DomainTools{Domain: s.Domain.Name, Category: s.Domain.Category, Title: s.Domain.Title}
		categories[d.Category] = true
		for _, t := range s.Tools {
			r.add(t, &d)
		}
		r.PerDomain = append(r.PerDomain, d)
	}
	r.Domains, r.Categories = len(sets), len(categories)
	return r, nil
}

// ImportRepository reads listings of tools of MCP servers, and files of Toucan, from a folder.
func ImportRepository(ctx context.Context, dir string) (*Repository, error) {
	in, err := tool.ImportDir(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("synth: import: %w", err)
	}
	r := &Repository{Kinds: map[string]int{}}
	at := map[string]int{}
	for _, t := range in.Tools {
		i, ok := at[t.Origin]
		if !ok {
			i = len(r.PerDomain)
			at[t.Origin] = i
			r.PerDomain = append(r.PerDomain, DomainTools{Domain: t.Origin})
		}
		r.add(t, &r.PerDomain[i])
	}
	for _, s := range in.Skipped {
		r.Skipped = append(r.Skipped, s.String())
	}
	r.Domains = len(r.PerDomain)
	return r, nil
}

func (r *Repository) add(t *tool.Tool, d *DomainTools) {
	r.list = append(r.list, t)
	r.Tools++
	r.Kinds[string(t.Kind)]++
	d.Tools++
	if t.Writes {
		r.Writes++
		d.Writes++
	}
	if t.Consent {
		r.Consent++
	}
}

// FindNearDuplicates fills in Near.
func (r *Repository) FindNearDuplicates(threshold float64) {
	found := tool.NearDuplicates(r.list, threshold)
	r.Near = &NearDuplicates{Threshold: threshold, Groups: found.Groups, Removable: found.Removable, Rate: found.Rate()}
	for _, p := range found.Pairs[:min(len(found.Pairs), 10)] {
		r.Near.Nearest = append(r.Near.Nearest, fmt.Sprintf("%.2f %s/%s %s/%s", p.Jaccard, owner(p.A), p.A.Name, owner(p.B), p.B.Name))
	}
}

func owner(t *tool.Tool) string {
	if t.Origin != "" {
		return t.Origin
	}
	return t.Domain
}

// WriteTools writes the tools themselves, one JSON object a line in OpenAI's shape, with domain, kind and what they do.
func (r *Repository) WriteTools(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, t := range r.list {
		line := struct {
			Type     string `json:"type"`
			Function struct {
				Name        string          `json:"name"`
				Description string          `json:"description"`
				Parameters  json.RawMessage `json:"parameters,omitempty"`
			} `json:"function"`
			Domain  string `json:"domain"`
			Kind    string `json:"kind"`
			Writes  bool   `json:"writes"`
			Consent bool   `json:"consent"`
		}{Type: "function", Domain: owner(t), Kind: string(t.Kind), Writes: t.Writes, Consent: t.Consent}
		line.Function.Name, line.Function.Description, line.Function.Parameters = t.Name, t.Description, t.Parameters
		if err := enc.Encode(line); err != nil {
			return fmt.Errorf("synth: tool %s: %w", t.Name, err)
		}
	}
	return nil
}

// Print writes the description as text.
func (r *Repository) Print(w io.Writer) error {
	p := &printer{w: w}
	p.line("%d tools of %d domains in %d categories; %d change state, %d need the user's consent", r.Tools, r.Domains, r.Categories, r.Writes, r.Consent)
	var kinds []string
	for _, k := range slices.Sorted(maps.Keys(r.Kinds)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", k, r.Kinds[k]))
	}
	p.line("kinds: %s", plain(strings.Join(kinds, ", ")))
	if n := r.Near; n != nil {
		p.line("near-duplicates at %.2f: %d tools in %d groups, %.2f %%", n.Threshold, n.Removable, n.Groups, 100*n.Rate)
		for _, s := range n.Nearest {
			p.line("  %s", plain(s))
		}
	}
	p.line("%-36s %-14s %6s %7s  %s", "domain", "category", "tools", "writes", "title")
	list := slices.Clone(r.PerDomain)
	slices.SortStableFunc(list, func(a, b DomainTools) int { return strings.Compare(a.Category, b.Category) })
	for _, d := range list {
		p.line("%-36s %-14s %6d %7d  %s", plain(d.Domain), d.Category, d.Tools, d.Writes, d.Title)
	}
	for _, s := range r.Skipped {
		p.line("skipped %s", plain(s))
	}
	return p.err
}
