package tool

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"muonclip/internal/rng"
	"muonclip/synth/domain"
	"muonclip/synth/world"
)

// Set is the tools of one product.
type Set struct {
	Domain *domain.Domain
	Model  *world.Model
	Style  Style
	Tools  []*Tool

	byName map[string]*Tool
}

// Tool finds a tool by name; nil when there is none.
func (s *Set) Tool(name string) *Tool { return s.byName[name] }

// Using lists the tools that perform an operation, such as reservation.cancel, and nothing else.
func (s *Set) Using(operation string) []*Tool {
	var out []*Tool
	for _, t := range s.Tools {
		if t.Operation == operation && operation != "" {
			out = append(out, t)
		}
	}
	return out
}

// Evolve makes the tools of a domain. The seed chooses the style of the product, its wording and which families of
// tools it offers; the same seed gives the same tools, byte for byte.
func Evolve(m *world.Model, seed uint64) (*Set, error) {
	d := m.Domain()
	k := &maker{m: m, d: d, seed: seed, style: newStyle(d, rng.New(seed, "tool/style/"+d.Name))}
	k.set = &Set{Domain: d, Model: m, Style: k.style, byName: map[string]*Tool{}}
	for _, e := range d.Entities {
		k.lookups(e)
		k.lists(e)
		k.ranges(e)
		k.values(e)
		k.dates(e)
		k.reports(e)
		k.relations(e)
		k.checks(e)
		k.creations(e)
		k.edits(e)
		k.transitions(e)
		k.bulk(e)
	}
	for _, a := range d.Actions {
		k.action(a)
	}
	return k.set, nil
}

// EvolveAll makes the tools of several domains on all processors; the result is in the order of the domains and does
// not depend on their number.
func EvolveAll(ctx context.Context, ds []*domain.Domain, seed uint64) ([]*Set, error) {
	out := make([]*Set, len(ds))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, d := range ds {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := world.NewModel(d)
			if err != nil {
				return err
			}
			out[i], err = Evolve(m, seed)
			return err
		})
	}
	return out, g.Wait()
}

// maker makes the tools of one domain.
type maker struct {
	m     *world.Model
	d     *domain.Domain
	seed  uint64
	style Style
	set   *Set
}

// draft is a tool before its name, its text and its schema are written out.
type draft struct {
	kind               Kind
	verb, object, rest string // words of the name, in snake_case
	e                  *domain.Entity
	lead               string   // first sentence
	notes              []string // what else the data tells
	hint               string   // when to use it
	params             []Param
	groups             []group
	body               string
	op                 string
	asks               string
	writes, consent    bool
	needs              []string
	returns            Returns
	touches            func(c *call) []Touch
	fits               func(w *world.World, r *world.Record) bool
}

// add finishes a draft. A name that is taken gets the entity behind it; a second time the tool is left out, for a
// product has no two tools of one name.
func (k *maker) add(d draft) {
	name := k.style.name(d.verb, d.object, d.rest)
	if k.set.byName[name] != nil && d.e != nil && !strings.Contains(d.rest, d.e.Name) {
		rest := strings.Trim(d.rest+"_of_"+d.e.Name, "_")
		if d.object == "" {
			rest = strings.Trim(d.rest+"_"+d.e.Name, "_")
		}
		name = k.style.name(d.verb, d.object, rest)
	}
	if k.set.byName[name] != nil || len(name) > 64 {
		return
	}
	t := &Tool{Name: name, Domain: k.d.Name, Service: k.d.Service, Kind: d.kind, Operation: d.op, Asks: d.asks, Writes: d.writes,
		Consent: d.consent, Params: d.params, Needs: d.needs, Returns: d.returns, Source: strings.TrimSpace(d.body) + "\n",
		touches: d.touches, fits: d.fits, groups: d.groups, camel: k.style.Case == "camel", schema: &schemaCache{}}
	if d.e != nil {
		t.Entity = d.e.Name
	}
	t.Description = k.describe(&d)
	t.Parameters = k.schemaOf(t)
	locals := make([]string, len(t.Params))
	for i, p := range t.Params {
		locals[i] = p.Local
		for _, q := range t.Params[:i] {
			if q.Name == p.Name && q.Group == p.Group {
				return // two fields that this product would call the same
			}
		}
	}
	t.Program = world.Deferred(world.Spec{Name: name, Source: t.Source, Params: locals, Writes: t.Writes})
	k.set.byName[name] = t
	k.set.Tools = append(k.set.Tools, t)
}

// offers decides whether the product has a family of tools, or a member of it: percent of all products do.
func (k *maker) offers(family string, percent int) bool {
	return rng.New(k.seed, "tool/offers/"+k.d.Name+"/"+family).IntN(100) < percent
}

// choose picks one of several texts for a purpose.
func (k *maker) choose(purpose string, list ...string) string {
	return list[rng.New(k.seed, "tool/choose/"+k.d.Name+"/"+purpose).IntN(len(list))]
}

// verb gives the word of this product's dialect.
func (k *maker) verb(key string) string { return k.style.verbs[key] }

// items is the key under which lists of an entity lie.
func (k *maker) items(e *domain.Entity) string {
	if k.style.Items == "" {
		return e.Plural
	}
	return k.style.Items
}

// sub fills <e>, <es>, <f> and what pairs say into the text of a program or a sentence.
func sub(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }

// busy are names of functions, which parameters of our own programs must not hide.
var busy = []string{"all", "allowed", "any", "dict", "enforce", "enumerate", "fail", "find", "get", "insert", "int", "label", "len", "list",
	"max", "min", "query", "range", "remove", "repr", "reversed", "round", "sorted", "str", "sum", "today", "tuple", "update",
	"zip", "add_days", "days_between", "abs", "bool", "float", "type", "chr", "ord",
	// and names that our programs and parameters use themselves
	"a", "b", "c", "cells", "changes", "counts", "day", "days", "delta", "descending", "done", "earliest", "f", "failed", "field",
	"first", "format", "g", "i", "id", "ids", "item", "latest", "least", "limit", "lines", "list_", "lost", "m", "mark", "months",
	"most", "n", "names", "new", "o", "offset", "order", "out", "owners", "page", "page_size", "problems", "r", "reason", "reasons",
	"rows", "second", "sort_by", "source", "start", "steps", "taken", "target", "text", "totals", "used", "v", "value", "values",
	"wrong", "x"}

// words of the Starlark grammar that are good names of fields.
var grammar = []string{"and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda", "load", "not", "or",
	"pass", "return", "while", "as", "assert", "class", "del", "except", "finally", "from", "global", "import", "is",
	"nonlocal", "raise", "try", "with", "yield", "async", "await"}

// local is the name of a parameter in a program of our own.
func local(name string) string {
	if slices.Contains(busy, name) || slices.Contains(grammar, name) {
		return name + "_"
	}
	return name
}
