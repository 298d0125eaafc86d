package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"
)

// Fingerprint is a hash of all keys that determine the bytes of a run's checkpoints: those of the
// roles Identity and Numerics. Two runs with equal fingerprints, inputs and builds give equal
// checkpoints at equal steps.
func (c Config) Fingerprint() string {
	return c.hash(func(r Role) bool { return r != Free })
}

// Identity is a hash of the keys that may not change when a run is resumed, those of the role
// Identity. A checkpoint carries it: where it is the same, Contradicts finds nothing.
func (c Config) Identity() string {
	return c.hash(func(r Role) bool { return r == Identity })
}

func (c Config) hash(counts func(Role) bool) string {
	h := sha256.New()
	roles := roleOf()
	for _, l := range leaves(c) {
		if counts(roles(l.key)) && covers(c.Stage, l.key) && !unset(l) {
			fmt.Fprintf(h, "%s=%s\n", l.key, l.text)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// unset reports whether a leaf is a key that came after the first checkpoints were written and has its zero value. Such
// keys do not count, so that older checkpoints keep their hashes.
func unset(l leaf) bool {
	switch l.key {
	case "stage", "train.device", "train.precision":
		return l.text == ""
	case "model.use_qk_norm":
		return l.text == "false"
	}
	return false
}

// Contradicts reports why a run made with old cannot be resumed with changed: it names every
// identity key whose value differs, with both values. It returns nil when the run can go on.
func Contradicts(old, changed Config) error {
	var errs []error
	roles := roleOf()
	before := map[string]string{}
	for _, l := range leaves(old) {
		before[l.key] = l.text
	}
	report := func(key, a, b string) {
		if roles(key) == Identity && covers(changed.Stage, key) {
			errs = append(errs, fmt.Errorf("config: %s is %s in the run and %s now", key, a, b))
		}
	}
	for _, l := range leaves(changed) {
		was, ok := before[l.key]
		delete(before, l.key)
		if !ok {
			was = "not set"
		}
		if was != l.text {
			report(l.key, was, l.text)
		}
	}
	for _, l := range leaves(old) { // keys of a section that is null now
		if _, ok := before[l.key]; ok {
			report(l.key, l.text, "not set")
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w\nthe run cannot be resumed with these changes: undo them, or start a new run with another --out", errors.Join(errs...))
}

type leaf struct{ key, text string }

func leaves(c Config) []leaf {
	var out []leaf
	eachLeaf("", encode(reflect.ValueOf(c)), func(key string, _, v *yaml.Node) {
		out = append(out, leaf{key, oneLine(v)})
	})
	return out
}

// roleOf returns a lookup of a key's role. A null section has the role of its first key.
func roleOf() func(key string) Role {
	s := newSchema()
	return func(key string) Role {
		if k, ok := s.byName[key]; ok {
			return k.Role
		}
		return s.byName[s.example(key)].Role
	}
}
