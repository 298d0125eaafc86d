// Package tool makes tools from domains: for each kind of record the look-ups, lists, reports and changes that a
// product of this trade would offer, and the operations that only this trade has. A tool is a name, a description and
// a JSON Schema, as a model sees them; a program that runs on a world; and what a planner must know of its arguments
// and results. Real tools are imported from the listings of MCP servers; these have no program.
package tool

import (
	"encoding/json"
	"sync"

	"muonclip/synth/domain"
	"muonclip/synth/world"
)

// Kind is the family of a tool.
type Kind string

// Role says what a parameter is for.
type Role string

// The roles of parameters.
const (
	RoleID     Role = "id"     // id of a record of Entity
	RoleIDs    Role = "ids"    // several ids
	RoleValue  Role = "value"  // new value of Field
	RoleFilter Role = "filter" // Field must equal it
	RoleFrom   Role = "from"   // Field, a date, must not be earlier
	RoleUntil  Role = "until"  // Field, a date, must not be later
	RoleMin    Role = "min"    // Field must be at least this
	RoleMax    Role = "max"    // Field must be at most this
	RoleQuery  Role = "query"  // text that Field must contain
	RoleReason Role = "reason"
	RoleSort   Role = "sort"   // name of a field
	RoleOrder  Role = "order"  // asc or desc
	RoleLimit  Role = "limit"  // most records that are returned
	RoleOffset Role = "offset" // records that are skipped, or the number of the page from 1
	RoleExtra  Role = "extra"
)

// Param is a parameter of an evolved tool.
type Param struct {
	Name     string // in the schema
	Group    string // the object parameter in which it lies; "" at the top
	Local    string // in the program
	Role     Role
	Entity   string // id, ids: of which entity; else the entity of Field
	Field    string
	Type     domain.Type
	About    string
	Values   []string
	Min, Max *float64
	Required bool
	Default  any
	Spec     *domain.Field // the field or parameter of the domain from which it was made; nil for paging and the like
}

// Returns says what a call gives.
type Returns struct {
	Shape  string // record, records, page, value, verdict, groups, text, change or action
	Entity string // of the records
	Field  string // value: the key of the answer; groups: the grouping field
	Items  string // the key under which a list lies
}

// Tool is one tool.
type Tool struct {
	Name, Description string
	Domain, Service   string
	Entity            string
	Kind              Kind
	Operation         string
	Asks              string // the operation whose possibility a tool of the kind can tells
	Parameters        json.RawMessage
	Writes, Consent   bool
	Params            []Param
	Needs             []string
	Returns           Returns
	Program           *world.Program
	Source            string
	Origin            string
	// Shown are the fields that records have in results, beside the id; nil means all.
	Shown []string

	hidden  []Param // parameters that are not offered; the program gets their defaults
	touches func(c *call) []Touch
	fits    func(w *world.World, r *world.Record) bool // records for which sampled arguments make sense
	groups  []group
	camel   bool
	schema  *schemaCache
}

// group is an object parameter that holds other parameters.
type group struct {
	name     string
	about    string
	required bool
}

// schemaCache compiles the schema once.
type schemaCache struct {
	once sync.Once
	compiled
}

// Touch is an operation that a call performs on a record.
type Touch struct {
	Operation string // such as reservation.cancel
	Entity    string
	ID        string // "" for a record that the call creates
}

// Param finds a parameter by its name in the schema; nil when there is none.
func (t *Tool) Param(name string) *Param {
	for i := range t.Params {
		if t.Params[i].Name == name {
			return &t.Params[i]
		}
	}
	return nil
}

// ByRole finds the first parameter of a role; nil when there is none.
func (t *Tool) ByRole(r Role) *Param {
	for i := range t.Params {
		if t.Params[i].Role == r {
			return &t.Params[i]
		}
	}
	return nil
}

// Key gives the spelling of a result key in this product: dueDate for due_date where names are written so.
func (t *Tool) Key(name string) string {
	if t.camel {
		return camel(name)
	}
	return name
}

// At gives the value of a parameter in arguments; nil when it is absent.
func (t *Tool) At(args map[string]any, p *Param) any {
	if p.Group == "" {
		return args[p.Name]
	}
	m, _ := args[p.Group].(map[string]any)
	return m[p.Name]
}

// Put sets the value of a parameter in arguments.
func (t *Tool) Put(args map[string]any, p *Param, v any) {
	if p.Group == "" {
		args[p.Name] = v
		return
	}
	m, ok := args[p.Group].(map[string]any)
	if !ok {
		m = map[string]any{}
		args[p.Group] = m
	}
	m[p.Name] = v
}
