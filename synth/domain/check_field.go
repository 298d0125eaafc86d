package domain

import (
	"slices"
)

// field checks a field of a record, or a parameter of an action.
func (c *checker) field(f *Field, where string, param bool) {
	c.name(f.Line, where, f.Name)
	if f.Name == "id" && !param {
		c.report(f.Line, where, "every record has id already: remove the field")
	}
	c.words(f.Line, where+".about", f.About, 1, 24)
	if !slices.Contains(Types, f.Type) {
		if f.Type != "" {
			var known []string
			for _, t := range Types {
				known = append(known, string(t))
			}
			c.report(f.Line, where, "unknown type %q%s", f.Type, didYouMean(string(f.Type), known))
		}
		return
	}
	if param && f.Edit != "" {
		c.report(f.Line, where, "edit belongs to fields of records: remove it")
	}
	c.keys(f, where)
	switch f.Type {
	case Enum:
		c.choices(f.Line, where+".values", f.Values, 2, 2)
		for _, v := range f.Values {
			if !shownRE.MatchString(v) {
				c.report(f.Line, where+".values", "%q must be 1 to 120 characters without quotes and braces", v)
			}
		}
	case Title, Text, List:
		need := 3
		if param {
			need = 0 // people say what they want; samples help but are not needed
		}
		c.choices(f.Line, where+".samples", f.Samples, 3, need)
	case Code:
		p, err := parsePattern(f.Pattern)
		if err != nil && (f.Pattern != "" || !param) {
			c.report(f.Line, where+".pattern", "%v", err)
		}
		f.code = p
	case Ref, Refs:
		if c.d.Entity(f.To) == nil {
			var names []string
			for _, e := range c.d.Entities {
				names = append(names, e.Name)
			}
			c.report(f.Line, where+".to", "there is no entity %q%s", f.To, didYouMean(f.To, names))
		}
	case Int, Float, Money, Percent, Minutes:
		c.numbers(f, where)
	case Date, Datetime:
		switch {
		case f.From == nil || f.Until == nil:
			c.report(f.Line, where, "a %s needs from and until, in days from today", f.Type)
		case *f.From > *f.Until:
			c.report(f.Line, where, "from %d lies after until %d: exchange them", *f.From, *f.Until)
		case *f.From < -40000 || *f.Until > 40000:
			c.report(f.Line, where, "from and until must lie within 40000 days of today")
		}
	case Object:
		c.count(f.Line, where+".fields", len(f.Fields), 1, 8)
		seen := map[string]bool{}
		for _, s := range f.Fields {
			if s.Type == Object || s.Type == Ref || s.Type == Refs || s.Type == List {
				c.report(s.Line, where+"."+s.Name, "an object holds plain values, not %s: make it a field of the record", s.Type)
				continue
			}
			if seen[s.Name] {
				c.report(s.Line, where+"."+s.Name, "there are two fields of this name: rename one")
			}
			seen[s.Name] = true
			c.field(s, where+"."+s.Name, param)
		}
	}
}

func (c *checker) numbers(f *Field, where string) {
	switch {
	case f.Min == nil || f.Max == nil:
		c.report(f.Line, where, "a %s needs min and max", f.Type)
	case *f.Min > *f.Max:
		c.report(f.Line, where, "min %v is more than max %v: exchange them", *f.Min, *f.Max)
	case f.Type.Whole() && (*f.Min != float64(int64(*f.Min)) || *f.Max != float64(int64(*f.Max))):
		c.report(f.Line, where, "min and max of a %s must be whole numbers", f.Type)
	case f.Type == Percent && (*f.Min < -100 || *f.Max > 1000):
		c.report(f.Line, where, "percents lie from -100 to 1000")
	}
}

// keys reports keys that have no meaning for the type.
func (c *checker) keys(f *Field, where string) {
	extra := func(set bool, key string, types ...Type) {
		if set && !slices.Contains(types, f.Type) {
			c.report(f.Line, where, "%s has no meaning for a %s: remove it", key, f.Type)
		}
	}
	extra(f.Values != nil, "values", Enum)
	extra(f.Samples != nil, "samples", Title, Text, List, Address, City, Country, Company, Person, URL)
	extra(f.Pattern != "", "pattern", Code)
	extra(f.Min != nil || f.Max != nil, "min or max", Int, Float, Money, Percent, Minutes)
	extra(f.From != nil || f.Until != nil, "from or until", Date, Datetime)
	extra(f.To != "", "to", Ref, Refs)
	extra(f.Fields != nil, "fields", Object)
}
