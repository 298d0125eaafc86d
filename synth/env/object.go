package env

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// object is a JSON object whose members keep their order and spelling.
type object struct {
	keys   []string
	values []json.RawMessage
}

// members reads an object.
func members(data json.RawMessage) (*object, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("env: the result is no JSON object")
	}
	o := &object{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("env: result: %w", err)
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, fmt.Errorf("env: result: %w", err)
		}
		o.keys, o.values = append(o.keys, key.(string)), append(o.values, v)
	}
	return o, nil
}

// get returns a member as it is written; nil when there is none.
func (o *object) get(key string) json.RawMessage {
	for i, k := range o.keys {
		if k == key {
			return o.values[i]
		}
	}
	return nil
}

// set replaces a member or adds it at the end.
func (o *object) set(key string, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("env: " + err.Error()) // texts, numbers and lists of them
	}
	raw := json.RawMessage(bytes.TrimSpace(b.Bytes()))
	for i, k := range o.keys {
		if k == key {
			o.values[i] = raw
			return
		}
	}
	o.keys, o.values = append(o.keys, key), append(o.values, raw)
}

// bytes writes the object.
func (o *object) bytes() json.RawMessage {
	out := []byte{'{'}
	for i, k := range o.keys {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(k)
		if err != nil {
			panic("env: " + err.Error()) // a text
		}
		out = append(append(append(out, name...), ':'), o.values[i]...)
	}
	return append(out, '}')
}
