package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

const (
	maxSteps = 1 << 19
	// maxInPlace bounds how many schemas may lead on to one another without going into the value: a reference that leads
	// back to itself would go on for ever.
	maxInPlace = 250
)

// node is a JSON value with its size in bytes, roughly.
type node struct {
	value  any
	size   int
	fields map[string]*node // of objects
	items  []*node          // of lists
}

func newNode(v any) *node {
	n := &node{value: v, size: 8}
	switch x := v.(type) {
	case string:
		n.size += len(x)
	case []any:
		for _, e := range x {
			c := newNode(e)
			n.items = append(n.items, c)
			n.size += c.size
		}
	case map[string]any:
		n.fields = make(map[string]*node, len(x))
		for k, e := range x {
			c := newNode(e)
			n.fields[k] = c
			n.size += len(k) + c.size
		}
	}
	return n
}

// target is the schema that a reference leads to.
func (s *Schema) target(ref string) *jsonschema.Schema {
	if name, ok := strings.CutPrefix(ref, "#/$defs/"); ok {
		return s.root.Defs[name]
	}
	return s.root
}

// weigh walks as a validator that never gives up early would, and stops where that takes too many steps.
func (s *Schema) weigh(n *node) error {
	w := weigher{schema: s, left: maxSteps}
	return w.visit(s.root, n, 0)
}

// probe finds references that lead back to themselves before anything is validated: every such loop goes through the root
// or a definition.
func (s *Schema) probe() error {
	nothing := newNode(nil)
	if err := s.weigh(nothing); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	w := weigher{schema: s, left: maxSteps}
	for _, name := range slices.Sorted(maps.Keys(s.root.Defs)) {
		if err := w.visit(s.root.Defs[name], nothing, 0); err != nil {
			return fmt.Errorf("schema: %w", err)
		}
	}
	return nil
}

type weigher struct {
	schema *Schema
	left   int
}

func (w *weigher) visit(s *jsonschema.Schema, n *node, inPlace int) error {
	if s == nil {
		return nil
	}
	if inPlace > maxInPlace {
		return fmt.Errorf("%w: a reference of the schema leads back to itself", ErrTooCostly)
	}
	// Messages of the library spell values and enums out, so these cost by their size.
	if w.left -= 1 + n.size/64 + len(s.Enum); w.left < 0 {
		return fmt.Errorf("%w: more than %d, because references or alternatives multiply", ErrTooCostly, maxSteps)
	}
	if s.Ref != "" {
		if err := w.visit(w.schema.target(s.Ref), n, inPlace+1); err != nil {
			return err
		}
	}
	for _, list := range [][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf, {s.Not, s.If, s.Then, s.Else}} {
		for _, x := range list {
			if err := w.visit(x, n, inPlace+1); err != nil {
				return err
			}
		}
	}
	for _, x := range s.DependentSchemas {
		if err := w.visit(x, n, inPlace+1); err != nil {
			return err
		}
	}
	if err := w.elements(s, n); err != nil {
		return err
	}
	return w.properties(s, n)
}

func (w *weigher) elements(s *jsonschema.Schema, n *node) error {
	for i, e := range n.items {
		if i < len(s.PrefixItems) {
			if err := w.visit(s.PrefixItems[i], e, 0); err != nil {
				return err
			}
		}
		for _, x := range []*jsonschema.Schema{s.Items, s.Contains, s.UnevaluatedItems} {
			if err := w.visit(x, e, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *weigher) properties(s *jsonschema.Schema, n *node) error {
	for name, e := range n.fields {
		if err := w.visit(s.Properties[name], e, 0); err != nil {
			return err
		}
		if s.PropertyNames != nil {
			if err := w.visit(s.PropertyNames, &node{value: name, size: 8 + len(name)}, 0); err != nil {
				return err
			}
		}
		w.left -= len(s.PatternProperties) * (1 + len(name)/64)
		for _, x := range s.PatternProperties {
			if err := w.visit(x, e, 0); err != nil {
				return err
			}
		}
		for _, x := range []*jsonschema.Schema{s.AdditionalProperties, s.UnevaluatedProperties} {
			if err := w.visit(x, e, 0); err != nil {
				return err
			}
		}
	}
	return nil
}
