// Package schema checks the arguments of tool calls against JSON Schemas as real tools have them. A schema of any draft
// is first rewritten into one small dialect: the validation keywords of draft 2020-12, with every reference pointing into
// the schema itself. Then a library judges, and a walk beside it says which value is wrong and what is wanted.
//
// Schemas and arguments may come from anybody. Nothing is ever loaded over the network, regular expressions run in
// linear time, and what would take long, such as a reference that leads back to itself, is refused with the reason.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// The bounds on what is accepted.
const (
	maxSchemaBytes    = 512 << 10
	maxSchemaNodes    = 100_000 // after references are resolved
	maxArgumentsBytes = 4 << 20
	maxDepth          = 100 // of schemas and of arguments
)

// ErrTooCostly says that checking would take too long: the schema repeats itself, or both it and the arguments are large.
var ErrTooCostly = errors.New("checking the arguments takes too many steps")

// Schema is a compiled schema. It is immutable and shared by goroutines.
type Schema struct {
	root     *jsonschema.Schema
	resolved *jsonschema.Resolved
	notes    []string
}

// Compile prepares a schema of any draft. No schema at all, as a tool without arguments may have, accepts every object.
// The error says at which JSON pointer of the schema something cannot be used.
func Compile(raw json.RawMessage) (*Schema, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("true")
	}
	if len(raw) > maxSchemaBytes {
		return nil, fmt.Errorf("schema: it has %d bytes, more than %d", len(raw), maxSchemaBytes)
	}
	doc, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	n, err := newNormalizer(doc)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	normal, err := n.document()
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	data, err := json.Marshal(normal)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	s := &Schema{root: &jsonschema.Schema{}, notes: n.notes}
	if err := json.Unmarshal(data, s.root); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if s.resolved, err = s.root.Resolve(&jsonschema.ResolveOptions{}); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if err := s.probe(); err != nil {
		return nil, err
	}
	return s, nil
}

// Notes lists what of the schema is not enforced, such as a pattern that is no regular expression of Go.
func (s *Schema) Notes() []string { return s.notes }

// Validate checks arguments. The error is a *Error that names every wrong value, wraps ErrTooCostly, or says that the
// arguments are not JSON.
func (s *Schema) Validate(arguments json.RawMessage) error {
	if len(arguments) > maxArgumentsBytes {
		return fmt.Errorf("schema: the arguments have %d bytes, more than %d", len(arguments), maxArgumentsBytes)
	}
	if err := checkDepth(arguments); err != nil {
		return fmt.Errorf("schema: the arguments: %w", err)
	}
	var v any
	if err := json.Unmarshal(arguments, &v); err != nil {
		return fmt.Errorf("schema: the arguments are not JSON: %w", err)
	}
	n := newNode(v)
	if err := s.weigh(n); err != nil {
		return err
	}
	err := s.resolved.Validate(v)
	if err == nil {
		return nil
	}
	e := &explainer{schema: s}
	problems := e.check(s.root, n, "")
	if len(problems) == 0 { // a keyword that the walk does not explain
		problems = []Problem{{Message: clip(strings.TrimPrefix(err.Error(), "validating root: "))}}
	}
	return &Error{Problems: problems[:min(len(problems), maxProblems)]}
}

// Problem is a value that does not fit.
type Problem struct {
	Pointer string // JSON pointer (RFC 6901) into the arguments, "" for all of them
	Message string // what is wanted
}

// Error lists the values that do not fit a schema.
type Error struct{ Problems []Problem }

// Error gives pointer: message for each problem.
func (e *Error) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = p.Message
		if p.Pointer != "" {
			parts[i] = p.Pointer + ": " + p.Message
		}
	}
	return strings.Join(parts, "; ")
}

// decode reads one JSON value with its numbers as they are written.
func decode(raw []byte) (any, error) {
	if err := checkDepth(raw); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it is not JSON: something follows the value")
	}
	return v, nil
}

// checkDepth bounds the nesting of JSON before anything walks into it.
func checkDepth(raw []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("it is nested more than %d deep", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// clip shortens texts for messages.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
