package tool

import (
	"encoding/json"
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// formatWords says in words what each format that evolved tools check looks like.
var formatWords = map[string]string{
	"date":      "a date of the form YYYY-MM-DD",
	"date-time": "a date and time of the form 2026-03-14T09:30:00Z",
	"email":     "an e-mail address",
	"uri":       "a URL",
}

func hasFormat(format, v string) bool {
	switch format {
	case "date":
		return isDate(v)
	case "date-time":
		_, err := time.Parse(time.RFC3339, v)
		return err == nil
	case "email":
		a, err := mail.ParseAddress(v)
		return err == nil && a.Address == v
	case "uri":
		u, err := url.Parse(v)
		return err == nil && u.Scheme != "" && u.Host != ""
	}
	return true
}

func isDate(s string) bool {
	_, err := time.Parse("2006-01-02", s)
	return err == nil
}

func hasType(v any, typ string) bool {
	switch typ {
	case "object":
		_, ok := v.(map[string]any)
		return ok
	case "array":
		_, ok := v.([]any)
		return ok
	case "string":
		_, ok := v.(string)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "null":
		return v == nil
	case "number":
		_, ok := v.(float64)
		return ok
	case "integer":
		f, ok := v.(float64)
		return ok && f == math.Trunc(f)
	}
	return true
}

// wanted says in words what a schema asks for.
func wanted(s *jsonschema.Schema) string {
	if s == nil {
		return "a value"
	}
	if len(s.Enum) > 0 {
		return "one of " + listed(s.Enum)
	}
	switch s.Type {
	case "integer", "number":
		name := map[string]string{"integer": "an integer", "number": "a number"}[s.Type]
		switch {
		case s.Minimum != nil && s.Maximum != nil:
			return fmt.Sprintf("%s from %s to %s", name, trim(*s.Minimum), trim(*s.Maximum))
		case s.Minimum != nil:
			return name + " of at least " + trim(*s.Minimum)
		case s.Maximum != nil:
			return name + " of at most " + trim(*s.Maximum)
		}
		return name
	case "string":
		if w := formatWords[s.Format]; w != "" {
			return w
		}
		if s.Pattern != "" {
			return "a text that matches " + s.Pattern
		}
		return "a text"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "null":
		return "null"
	}
	return "a value"
}

// got shows a value at the end of a message.
func got(v any) string {
	b, err := json.Marshal(v)
	if err != nil || len(b) > 60 {
		switch v.(type) {
		case map[string]any:
			return ", not an object"
		case []any:
			return ", not a list"
		}
		return ""
	}
	return ", not " + string(b)
}

func listed(list []any) string {
	var out []string
	for i, e := range list {
		if i == 20 {
			out = append(out, "...")
			break
		}
		b, _ := json.Marshal(e)
		out = append(out, string(b))
	}
	return strings.Join(out, ", ")
}

func between(least, most *int) string {
	switch {
	case least != nil && most != nil:
		return fmt.Sprintf("%d to %d", *least, *most)
	case least != nil:
		return fmt.Sprintf("at least %d", *least)
	}
	return fmt.Sprintf("at most %d", *most)
}

func sameValue(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}
