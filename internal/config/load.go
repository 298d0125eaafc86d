package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"muonclip/configs"
)

// Options says where a configuration comes from. Later sources win: the defaults, the preset with
// what it extends, the file with what it extends, environment variables MUONCLIP_SECTION_KEY,
// and Set.
type Options struct {
	Preset        string   // preset to start from; empty for none
	DefaultPreset string   // preset to start from when there is neither Preset nor File
	File          string   // YAML file; empty for none
	Set           []string // key=value, in order; the value is YAML
	Data          []string // paths that replace data.sources; empty keeps it
}

// Origins says for each key where its value was written: "default", "preset tiny", "run.yaml:7",
// "MUONCLIP_TRAIN_LR" or "--set".
type Origins map[string]string

// Load reads, checks and resolves a configuration. Its error joins everything that is wrong:
// unknown keys with the nearest right one, values of the wrong type, and broken rules between
// keys (see Validate).
func Load(o Options) (Config, Origins, error) {
	r := &resolver{schema: newSchema(), merged: newLayer(), rank: map[string]int{}}
	if err := r.readBases(o); err != nil {
		return Config{}, nil, err
	}
	env, errEnv := r.schema.environment(os.Environ())
	set, errSet := r.schema.assignments(o)
	if err := errors.Join(errEnv, errSet); err != nil {
		return Config{}, nil, err
	}
	cfg, origins, err := r.resolve(env, set)
	if err != nil {
		return Config{}, nil, err
	}
	return cfg, origins, cfg.Validate()
}

// Read reads a file that Marshal wrote, such as config.yaml of a run folder, and takes every value
// from it: no preset, variable or --set changes what the run was made with.
func Read(path string) (Config, error) {
	r := &resolver{schema: newSchema(), merged: newLayer(), rank: map[string]int{}}
	if err := r.addDefaults(); err != nil {
		return Config{}, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("config: read the resolved configuration: %w", err)
	}
	l, err := r.schema.parseYAML(path, data)
	if err != nil {
		return Config{}, err
	}
	if l.base != "" {
		return Config{}, fmt.Errorf("config: %s extends %q, want a resolved configuration as `config show` prints it", path, l.base)
	}
	r.add(l)
	if v, ok := l.values["preset"].v.(string); ok {
		r.preset = v
	}
	cfg, _, err := r.resolve(newLayer(), newLayer())
	if err != nil {
		return Config{}, err
	}
	return cfg, cfg.Validate()
}

// resolver puts the layers on top of each other.
type resolver struct {
	schema *schema
	merged *layer
	rank   map[string]int // number of the layer that set a key last, 1 for the defaults
	layers int
	preset string // the preset that was started from
}

func (r *resolver) add(l *layer) {
	r.layers++
	r.merged.over(l)
	for k := range l.values {
		r.rank[k] = r.layers
	}
}

func (r *resolver) addDefaults() error {
	l, err := r.schema.parseYAML("default", Default().Marshal())
	if err != nil {
		return fmt.Errorf("config: the built-in defaults do not parse: %w", err)
	}
	for k, v := range l.values {
		l.values[k] = value{v.v, "default"}
	}
	r.add(l)
	return nil
}

// readBases adds the defaults, the preset and the file.
func (r *resolver) readBases(o Options) error {
	if err := r.addDefaults(); err != nil {
		return err
	}
	preset := cmp.Or(o.Preset, os.Getenv(EnvPrefix+"PRESET"))
	if preset == "" && o.File == "" {
		preset = o.DefaultPreset
	}
	if preset != "" {
		if err := r.addPreset(preset, nil); err != nil {
			return err
		}
	}
	if o.File == "" {
		return nil
	}
	return r.addFile(o.File, nil)
}

// addPreset adds a preset on top of what it extends. chain holds the names that led here.
func (r *resolver) addPreset(name string, chain []string) error {
	data, err := configs.Read(name)
	if err != nil {
		names := configs.Names()
		return fmt.Errorf("config: unknown preset %q, did you mean %q? There are %s", name, NearestWord(name, names), strings.Join(names, ", "))
	}
	label := "preset " + name
	chain, err = extend(chain, label)
	if err != nil {
		return err
	}
	l, err := r.schema.parseYAML(label, data)
	if err != nil {
		return err
	}
	if l.base != "" {
		if err := r.addPreset(l.base, chain); err != nil {
			return err
		}
	}
	for k, v := range l.values {
		l.values[k] = value{v.v, label}
	}
	r.preset = name
	r.add(l)
	return nil
}

// addFile adds a file on top of what it extends: a preset by name, or a file relative to it. The
// key preset in a file is another spelling of extends, so that a resolved configuration can be
// given back as --config.
func (r *resolver) addFile(path string, chain []string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("config: read the configuration: %w", err)
	}
	chain, err = extend(chain, filepath.Clean(path))
	if err != nil {
		return err
	}
	l, err := r.schema.parseYAML(path, data)
	if err != nil {
		return err
	}
	base := l.base
	if named, _ := l.values["preset"].v.(string); named != "" {
		if base != "" && base != named {
			return fmt.Errorf("config: %s extends %q and names the preset %q, give one of the two", path, base, named)
		}
		base = named
	}
	switch isFile := strings.ContainsAny(base, `/\`) || strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml"); {
	case base == "" || base == r.preset:
	case isFile:
		if !filepath.IsAbs(base) {
			base = filepath.Join(filepath.Dir(path), base)
		}
		if err := r.addFile(base, chain); err != nil {
			return err
		}
	case r.preset != "":
		return fmt.Errorf("config: %s extends %q, but the preset %q was asked for too, give one of the two", path, base, r.preset)
	default:
		if err := r.addPreset(base, chain); err != nil {
			return err
		}
	}
	r.add(l)
	return nil
}

// extend adds a name to the chain of what extends what, and refuses a circle.
func extend(chain []string, name string) ([]string, error) {
	for _, c := range chain {
		if c == name {
			return nil, fmt.Errorf("config: %s extends itself: %s", name, strings.Join(append(chain, name), " -> "))
		}
	}
	return append(chain[:len(chain):len(chain)], name), nil
}
