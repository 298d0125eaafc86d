// Package domain holds what is known of a trade as data: the records that it keeps, their states, the rules of the
// house and the operations that only this trade has. One YAML file is one domain; people read, review and extend
// these files. The package decodes them strictly, checks them as a whole and says in each complaint which file,
// line and field is meant and what to do.
package domain

import (
	"slices"
	"strings"
)

// Domain is one file.
type Domain struct {
	Name      string // file name without .yaml
	Category  string // key of categories.yaml
	Title     string // what the API is about
	Service   string // invented name of the product
	About     string
	User      string // who writes to the assistant, without article
	Assistant string // the role of the assistant
	Entities  []*Entity
	Rules     []*Rule
	Actions   []*Action
	File      string // where it was read
}

// Entity is a kind of record.
type Entity struct {
	Name, Plural, About string
	ID                  string // pattern such as RSV-{5d}
	Label               string // field by which people refer to a record, or "id"
	Records             int    // records in a fresh world
	Fields              []*Field
	State               string // enum field that transitions move; "" when there is none
	Initial             string // state of a created record
	Transitions         []*Transition
	Invariants          []string // Starlark expressions over the fields that hold at all times
	Line                int

	id pattern
}

// Field is a field of a record or a parameter of an action.
type Field struct {
	Name        string
	Type        Type
	About       string
	Optional    bool
	Values      []string // enum
	Samples     []string // title, text, list
	Pattern     string   // code
	Min, Max    *float64 // numbers
	From, Until *int     // date, datetime: days from today
	Unit        string
	To          string // ref, refs: entity
	Edit        string // verb of the tool that changes the field
	Fields      []*Field
	Line        int

	code pattern
}

// Type is the type of a field.
type Type string

// The types of fields, and the Go type of their values in a world.
const (
	Person   Type = "person"   // string
	Company  Type = "company"  // string
	Email    Type = "email"    // string
	Phone    Type = "phone"    // string
	City     Type = "city"     // string
	Country  Type = "country"  // string
	Address  Type = "address"  // string
	Title    Type = "title"    // string
	Text     Type = "text"     // string
	Code     Type = "code"     // string
	Enum     Type = "enum"     // string
	Bool     Type = "bool"     // bool
	Int      Type = "int"      // int64
	Float    Type = "float"    // float64
	Money    Type = "money"    // float64, two decimals
	Percent  Type = "percent"  // float64
	Date     Type = "date"     // string, 2026-03-14
	Datetime Type = "datetime" // string, 2026-03-14T09:30:00Z
	Time     Type = "time"     // string, 09:30
	Minutes  Type = "minutes"  // int64
	URL      Type = "url"      // string
	Ref      Type = "ref"      // string, an id
	Refs     Type = "refs"     // []any of ids
	List     Type = "list"     // []any of texts
	Object   Type = "object"   // map[string]any
)

// Types lists all types in the order of the documentation.
var Types = []Type{Person, Company, Email, Phone, City, Country, Address, Title, Text, Code, Enum, Bool, Int, Float,
	Money, Percent, Date, Datetime, Time, Minutes, URL, Ref, Refs, List, Object}

// Numeric reports whether values of the type are numbers.
func (t Type) Numeric() bool {
	return t == Int || t == Float || t == Money || t == Percent || t == Minutes
}

// Whole reports whether values of the type are int64.
func (t Type) Whole() bool { return t == Int || t == Minutes }

// Transition is an operation that moves a record to another state.
type Transition struct {
	Verb    string
	From    []string
	To      string
	About   string
	Consent bool     // the user must say yes first
	Reasons []string // reasons to choose from; empty when none is asked for
	Line    int
}

// Rule is a policy that the assistant must obey.
type Rule struct {
	Forbid   string // ENTITY.VERB, ENTITY.EDIT, ENTITY.create, ENTITY.update or ENTITY.remove
	When     string // Starlark condition over the record before the operation; for create over the new record
	Say      string // the rule in words
	Enforced bool   // the tool itself refuses with the code forbidden; otherwise only the assistant is bound
	Line     int
}

// Entity gives the entity that the rule is about.
func (r *Rule) Entity() string { e, _, _ := strings.Cut(r.Forbid, "."); return e }

// Verb gives the verb that the rule forbids.
func (r *Rule) Verb() string { _, v, _ := strings.Cut(r.Forbid, "."); return v }

// Action is an operation that only this trade has.
type Action struct {
	Name, About string
	Params      []*Field
	Writes      bool
	Program     string // body of a Starlark function of the params
	Line        int
	ProgramLine int // line of the file on which the program begins
}

// Referrer is a field that points at an entity.
type Referrer struct {
	Entity *Entity
	Field  *Field
}

// Entity finds an entity by name; nil when there is none.
func (d *Domain) Entity(name string) *Entity {
	for _, e := range d.Entities {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Action finds an action by name; nil when there is none.
func (d *Domain) Action(name string) *Action {
	for _, a := range d.Actions {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// EntityOfID finds the entity whose pattern an id has; nil when there is none.
func (d *Domain) EntityOfID(id string) *Entity {
	for _, e := range d.Entities {
		if e.MatchesID(id) {
			return e
		}
	}
	return nil
}

// Referrers lists the ref and refs fields that point at an entity, in the order of the file.
func (d *Domain) Referrers(entity string) []Referrer {
	var out []Referrer
	for _, e := range d.Entities {
		for _, f := range e.Fields {
			if f.To == entity && (f.Type == Ref || f.Type == Refs) {
				out = append(out, Referrer{e, f})
			}
		}
	}
	return out
}

// Field finds a field by name; nil when there is none.
func (e *Entity) Field(name string) *Field {
	if i := e.Index(name); i >= 0 {
		return e.Fields[i]
	}
	return nil
}

// Index gives the position of a field in Fields, or -1.
func (e *Entity) Index(name string) int {
	return slices.IndexFunc(e.Fields, func(f *Field) bool { return f.Name == name })
}

// Transition finds a transition by verb; nil when there is none.
func (e *Entity) Transition(verb string) *Transition {
	for _, t := range e.Transitions {
		if t.Verb == verb {
			return t
		}
	}
	return nil
}

// Edit finds the field whose tool has the verb; nil when there is none.
func (e *Entity) Edit(verb string) *Field {
	for _, f := range e.Fields {
		if f.Edit == verb && verb != "" {
			return f
		}
	}
	return nil
}

// MatchesID reports whether a text has the form of the entity's ids.
func (e *Entity) MatchesID(id string) bool { return e.id.matches(id) }

// NewID fills the pattern of the entity's ids; digit gives a random number below n.
func (e *Entity) NewID(digit func(n int) int) string { return e.id.fill(digit) }

// NewCode fills the pattern of a field of type code.
func (f *Field) NewCode(digit func(n int) int) string { return f.code.fill(digit) }

// MatchesCode reports whether a text has the form of the field's codes.
func (f *Field) MatchesCode(s string) bool { return f.code.matches(s) }

// IDRegexp gives the pattern of the ids as a regular expression for JSON Schema.
func (e *Entity) IDRegexp() string { return e.id.regexp() }

// CodeRegexp gives the pattern of a code as a regular expression for JSON Schema.
func (f *Field) CodeRegexp() string { return f.code.regexp() }
