package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// exclusive lists pairs of keys of which one is given. A later source that sets one of a pair
// takes the other back, so that --set train.tokens=1e9 works over a preset with train.steps.
func exclusive() [][2]string {
	return [][2]string{{"train.steps", "train.tokens"}, {"train.decay_steps", "train.decay_fraction"}}
}

// resolve decodes the merged files under the environment and --set. Viper decides which source
// wins; that all keys are known and all values of the right type has been checked with better
// messages before, and UnmarshalExact checks it once more.
func (r *resolver) resolve(env, set *layer) (Config, Origins, error) {
	r.merged.over(&layer{nulls: append(env.nulls, set.nulls...)})

	// Variables are bound one by one. ExperimentalBindStruct with AutomaticEnv would find them too,
	// but for a pointer that is nil (rope_scaling) it takes one source's part of the section for
	// the whole and loses the rest.
	v := viper.New()
	if err := v.MergeConfigMap(r.merged.nested()); err != nil {
		return Config{}, nil, fmt.Errorf("config: merge the files: %w", err)
	}
	origins := Origins{}
	for k, val := range r.merged.values {
		origins[k] = val.origin
	}
	v.SetEnvPrefix(strings.TrimSuffix(EnvPrefix, "_"))
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	r.layers++
	for k, val := range env.values {
		if err := v.BindEnv(k); err != nil {
			return Config{}, nil, fmt.Errorf("config: bind %s: %w", val.origin, err)
		}
		origins[k], r.rank[k] = val.origin, r.layers
	}
	r.layers++
	for k, val := range set.values {
		v.Set(k, val.v)
		origins[k], r.rank[k] = val.origin, r.layers
	}
	r.settlePairs(v, origins)
	v.Set("preset", r.preset)

	var cfg Config
	options := func(d *mapstructure.DecoderConfig) {
		d.TagName = "json"
		d.WeaklyTypedInput = false
		d.DecodeHook = mapstructure.DecodeHookFuncType(r.schema.fromEnv)
	}
	if err := v.UnmarshalExact(&cfg, options); err != nil {
		return Config{}, nil, fmt.Errorf("config: decode: %w", err)
	}
	dropEmptyLists(reflect.ValueOf(&cfg).Elem())
	return cfg, origins, nil
}

// settlePairs clears the member of each exclusive pair that an earlier source set.
func (r *resolver) settlePairs(v *viper.Viper, origins Origins) {
	clearKey := func(old, by string) {
		if r.rank[old] >= r.rank[by] || v.GetFloat64(by) == 0 || v.GetFloat64(old) == 0 {
			return
		}
		v.Set(old, zeroOf(r.schema.byName[old].typ.Kind()))
		origins[old] = "cleared by " + by
	}
	for _, p := range exclusive() {
		clearKey(p[0], p[1])
		clearKey(p[1], p[0])
	}
}

// fromEnv turns the text of a variable, which viper hands over as it is, into the key's type.
func (s *schema) fromEnv(from, to reflect.Type, data any) (any, error) {
	text, ok := data.(string)
	if !ok || from.Kind() != reflect.String || to.Kind() == reflect.String {
		return data, nil
	}
	if to.Kind() == reflect.Interface || to.Kind() == reflect.Map {
		return data, nil
	}
	key := Key{Name: "value", Type: typeWords(to), typ: to}
	for _, k := range s.keys { // a list of sections needs its name, which its type tells
		if k.typ == to && to.Kind() == reflect.Slice {
			key.Name = k.Name
		}
	}
	return s.convertText(key, text)
}

// dropEmptyLists makes empty lists nil, so that configurations compare equal however they were
// written.
func dropEmptyLists(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			dropEmptyLists(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			dropEmptyLists(v.Field(i))
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
		}
		for i := range v.Len() {
			dropEmptyLists(v.Index(i))
		}
	}
}
