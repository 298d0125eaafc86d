package live

import (
	"math/rand/v2"
	"strings"
)

// vars are the words to put into a template.
type vars map[string]string

// say expands one of the templates and begins it with a capital: [a|b] is one of the alternatives, which may be empty and
// may nest, and {x} is the variable x, which is not expanded further.
func say(r *rand.Rand, templates []string, v vars) string {
	g := grammar{r: r, v: v, in: draw(r, templates)}
	var b strings.Builder
	g.sequence(&b, true)
	text := strings.Join(strings.FieldsFunc(b.String(), func(c rune) bool { return c == ' ' }), " ")
	first, _, _ := strings.Cut(text, " ")
	if text == "" || text[0] < 'a' || text[0] > 'z' || strings.ContainsAny(strings.TrimRight(first, ".,:"), "._/") {
		return text // names of files stay as they are
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// grammar is a template that is being read.
type grammar struct {
	r  *rand.Rand
	v  vars
	in string
}

// sequence reads to the end of the template or of an alternative, and writes where live.
func (g *grammar) sequence(b *strings.Builder, live bool) {
	for g.in != "" {
		switch c := g.in[0]; c {
		case '|', ']':
			return
		case '[':
			g.choice(b, live)
		case '{':
			name, rest, _ := strings.Cut(g.in[1:], "}")
			if g.in = rest; live {
				b.WriteString(g.v[name])
			}
		default:
			if g.in = g.in[1:]; live {
				b.WriteByte(c)
			}
		}
	}
}

// choice reads [a|b|c] and writes one of the alternatives. All are drawn with equal chance by keeping the nth with
// chance 1/n.
func (g *grammar) choice(b *strings.Builder, live bool) {
	g.in = g.in[1:]
	var kept string
	for n := 1; ; n++ {
		var one strings.Builder
		take := live && g.r.IntN(n) == 0
		if g.sequence(&one, take); take {
			kept = one.String()
		}
		if g.in == "" || g.in[0] == ']' {
			break
		}
		g.in = g.in[1:]
	}
	g.in = strings.TrimPrefix(g.in, "]")
	if live {
		b.WriteString(kept)
	}
}

func draw[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// several draws n different ones, in a random order.
func several[T any](r *rand.Rand, from []T, n int) []T {
	out := make([]T, 0, n)
	for _, i := range r.Perm(len(from))[:min(n, len(from))] {
		out = append(out, from[i])
	}
	return out
}

var personas = []string{"plain", "polite", "hurried", "chatty"}

// questioned ends the first sentence with a question mark where it asks.
func questioned(text string) string {
	if !strings.HasPrefix(text, "Can you ") && !strings.HasPrefix(text, "Could you ") {
		return text
	}
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i] + "?" + text[i+1:]
	}
	if rest, ok := strings.CutSuffix(text, "."); ok {
		return rest + "?"
	}
	return text
}

// styled opens a dialogue in the manner of the user.
func styled(r *rand.Rand, persona, text string) string {
	switch persona {
	case "polite":
		if r.IntN(2) == 0 {
			return draw(r, []string{"Hello. ", "Hi there! ", "Good morning! ", "Excuse me. "}) + text
		}
		return text + draw(r, []string{" Thank you!", " Thanks a lot.", " Many thanks in advance."})
	case "hurried":
		return draw(r, []string{"", "", "Quick one. ", "In a rush, sorry. "}) + text
	case "chatty":
		return draw(r, []string{"", "I am finally getting around to this. ", "Long day here. ", "Me again. "}) + text
	}
	return text
}

var (
	people = []string{
		"Amara Okafor", "Bruno Keller", "Chiara Lindqvist", "Dmitri Salonen", "Elif Demir", "Farid Haddad", "Greta Novak", "Hiro Tanaka",
		"Ines Moreau", "Jonas Pereira", "Katya Orlova", "Liam Byrne", "Mei Castellan", "Noor Rahman", "Oskar Wendt", "Priya Nair", "Quentin Abara",
		"Rosa Figueroa", "Sven Aldana", "Tomoko Reyes", "Ursula Banerjee", "Viktor Hale", "Wanda Achterberg", "Yusuf Marchetti",
	}
	firms = []string{
		"Brightwater Labs", "Copper Lane Bakery", "Delta Orchard", "Eastgate Printing", "Fernhill Clinic", "Granite Peak Outfitters",
		"Harbour Light Theatre", "Ironwood Cycles", "Juniper Analytics", "Kestrel Freight", "Lumen Gardens", "Marble Street Books",
		"Northfield Dairy", "Opal Ceramics", "Pinecrest School", "Quarry Road Studio",
	}
	folders = []string{
		"reports", "invoices", "drafts", "minutes", "recipes", "inventory", "research", "travel", "budget", "garden", "workshop", "archive",
		"letters", "surveys", "schedules", "handbook",
	}
	topics = []string{
		"roof repair", "spring fair", "website launch", "staff training", "autumn catalogue", "boiler service", "book club", "harvest plan",
		"office move", "museum trip", "charity run", "tool library", "film night", "seed order", "parking permits", "safety audit",
	}
	settings = []string{
		"timeout", "retries", "port", "workers", "cache_size", "max_users", "page_length", "backup_hour", "volume", "brightness", "queue_limit",
		"refresh_seconds",
	}
	items = []string{
		"printer paper", "light bulbs", "garden hose", "coffee beans", "paint rollers", "extension cord", "first aid kit", "clay tiles",
		"bicycle chain", "desk lamps", "seed trays", "name badges", "folding chairs", "storage boxes", "oak boards", "water filters", "batteries",
		"notebooks", "work gloves", "cable ties",
	}
	cities = []string{"Lisbon", "Tampere", "Graz", "Porto Alegre", "Nagoya", "Leeds", "Quito", "Gdansk", "Halifax", "Mombasa", "Bergen", "Puebla"}
	skills = []string{
		"speaks Portuguese", "plays the cello", "is allergic to nuts", "prefers morning meetings", "is learning to weld", "keeps bees",
		"has a driving licence for lorries", "drinks only green tea", "is left-handed", "collects old maps", "runs marathons",
		"works from home on Fridays", "knows the alarm code", "grew up on a farm", "is afraid of heights", "repairs clocks",
	}
	events = []string{
		"disk almost full", "login from a new device", "backup finished", "sensor 4 silent", "update installed", "door left open", "battery low",
		"queue drained", "filter clogged", "network restored", "certificate renewed", "job 17 skipped",
	}
	months = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
)

// slug writes words as a file name has them.
func slug(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "-") }
