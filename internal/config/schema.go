package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Role says what changing a key means for a run that exists already.
type Role string

const (
	// Free keys do not touch the numbers: logging, evaluation, checkpoints, threads.
	Free Role = ""
	// Numerics keys change the numbers of later steps, and may be changed when a run is resumed.
	Numerics Role = "numerics"
	// Identity keys define the run. A run cannot be resumed with another value.
	Identity Role = "identity"
)

// Key describes one settable key.
type Key struct {
	Name string // path of json names, such as train.lr
	Type string // what a value may be, in words
	Doc  string // meaning, unit and what zero means
	Enum []string
	Role Role

	typ reflect.Type
}

// EnvName is the environment variable that sets the key.
func (k Key) EnvName() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Keys lists every settable key in the order of the struct fields. The keys of a list's sections
// (data.sources) follow it with [] in their names.
func Keys() []Key {
	return newSchema().keys
}

// schema is the set of keys, found by reflection over Config.
type schema struct {
	keys     []Key
	byName   map[string]Key
	sections map[string]reflect.Type // names of the nested structs, "" for the top
	pointers map[string]bool         // sections that may be null
}

func newSchema() *schema {
	s := &schema{byName: map[string]Key{}, sections: map[string]reflect.Type{}, pointers: map[string]bool{}}
	s.walk("", reflect.TypeFor[Config](), Free)
	return s
}

func (s *schema) walk(prefix string, t reflect.Type, role Role) {
	s.sections[strings.TrimSuffix(prefix, ".")] = t
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		key, fieldRole := prefix+name, role
		if r := f.Tag.Get("role"); r != "" {
			fieldRole = Role(r)
		}
		switch ft := f.Type; {
		case ft.Kind() == reflect.Struct:
			s.walk(key+".", ft, fieldRole)
		case ft.Kind() == reflect.Pointer:
			s.pointers[key] = true
			s.walk(key+".", ft.Elem(), fieldRole)
		default:
			k := Key{Name: key, Type: typeWords(ft), Doc: f.Tag.Get("doc"), Role: fieldRole, typ: ft}
			if e := f.Tag.Get("enum"); e != "" {
				k.Enum = strings.Split(e, "|")
				k.Type = "one of " + strings.Join(k.Enum, ", ")
			}
			if k.Doc == "" {
				k.Doc = modelDocs(key)
			}
			s.keys = append(s.keys, k)
			s.byName[key] = k
			if ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct {
				s.walk(key+"[].", ft.Elem(), fieldRole)
			}
		}
	}
}

// typeWords says in words what a value of type t looks like.
func typeWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	case reflect.Array:
		return fmt.Sprintf("a list of %d numbers", t.Len())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of texts"
		}
		return "a list of sections"
	default:
		panic("config: no words for type " + t.String())
	}
}

// nearest returns the known key that name was most likely meant to be: the one with the fewest
// edits, where a right last part in another section costs one edit.
func (s *schema) nearest(name string) string {
	best, bestCost := "", 1<<30
	last := name[strings.LastIndexByte(name, '.')+1:]
	consider := func(k string) {
		if k == "" {
			return
		}
		kLast := k[strings.LastIndexByte(k, '.')+1:]
		cost := min(2*editDistance(name, k), 2*editDistance(last, kLast)+1)
		if cost < bestCost {
			best, bestCost = k, cost
		}
	}
	for _, k := range s.keys {
		consider(k.Name)
	}
	sections := make([]string, 0, len(s.sections))
	for k := range s.sections {
		sections = append(sections, k)
	}
	slices.Sort(sections)
	for _, k := range sections {
		consider(k)
	}
	return best
}

// NearestWord returns the word of list with the fewest edits from s, "" for an empty list.
func NearestWord(s string, list []string) string {
	best, bestCost := "", 1<<30
	for _, w := range list {
		if d := editDistance(s, w); d < bestCost {
			best, bestCost = w, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, replacements and swaps of neighbours (the optimal
// string alignment distance).
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, prev, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(y)]
}
