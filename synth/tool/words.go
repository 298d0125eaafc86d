package tool

import (
	"strconv"
	"strings"

	"muonclip/synth/domain"
)

// describe writes the description in the register of the product.
func (k *maker) describe(d *draft) string {
	parts := []string{sentence(d.lead)}
	d.notes = news(d.lead, d.notes)
	switch k.style.Register {
	case 0: // terse: the first sentence, and one fact where it is short
		if len(d.notes) > 0 && len(d.notes[0]) < 70 {
			parts = append(parts, sentence(d.notes[0]))
		}
	case 1:
		parts = append(parts, each(d.notes)...)
	case 2:
		parts = append(parts, each(d.notes)...)
		if d.hint != "" {
			parts = append(parts, sentence(d.hint))
		}
	default:
		parts = append(parts, each(d.notes)...)
		parts = append(parts, k.manual(d)...)
	}
	if d.consent && k.style.Register > 0 {
		parts = append(parts, k.choose("consent/"+string(d.kind),
			"Ask the "+k.d.User+" for consent first.", "Only with the explicit agreement of the "+k.d.User+".",
			"The "+k.d.User+" must have confirmed this.", "Needs a clear yes from the "+k.d.User+" beforehand."))
	}
	return strings.Join(parts, " ")
}

// news leaves out the notes that say what was said before.
func news(lead string, notes []string) []string {
	said := strings.ToLower(lead)
	var out []string
	for _, n := range notes {
		first, rest, _ := strings.Cut(n, ". ")
		if strings.Contains(said, strings.ToLower(strings.TrimSuffix(first, "."))) {
			n = rest
		}
		if n != "" {
			out = append(out, n)
			said += " " + strings.ToLower(n)
		}
	}
	return out
}

func each(notes []string) []string {
	var out []string
	for _, n := range notes {
		if n != "" {
			out = append(out, sentence(n))
		}
	}
	return out
}

// manual is what a reference manual adds: what comes back and what can go wrong.
func (k *maker) manual(d *draft) []string {
	var out []string
	e := d.e
	switch d.returns.Shape {
	case "record":
		out = append(out, "Returns the "+spaced(d.returns.Entity)+" with all its fields.")
	case "page", "records":
		out = append(out, "Returns an object with "+d.returns.Items+" and total.")
	case "change":
		if d.returns.Items != "" {
			return append(out, "Returns the ids in "+d.returns.Items+".")
		}
		if d.returns.Entity == "" || len(d.params) == 0 {
			return out
		}
		out = append(out, "Returns the "+spaced(d.returns.Entity)+" as it is after the change.")
	case "value":
		out = append(out, "The answer is in "+d.returns.Field+".")
	case "verdict":
		out = append(out, "Returns allowed and, if not, the reasons.")
	}
	if len(d.needs) > 0 && e != nil {
		out = append(out, "Fails with invalid_state unless "+spaced(e.State)+" is "+orList(d.needs)+".")
	}
	return out
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if c := s[0]; c >= 'a' && c <= 'z' {
		s = string(c-'a'+'A') + s[1:]
	}
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}

// lower begins with a small letter unless the first word is an abbreviation or a name.
func lower(s string) string {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' && s[1] <= 'z' {
		s = string(s[0]-'A'+'a') + s[1:]
	}
	return s
}

// article puts a or an before a word.
func article(s string) string {
	if s != "" && strings.ContainsRune("aeiou", rune(s[0])) {
		return "an " + s
	}
	return "a " + s
}

func andList(list []string) string { return joined(list, "and") }
func orList(list []string) string  { return joined(list, "or") }

func joined(list []string, word string) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + word + " " + list[len(list)-1]
}

// fieldAbout describes a field or a parameter with its unit and, in some products, its range.
func (k *maker) fieldAbout(f *domain.Field) string {
	s := strings.TrimSuffix(strings.TrimSpace(f.About), ".")
	if f.Unit != "" && !strings.Contains(strings.ToLower(s), strings.ToLower(f.Unit)) {
		s += k.choose("unit", " in "+f.Unit, " ("+f.Unit+")", ", "+f.Unit)
	}
	if f.Type == domain.Ref && k.style.Register != 0 {
		if e := k.d.Entity(f.To); e != nil {
			s += k.choose("ref", " (id of the "+spaced(e.Name)+")", ", such as "+example(e), ", given by "+spaced(e.Name)+" id", "")
		}
	}
	return s
}

// record says what a record consists of.
func (k *maker) record(e *domain.Entity) string {
	var names []string
	for _, f := range e.Fields {
		names = append(names, spaced(f.Name))
	}
	if len(names) > 7 {
		names = append(names[:6:6], "more")
	}
	return k.choose("record/"+e.Name,
		"Each "+spaced(e.Name)+" has "+andList(names),
		"Fields: "+strings.Join(names, ", "),
		sentence(e.About)+" It carries "+andList(names),
		"Gives "+andList(names),
	)
}

// states says which states a record can have.
func (k *maker) states(e *domain.Entity) string {
	if e.State == "" {
		return ""
	}
	return k.choose("states/"+e.Name,
		"Its "+spaced(e.State)+" is one of "+orList(spacedAll(e.Field(e.State).Values)),
		"Life of "+article(spaced(e.Name))+": "+strings.Join(spacedAll(e.Field(e.State).Values), ", "),
		"")
}

func spacedAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = spaced(s)
	}
	return out
}

// span says between which values a number lies.
func span(f *domain.Field) string {
	if f.Min == nil || f.Max == nil {
		return ""
	}
	s := strconv.FormatFloat(*f.Min, 'f', -1, 64) + " to " + strconv.FormatFloat(*f.Max, 'f', -1, 64)
	if f.Unit != "" {
		s += " " + f.Unit
	}
	return s
}

// unit gives the unit of a field in brackets, or nothing.
func unit(f *domain.Field) string {
	if f.Unit == "" {
		return ""
	}
	return " (" + f.Unit + ")"
}

// about gives an entity's description as a clause.
func about(e *domain.Entity) string { return lower(e.About) }
