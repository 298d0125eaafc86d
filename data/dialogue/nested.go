package dialogue

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// maxDepth bounds the nesting of columns.
const maxDepth = 50

// node is a field of the schema: a leaf, a group of fields, or a repeated one of either.
type node struct {
	name     string
	optional bool
	repeated bool
	list     bool  // it has one field, which is repeated: together they are a list
	bare     bool  // of a list's repeated field: its one field is the element
	def, rep int16 // the levels from which on it is there, and that of its second element on
	fields   []*node
	leaf     *leaf
	first    *leaf // the first leaf below
}

// newNode makes the tree below a field whose parent has the levels def and rep. next counts the leaves of the schema.
func newNode(s schema.Node, def, rep int16, next *int, depth int) (*node, error) {
	n := &node{name: s.Name()}
	switch s.RepetitionType() {
	case parquet.Repetitions.Optional:
		n.optional = true
		def++
	case parquet.Repetitions.Repeated:
		n.repeated = true
		def++
		rep++
	}
	n.def, n.rep = def, rep
	if depth > maxDepth {
		return nil, errors.New("it is nested too deeply")
	}
	group, ok := s.(*schema.GroupNode)
	if !ok {
		n.leaf = &leaf{index: *next, maxDef: def, maxRep: rep}
		if p, ok := s.(*schema.PrimitiveNode); ok {
			n.leaf.physical = p.PhysicalType()
		}
		n.first = n.leaf
		*next++
		return n, nil
	}
	for i := range group.NumFields() {
		child, err := newNode(group.Field(i), def, rep, next, depth+1)
		if err != nil {
			return nil, err
		}
		n.fields = append(n.fields, child)
	}
	if len(n.fields) == 0 {
		return nil, fmt.Errorf("the group %s has no fields", n.name)
	}
	n.first = n.fields[0].first
	if isList(s) && len(n.fields) == 1 && n.fields[0].repeated {
		n.list = true
		// Older writers leave out the middle of the three levels (LogicalTypes.md, backward-compatibility rules).
		inner := n.fields[0]
		inner.bare = len(inner.fields) == 1 && !inner.fields[0].repeated && inner.name != "array" && inner.name != n.name+"_tuple"
	}
	return n, nil
}

// open begins a row group.
func (n *node) open(group *file.RowGroupReader) error {
	if n.leaf != nil {
		return n.leaf.open(group)
	}
	for _, f := range n.fields {
		if err := f.open(group); err != nil {
			return err
		}
	}
	return nil
}

// value appends the next value as JSON. The field above it is there.
func (n *node) value(dst []byte) ([]byte, error) {
	if err := n.first.peek(); err != nil {
		return nil, err
	}
	switch {
	case n.repeated:
		return n.elements(dst)
	case n.optional && n.first.def < n.def:
		return append(dst, "null"...), n.skip()
	}
	return n.present(dst)
}

// present appends a value that is there.
func (n *node) present(dst []byte) ([]byte, error) {
	switch {
	case n.leaf != nil:
		if err := n.leaf.take(); err != nil {
			return nil, err
		}
		if n.leaf.def < n.def {
			return nil, errLevels
		}
		return append(dst, n.leaf.value...), nil
	case n.list:
		return n.fields[0].elements(dst)
	}
	dst = append(dst, '{')
	for i, f := range n.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendText(dst, []byte(f.name)); err != nil {
			return nil, err
		}
		if dst, err = f.value(append(dst, ':')); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// elements appends the elements of a repeated field as a JSON array.
func (n *node) elements(dst []byte) ([]byte, error) {
	if err := n.first.peek(); err != nil {
		return nil, err
	}
	if n.first.def < n.def {
		return append(dst, "[]"...), n.skip()
	}
	dst = append(dst, '[')
	for i := 0; ; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if n.bare {
			dst, err = n.fields[0].value(dst)
		} else {
			dst, err = n.present(dst)
		}
		if err != nil {
			return nil, err
		}
		if err := n.first.peek(); err != nil {
			return nil, err
		}
		if n.first.rep != n.rep { // the end of this list
			return append(dst, ']'), nil
		}
	}
}

// skip takes the one entry that each leaf has where there is nothing.
func (n *node) skip() error {
	if n.leaf != nil {
		return n.leaf.take()
	}
	for _, f := range n.fields {
		if err := f.skip(); err != nil {
			return err
		}
	}
	return nil
}

// rowEnds checks that the next entry of each leaf begins a row.
func (n *node) rowEnds() error {
	if n.leaf != nil {
		if err := n.leaf.peek(); err != nil {
			return err
		}
		if n.leaf.rep != 0 {
			return errLevels
		}
		return nil
	}
	for _, f := range n.fields {
		if err := f.rowEnds(); err != nil {
			return err
		}
	}
	return nil
}
