package tool

import (
	"math/rand/v2"
	"slices"
	"strings"

	"muonclip/synth/domain"
)

// Style is how one product writes its API. It is drawn once for a domain and never changes within it.
type Style struct {
	Case     string // snake, camel, kebab, dotted, prefixed or object_first
	IDs      string // how the id of the main record is called: "{e}_id", "id", "{e}", "{e}_number" or "{e}_ref"
	Paging   string // limit_offset, page, limit or top
	Sorting  string // sort_order, sort_desc or order_by
	Items    string // key of lists: items, results, data or "" for the plural
	Register int    // how descriptions are written: 0 terse, 1 plain, 2 with hints, 3 reference manual
	Nested   bool   // filters and changes lie in an object of their own
	Strict   bool   // schemas forbid further properties
	Patterns bool   // schemas give patterns of ids
	Examples bool   // schemas give examples
	Prefix   string // of prefixed names

	verbs map[string]string
}

// dialects are the words that products use for the same thing.
var dialects = map[string][]string{
	"get":     {"get", "fetch", "retrieve", "show", "read", "view", "load"},
	"list":    {"list", "list", "browse", "list_all", "query", "list"},
	"search":  {"search", "find", "lookup", "locate"},
	"create":  {"create", "add", "register", "new", "record", "open"},
	"update":  {"update", "modify", "amend", "patch", "change", "revise"},
	"remove":  {"delete", "remove", "discard", "purge"},
	"count":   {"count", "tally", "number_of"},
	"bulk":    {"bulk", "batch"},
	"export":  {"export", "download", "dump"},
	"compare": {"compare", "contrast", "diff"},
	"summary": {"summarize", "overview_of", "profile", "get_summary_of"},
	"check":   {"validate", "precheck", "check", "prevalidate"},
	"top":     {"top", "highest", "rank", "leading"},
	"total":   {"sum", "total", "add_up"},
	"stats":   {"stats_of", "statistics_of", "analyze", "spread_of"},
	"copy":    {"duplicate", "copy", "clone", "repeat"},
	"related": {"get", "resolve", "show", "fetch"},
	"suggest": {"suggest", "recommend", "propose", "pick"},
	"groups":  {"breakdown_of", "group", "distribution_of", "split"},
}

func newStyle(d *domain.Domain, r *rand.Rand) Style {
	s := Style{verbs: map[string]string{}}
	s.Case = draw(r, map[string]int{"snake": 36, "camel": 20, "kebab": 12, "dotted": 14, "prefixed": 10, "object_first": 8})
	s.IDs = draw(r, map[string]int{"{e}_id": 52, "id": 14, "{e}": 16, "{e}_number": 9, "{e}_ref": 9})
	s.Paging = draw(r, map[string]int{"limit_offset": 40, "page": 30, "limit": 20, "top": 10})
	s.Sorting = draw(r, map[string]int{"sort_order": 45, "sort_desc": 30, "order_by": 25})
	s.Items = draw(r, map[string]int{"items": 30, "results": 20, "data": 15, "": 35})
	s.Register = r.IntN(4)
	s.Nested = r.IntN(10) < 3
	s.Strict = r.IntN(2) == 0
	s.Patterns = r.IntN(2) == 0
	s.Examples = r.IntN(2) == 0
	for _, k := range keys(dialects) {
		s.verbs[k] = dialects[k][r.IntN(len(dialects[k]))]
	}
	s.Prefix = strings.Join(strings.FieldsFunc(strings.ToLower(d.Service), func(r rune) bool { return r < 'a' || r > 'z' }), "_")
	return s
}

// draw chooses by weight, in the order of the sorted keys.
func draw(r *rand.Rand, weights map[string]int) string {
	total := 0
	for _, w := range weights {
		total += w
	}
	n := r.IntN(total)
	for _, k := range keys(weights) {
		if n -= weights[k]; n < 0 {
			return k
		}
	}
	return ""
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// name writes the name of a tool from its verb, its object and what follows, all in snake_case.
func (s *Style) name(verb, object, rest string) string {
	join := func(parts ...string) string {
		return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "_")
	}
	switch s.Case {
	case "camel":
		return camel(join(verb, object, rest))
	case "kebab":
		return strings.ReplaceAll(join(verb, object, rest), "_", "-")
	case "dotted":
		if object == "" {
			return verb
		}
		return object + "." + join(verb, rest)
	case "prefixed":
		return join(s.Prefix, verb, object, rest)
	case "object_first":
		return join(object, verb, rest)
	}
	return join(verb, object, rest)
}

// param writes the name of a parameter.
func (s *Style) param(name string) string {
	if s.Case == "camel" {
		return camel(name)
	}
	return name
}

// id names the parameter that takes the id of the record that a tool is about.
func (s *Style) id(entity string) string { return s.param(strings.ReplaceAll(s.IDs, "{e}", entity)) }

// other names a parameter that takes the id of another record, such as the guest of a reservation.
func (s *Style) other(field string) string {
	if s.IDs == "{e}" || strings.HasSuffix(field, "_id") {
		return s.param(field)
	}
	return s.param(field + "_id")
}

// camel writes snake_case as camelCase.
func camel(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	var b strings.Builder
	up := false
	for i := range len(s) {
		c := s[i]
		if c == '_' && i > 0 && i+1 < len(s) {
			up = true
			continue
		}
		if up && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		up = false
		b.WriteByte(c)
	}
	return b.String()
}

// spaced writes snake_case as words.
func spaced(s string) string { return strings.ReplaceAll(s, "_", " ") }

// particles end phrasal verbs, which take their object behind them: check_in_guest.
var particles = []string{"in", "out", "off", "up", "down", "on", "over", "back", "away", "for", "to", "from", "by", "as"}

// verbName splits a verb of the domain file into verb and object: cancel -> cancel, reservation; extend_stay ->
// extend_stay alone, because it names its object itself.
func verbName(verb, entity string) (string, string) {
	words := strings.Split(verb, "_")
	if strings.Contains("_"+verb+"_", "_"+entity+"_") {
		return verb, ""
	}
	if len(words) == 1 || slices.Contains(particles, words[len(words)-1]) {
		return verb, entity
	}
	return verb, ""
}
