package world

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"muonclip/synth/domain"
)

// maxValue is the largest text of a record in bytes, maxItems the longest list.
const (
	maxValue = 4000
	maxItems = 200
)

// coerce brings a value into the form in which fields of this kind are stored, or says what is wrong with it. It does
// not look at other records. Ranges (min, max, from, until) bound what is drawn and what tools accept, not what is
// stored.
func coerce(f *domain.Field, v any) (any, error) {
	if v == nil {
		if f.Optional {
			return nil, nil
		}
		return nil, fmt.Errorf("%s must not be missing", f.Name)
	}
	switch f.Type {
	case domain.Bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, fmt.Errorf("%s must be true or false", f.Name)
	case domain.Int, domain.Minutes:
		return whole(f, v)
	case domain.Float, domain.Percent, domain.Money:
		return number(f, v)
	case domain.List, domain.Refs:
		return items(f, v)
	case domain.Object:
		return object(f, v)
	}
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%s must be a text", f.Name)
	}
	if len(s) > maxValue {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", f.Name, len(s), maxValue)
	}
	var err error
	switch f.Type {
	case domain.Enum:
		if !slices.Contains(f.Values, s) {
			return nil, fmt.Errorf("%s must be one of %s, not %q", f.Name, strings.Join(f.Values, ", "), s)
		}
	case domain.Date:
		if _, err = parseDay(s); err == nil {
			s = s[:10]
		}
	case domain.Datetime:
		s, err = parseDatetime(s)
	case domain.Time:
		s, err = parseTime(s)
	default:
		if strings.TrimSpace(s) == "" {
			return nil, fmt.Errorf("%s must not be empty", f.Name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return s, nil
}

func whole(f *domain.Field, v any) (any, error) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	case float64:
		if i := int64(v); float64(i) == v {
			return i, nil
		}
	}
	return nil, fmt.Errorf("%s must be a whole number", f.Name)
}

func number(f *domain.Field, v any) (any, error) {
	var x float64
	switch v := v.(type) {
	case int:
		x = float64(v)
	case int64:
		x = float64(v)
	case float64:
		x = v
	default:
		return nil, fmt.Errorf("%s must be a number", f.Name)
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, fmt.Errorf("%s must be a finite number", f.Name)
	}
	if f.Type == domain.Money {
		x = cents(x)
	}
	return x, nil
}

// cents rounds to two decimals.
func cents(x float64) float64 { return math.Round(x*100) / 100 }

func items(f *domain.Field, v any) (any, error) {
	list, ok := v.([]any)
	if s, is := v.([]string); is {
		ok = true
		for _, x := range s {
			list = append(list, x)
		}
	}
	if !ok {
		return nil, fmt.Errorf("%s must be a list", f.Name)
	}
	if len(list) > maxItems {
		return nil, fmt.Errorf("%s has %d elements, more than %d", f.Name, len(list), maxItems)
	}
	for _, x := range list {
		if s, ok := x.(string); !ok || s == "" || len(s) > maxValue {
			return nil, fmt.Errorf("%s must be a list of texts", f.Name)
		}
	}
	return slices.Clone(list), nil
}

func object(f *domain.Field, v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s must be an object", f.Name)
	}
	out := make(map[string]any, len(f.Fields))
	for _, s := range f.Fields {
		x, err := coerce(s, m[s.Name])
		if err != nil {
			return nil, fmt.Errorf("%s.%w", f.Name, err)
		}
		if x != nil {
			out[s.Name] = x
		}
	}
	for k := range m {
		if _, ok := out[k]; !ok && m[k] != nil {
			return nil, fmt.Errorf("%s has no field %q", f.Name, k)
		}
	}
	return out, nil
}

// clone copies a stored value so that the copy may be changed.
func clone(v any) any {
	switch v := v.(type) {
	case []any:
		return slices.Clone(v)
	case map[string]any:
		return maps.Clone(v)
	}
	return v
}

// equal compares stored values.
func equal(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.Equal(a, b)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.Equal(a, b)
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}
