package world

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// maxDepth bounds the nesting of arguments and results.
const maxDepth = 32

// toStarlark converts a value of a record or of an argument; nil (no value at all) for kinds that programs do not know.
func toStarlark(v any) starlark.Value {
	switch v := v.(type) {
	case nil:
		return starlark.None
	case string:
		return starlark.String(v)
	case bool:
		return starlark.Bool(v)
	case int64:
		return starlark.MakeInt64(v)
	case int:
		return starlark.MakeInt(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return starlark.Float(v)
	case []any:
		list := make([]starlark.Value, len(v))
		for i, x := range v {
			if list[i] = toStarlark(x); list[i] == nil {
				return nil
			}
		}
		return starlark.NewList(list)
	case []string:
		list := make([]starlark.Value, len(v))
		for i, x := range v {
			list[i] = starlark.String(x)
		}
		return starlark.NewList(list)
	case map[string]any:
		d := starlark.NewDict(len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			x := toStarlark(v[k])
			if x == nil {
				return nil
			}
			_ = d.SetKey(starlark.String(k), x)
		}
		return d
	}
	return nil
}

// fromStarlark converts what a program made.
func fromStarlark(v starlark.Value, depth int) (any, error) {
	if depth > maxDepth {
		return nil, failf(Internal, "a value is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.Int:
		if i, ok := v.Int64(); ok {
			return i, nil
		}
		return nil, failf(Internal, "a number is beyond 64 bits")
	case starlark.Float:
		return float64(v), nil
	case starlark.String:
		return string(v), nil
	case starlark.Tuple, *starlark.List:
		seq := v.(starlark.Indexable)
		out := make([]any, seq.Len())
		for i := range out {
			x, err := fromStarlark(seq.Index(i), depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	case *starlark.Dict:
		out := make(map[string]any, v.Len())
		for k, x := range v.Entries() {
			key, err := keyText(k)
			if err != nil {
				return nil, err
			}
			if out[key], err = fromStarlark(x, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, failf(Internal, "a %s is no value of JSON", v.Type())
}

// keyText gives the key of an object; numbers become texts as in JavaScript.
func keyText(k starlark.Value) (string, error) {
	switch k := k.(type) {
	case starlark.String:
		return string(k), nil
	case starlark.Int:
		return k.String(), nil
	case starlark.Bool:
		return strconv.FormatBool(bool(k)), nil
	}
	return "", failf(Internal, "a %s cannot be a key of a result", k.Type())
}

// encode writes a value as JSON of at most limit bytes.
func encode(v starlark.Value, rename Rename, limit int) (json.RawMessage, error) {
	e := encoder{rename: rename, limit: limit, out: make([]byte, 0, 512)}
	if err := e.value(v, 0); err != nil {
		return nil, err
	}
	if len(e.out) > limit {
		return nil, e.tooLong()
	}
	return e.out, nil
}

type encoder struct {
	out    []byte
	rename Rename
	limit  int
}

func (e *encoder) tooLong() *Error {
	return failf(Limit, "the result has more than %d bytes: ask for less", e.limit)
}

func (e *encoder) value(v starlark.Value, depth int) error {
	if len(e.out) > e.limit {
		return e.tooLong()
	}
	if depth > maxDepth {
		return failf(Internal, "the result is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case starlark.NoneType:
		e.out = append(e.out, "null"...)
	case starlark.Bool:
		e.out = strconv.AppendBool(e.out, bool(v))
	case starlark.Int:
		i, ok := v.Int64()
		if !ok {
			return failf(Internal, "a number is beyond 64 bits")
		}
		e.out = strconv.AppendInt(e.out, i, 10)
	case starlark.Float:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return failf(Internal, "a number is not finite")
		}
		e.out = strconv.AppendFloat(e.out, float64(v), 'f', -1, 64)
	case starlark.String:
		e.out = appendString(e.out, string(v))
	case starlark.Tuple, *starlark.List:
		seq := v.(starlark.Indexable)
		e.out = append(e.out, '[')
		for i := range seq.Len() {
			if i > 0 {
				e.out = append(e.out, ',')
			}
			if err := e.value(seq.Index(i), depth+1); err != nil {
				return err
			}
		}
		e.out = append(e.out, ']')
	case *starlark.Dict:
		return e.dict(v, depth)
	default:
		return failf(Internal, "a %s is no value of JSON", v.Type())
	}
	return nil
}

func (e *encoder) dict(d *starlark.Dict, depth int) error {
	e.out = append(e.out, '{')
	first := true
	for k, x := range d.Entries() {
		if !first {
			e.out = append(e.out, ',')
		}
		first = false
		key, err := keyText(k)
		if err != nil {
			return err
		}
		if e.rename != nil {
			key = e.rename(key)
		}
		e.out = append(appendString(e.out, key), ':')
		if err := e.value(x, depth+1); err != nil {
			return err
		}
	}
	e.out = append(e.out, '}')
	return nil
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON text; it escapes what JSON demands and nothing else.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r) // an invalid byte becomes U+FFFD
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}

// unpackRecord reads a dict of field values that a program passed.
func unpackRecord(v starlark.Value) (map[string]any, error) {
	d, ok := v.(*starlark.Dict)
	if !ok {
		return nil, fmt.Errorf("the fields must be a dict, not %s", v.Type())
	}
	x, err := fromStarlark(d, 0)
	if err != nil {
		return nil, err
	}
	return x.(map[string]any), nil
}
