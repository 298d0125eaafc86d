package schema

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// normalizer rewrites a schema of any draft into validation keywords of draft 2020-12. Annotations fall away. Every
// schema that is referred to becomes a definition of the root, so that it does not matter where it stood.
type normalizer struct {
	root   any
	base   *url.URL          // of the root
	ids    map[string]string // pointers of the schemas that have an $id, by the URI that it gives
	named  map[string]string // pointers of the schemas that have an anchor, by URI#name
	legacy bool              // up to draft-07: what stands beside a $ref is ignored

	defs  map[string]any    // the definitions made so far
	names map[string]string // of them, by the pointer of what they define
	nodes int
	notes []string
}

func newNormalizer(doc any) (*normalizer, error) {
	n := &normalizer{root: doc, base: &url.URL{}, ids: map[string]string{}, named: map[string]string{}, defs: map[string]any{}, names: map[string]string{}}
	if m, ok := doc.(map[string]any); ok {
		if s, ok := m["$schema"].(string); ok {
			n.dialect(s)
		}
	}
	if err := n.collect(doc, "", n.base); err != nil {
		return nil, err
	}
	return n, nil
}

// dialect reads $schema. Where it names a draft that nobody knows, the keywords decide.
func (n *normalizer) dialect(s string) {
	for _, old := range []string{"draft-03", "draft-04", "draft-05", "draft-06", "draft-07"} {
		n.legacy = n.legacy || strings.Contains(s, old)
	}
	if !n.legacy && !strings.Contains(s, "2019-09") && !strings.Contains(s, "2020-12") {
		n.note("", "$schema is %q, which is read as draft 2020-12", clip(s))
	}
}

func (n *normalizer) note(at, format string, args ...any) {
	if len(n.notes) < 50 {
		n.notes = append(n.notes, place(at)+fmt.Sprintf(format, args...))
	}
}

func place(at string) string {
	if at == "" {
		return ""
	}
	return at + ": "
}

func wrong(at, format string, args ...any) error {
	return errors.New(place(at) + fmt.Sprintf(format, args...))
}

// document gives the whole schema.
func (n *normalizer) document() (any, error) {
	out, err := n.schema(n.root, "", n.base)
	if err != nil {
		return nil, err
	}
	if len(n.defs) == 0 {
		return out, nil
	}
	if m, ok := out.(map[string]any); ok {
		m["$defs"] = n.defs
	}
	return out, nil
}

// schema rewrites the schema that stands at a pointer; base is the URI of what is around it.
func (n *normalizer) schema(v any, at string, base *url.URL) (any, error) {
	if n.nodes++; n.nodes > maxSchemaNodes {
		return nil, fmt.Errorf("it has more than %d parts once its references are resolved", maxSchemaNodes)
	}
	if b, ok := v.(bool); ok {
		return b, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wrong(at, "a schema must be an object or a boolean, not %s", kindOf(v))
	}
	base, err := rebase(m, base)
	if err != nil {
		return nil, wrong(at, "%v", err)
	}
	out := map[string]any{}
	var also []any // schemas that must hold besides
	for _, key := range []string{"$ref", "$dynamicRef", "$recursiveRef"} {
		if m[key] == nil {
			continue
		}
		ref, err := n.refer(m[key], at+"/"+key, base)
		if err != nil {
			return nil, err
		}
		if key == "$ref" && n.legacy {
			return ref, nil
		}
		also = append(also, ref)
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if err := n.keyword(out, m, key, at, base); err != nil {
			return nil, err
		}
	}
	limits(out, m)
	if m["nullable"] == true { // as OpenAPI 3.0 has it
		nullable(out)
	}
	if len(also) > 0 {
		list, _ := out["allOf"].([]any)
		out["allOf"] = append(also, list...)
	}
	return out, nil
}

// keyword rewrites one keyword of the schema m into out. Keywords without an effect on what is valid are left out.
func (n *normalizer) keyword(out, m map[string]any, key, at string, base *url.URL) (err error) {
	v, here := m[key], at+"/"+escape(key)
	switch key {
	case "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "unevaluatedProperties", "unevaluatedItems":
		out[key], err = n.schema(v, here, base)
	case "items":
		return n.items(out, m, at, base)
	case "prefixItems", "allOf", "anyOf", "oneOf":
		var list []any
		if list, err = n.list(v, here, base); len(list) > 0 {
			out[key] = list
		}
	case "properties", "dependentSchemas":
		out[key], err = n.table(v, here, base)
	case "patternProperties":
		return n.patterns(out, v, here, base)
	case "dependencies":
		return n.dependencies(out, v, here, base)
	case "dependentRequired":
		return merge(out, "dependentRequired", v, here)
	case "type":
		return n.types(out, v, here)
	case "enum":
		if list, ok := v.([]any); !ok || len(list) == 0 {
			return wrong(here, "must be a list with something in it")
		}
		out[key] = v
	case "const":
		out[key] = v
	case "required":
		if _, old := v.(bool); old { // draft 3 wrote it beside the property; what is missing there is hard to say
			n.note(here, "the boolean form of draft 3 is not enforced")
			return nil
		}
		out[key], err = texts(v, here)
	case "pattern":
		s, ok := v.(string)
		if !ok {
			return wrong(here, "must be a text, not %s", kindOf(v))
		}
		if p, err := translate(s); err != nil {
			n.note(here, "%q is not enforced: %v", clip(s), err)
		} else {
			out[key] = p
		}
	case "uniqueItems":
		out[key] = v == true
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		if _, old := v.(bool); old && strings.HasPrefix(key, "exclusive") {
			return nil // limits has it
		}
		_, err = number(v, here)
		out[key] = v
	case "multipleOf":
		var f float64
		if f, err = number(v, here); err == nil && f <= 0 {
			return wrong(here, "must be above 0")
		}
		out[key] = v
	case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains":
		var f float64
		if f, err = number(v, here); err == nil && (f < 0 || f != math.Trunc(f)) {
			return wrong(here, "must be a whole number from 0")
		}
		out[key] = int(min(f, math.MaxInt32))
	}
	return err
}

// limits turns the boolean exclusive limits of draft 4 into those of later ones.
func limits(out, m map[string]any) {
	for _, side := range [][2]string{{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}} {
		if m[side[1]] == true && out[side[0]] != nil {
			out[side[1]] = out[side[0]]
			delete(out, side[0])
		}
	}
}

func nullable(out map[string]any) {
	switch t := out["type"].(type) {
	case string:
		out["type"] = []any{t, "null"}
	case []any:
		if !slices.Contains(t, any("null")) {
			out["type"] = append(t, "null")
		}
	}
	if list, ok := out["enum"].([]any); ok && !slices.Contains(list, nil) {
		out["enum"] = append(slices.Clone(list), nil)
	}
}

var known = []string{"null", "boolean", "object", "array", "number", "string", "integer"}

func (n *normalizer) types(out map[string]any, v any, at string) error {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var names []any
	for _, x := range list {
		s, ok := x.(string)
		if ok && s == "any" {
			n.note(at, `the type "any" of draft 3 accepts everything`)
			return nil
		}
		if !ok || !slices.Contains(known, s) {
			return wrong(at, "%s is no type: known are %s", clip(fmt.Sprintf("%#v", x)), strings.Join(known, ", "))
		}
		if !slices.Contains(names, any(s)) {
			names = append(names, s)
		}
	}
	switch len(names) {
	case 0:
		return wrong(at, "names no type")
	case 1:
		out["type"] = names[0]
	default:
		out["type"] = names
	}
	return nil
}

// items brings the list form of older drafts into the form prefixItems and items.
func (n *normalizer) items(out, m map[string]any, at string, base *url.URL) error {
	list, tuple := m["items"].([]any)
	if !tuple {
		s, err := n.schema(m["items"], at+"/items", base)
		out["items"] = s
		return err
	}
	prefix, err := n.list(list, at+"/items", base)
	if err != nil {
		return err
	}
	if len(prefix) > 0 {
		out["prefixItems"] = prefix
	}
	if rest, ok := m["additionalItems"]; ok {
		out["items"], err = n.schema(rest, at+"/additionalItems", base)
	}
	return err
}

func (n *normalizer) list(v any, at string, base *url.URL) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, wrong(at, "must be a list of schemas, not %s", kindOf(v))
	}
	if len(list) == 0 {
		n.note(at, "an empty list is ignored")
	}
	out := make([]any, len(list))
	for i, x := range list {
		var err error
		if out[i], err = n.schema(x, at+"/"+strconv.Itoa(i), base); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (n *normalizer) table(v any, at string, base *url.URL) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wrong(at, "must be an object of schemas, not %s", kindOf(v))
	}
	out := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		var err error
		if out[key], err = n.schema(m[key], at+"/"+escape(key), base); err != nil {
			return nil, err
		}
	}
	return out, nil
}
