package schema

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// escape writes a name as a token of a JSON pointer (RFC 6901).
func escape(s string) string { return escaper.Replace(s) }

// plain are the keywords whose values are data and never schemas, so that an $id in them means nothing.
var plain = []string{"enum", "const", "default", "examples", "example"}

// collect notes the identifiers and anchors of all that may be a schema.
func (n *normalizer) collect(v any, at string, base *url.URL) error {
	switch x := v.(type) {
	case []any:
		for i, e := range x {
			if err := n.collect(e, at+"/"+strconv.Itoa(i), base); err != nil {
				return err
			}
		}
	case map[string]any:
		own, err := rebase(x, base)
		if err != nil {
			return wrong(at, "%v", err)
		}
		if own != base {
			n.ids[own.String()] = at
			if at == "" {
				n.base = own
			}
		}
		for _, key := range []string{"$anchor", "$dynamicAnchor"} {
			if s, ok := x[key].(string); ok {
				n.named[own.String()+"#"+s] = at
			}
		}
		if id := identifier(x); strings.HasPrefix(id, "#") {
			n.named[own.String()+id] = at
		}
		for _, key := range slices.Sorted(maps.Keys(x)) {
			if slices.Contains(plain, key) {
				continue
			}
			if err := n.collect(x[key], at+"/"+escape(key), own); err != nil {
				return err
			}
		}
	}
	return nil
}

// identifier is the $id of a schema; a property of that name is an object and not meant.
func identifier(m map[string]any) string {
	id, _ := m["$id"].(string)
	return id
}

// rebase gives the URI that holds in a schema.
func rebase(m map[string]any, base *url.URL) (*url.URL, error) {
	id := identifier(m)
	if id == "" || strings.HasPrefix(id, "#") {
		return base, nil
	}
	u, err := url.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("$id: %w", err)
	}
	u = base.ResolveReference(u)
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// refer makes a reference: {"$ref": ...} to the definition of what is referred to.
func (n *normalizer) refer(v any, at string, base *url.URL) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, wrong(at, "must be a text, not %s", kindOf(v))
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, wrong(at, "%v", err)
	}
	u = base.ResolveReference(u)
	fragment := u.Fragment
	u.Fragment, u.RawFragment = "", ""
	resource := u.String()
	from, ok := n.ids[resource]
	switch {
	case ok, resource == n.base.String():
	case u.Host == "json-schema.org":
		n.note(at, "%s is not loaded; any object or boolean counts as a schema", clip(s))
		return map[string]any{"type": []any{"object", "boolean"}}, nil
	default:
		return nil, wrong(at, "%q lies outside of the schema, and nothing is loaded: put it into $defs", clip(s))
	}
	pointer := from + fragment
	if fragment != "" && !strings.HasPrefix(fragment, "/") {
		if pointer, ok = n.named[resource+"#"+fragment]; !ok {
			return nil, wrong(at, "there is no anchor %q", clip(fragment))
		}
	}
	if pointer == "" {
		return map[string]any{"$ref": "#"}, nil
	}
	name, done := n.names[pointer]
	if !done {
		name = "r" + strconv.Itoa(len(n.names))
		n.names[pointer] = name // before it is rewritten, because it may refer to itself
		target, own, err := n.find(pointer)
		if err != nil {
			return nil, wrong(at, "%q: %v", clip(s), err)
		}
		if n.defs[name], err = n.schema(target, pointer, own); err != nil {
			return nil, err
		}
	}
	return map[string]any{"$ref": "#/$defs/" + name}, nil
}

// find follows a pointer from the root and gives what is there and the URI that holds around it.
func (n *normalizer) find(pointer string) (any, *url.URL, error) {
	v, base := n.root, &url.URL{}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = unescaper.Replace(token)
		switch x := v.(type) {
		case map[string]any:
			own, err := rebase(x, base)
			if err != nil {
				return nil, nil, err
			}
			base = own
			var ok bool
			if v, ok = x[token]; !ok {
				return nil, nil, fmt.Errorf("there is no %q", clip(token))
			}
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(x) {
				return nil, nil, fmt.Errorf("there is no element %q in a list of %d", clip(token), len(x))
			}
			v = x[i]
		default:
			return nil, nil, errors.New("it leads into a plain value")
		}
	}
	return v, base, nil
}
