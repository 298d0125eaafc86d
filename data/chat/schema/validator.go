package schema

import (
	"container/list"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"

	"muonclip/data/chat"
)

// The cache holds this much at most; what was not used for longest goes first.
const (
	maxCached      = 32768
	maxCachedBytes = 128 << 20
)

// Validator checks the arguments of calls against the schemas of their tools. It compiles each schema once and keeps a
// bounded number of them. The zero Validator is ready and may be used by many goroutines; it must not be copied.
type Validator struct {
	mu    sync.Mutex
	byKey map[[sha256.Size]byte]*list.Element
	used  list.List // of *cached, the last used first
	bytes int
}

// Its method is what package chat asks for.
var _ chat.ArgumentValidator = (*Validator)(nil)

// cached is a schema in the cache; it is compiled outside the lock by whoever asks for it first.
type cached struct {
	key    [sha256.Size]byte
	bytes  int
	once   sync.Once
	schema *Schema
	err    error
}

// ValidateArguments checks the arguments of a call. The error names the wrong values by their JSON pointers, or says
// that the schema of the tool cannot be used.
func (v *Validator) ValidateArguments(tool chat.Tool, arguments json.RawMessage) error {
	s, err := v.Compiled(tool.Parameters)
	if err != nil {
		return fmt.Errorf("tool %q: %w", tool.Name, err)
	}
	return s.Validate(arguments)
}

// Compiled gives the compiled form of a schema, from the cache where it is there. Failures are remembered too.
func (v *Validator) Compiled(raw json.RawMessage) (*Schema, error) {
	c := v.entry(raw)
	c.once.Do(func() { c.schema, c.err = Compile(raw) })
	return c.schema, c.err
}

func (v *Validator) entry(raw json.RawMessage) *cached {
	key := sha256.Sum256(raw) // schemas may come from enemies, so the key must not collide on purpose
	v.mu.Lock()
	defer v.mu.Unlock()
	if e, ok := v.byKey[key]; ok {
		v.used.MoveToFront(e)
		return e.Value.(*cached)
	}
	if v.byKey == nil {
		v.byKey = map[[sha256.Size]byte]*list.Element{}
	}
	c := &cached{key: key, bytes: len(raw)}
	v.byKey[key] = v.used.PushFront(c)
	v.bytes += c.bytes
	for len(v.byKey) > maxCached || v.bytes > maxCachedBytes && len(v.byKey) > 1 {
		last := v.used.Back()
		old := v.used.Remove(last).(*cached)
		delete(v.byKey, old.key)
		v.bytes -= old.bytes
	}
	return c
}
