package config

import (
	"fmt"
	"io"
	"strings"
)

// Explain writes what each key means, which values it takes, its default and whether it may change
// when a run is resumed. prefix selects a section or one key, "" all of them; the error for a
// prefix that selects nothing names the nearest key.
func Explain(w io.Writer, prefix string) error {
	defaults := map[string]string{}
	for _, l := range leaves(Default()) {
		defaults[l.key] = l.text
	}
	s := newSchema()
	var b strings.Builder
	for _, k := range s.keys {
		if !selects(prefix, k.Name) {
			continue
		}
		fmt.Fprintf(&b, "%s (%s", k.Name, k.Type)
		if d := defaults[k.Name]; d != "" {
			fmt.Fprintf(&b, "; default %s", d)
		}
		switch k.Role {
		case Identity:
			b.WriteString("; fixed for a run")
		case Numerics:
			b.WriteString("; a resumed run may change it")
		}
		fmt.Fprintf(&b, ")\n    %s\n", k.Doc)
	}
	if b.Len() == 0 {
		return fmt.Errorf("config: unknown key %q, did you mean %q?", prefix, s.nearest(prefix))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// selects reports whether key is prefix, or lies in the section or list that prefix names.
func selects(prefix, key string) bool {
	rest, ok := strings.CutPrefix(key, prefix)
	return ok && (prefix == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}
