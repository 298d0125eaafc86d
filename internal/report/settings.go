package report

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// readManifest keeps numbers as they are written.
func (in *input) readManifest() {
	data, ok := in.read("manifest.json")
	if !ok {
		return
	}
	dec := json.NewDecoder(strings.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&in.manifest); err != nil {
		in.problems = append(in.problems, "manifest.json: "+err.Error())
		in.manifest = nil
	}
}

func (in *input) readConfig() {
	data, ok := in.read("config.yaml")
	if !ok {
		return
	}
	in.configText = data
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(data), &doc); err != nil {
		in.problems = append(in.problems, "config.yaml: "+err.Error())
		return
	}
	in.config = flatten(nil, "", &doc, 0)
}

func (in *input) read(name string) (string, bool) {
	data, err := os.ReadFile(filepath.Join(in.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		in.problems = append(in.problems, name+" is not there")
		return "", false
	}
	if err != nil {
		in.problems = append(in.problems, err.Error())
		return "", false
	}
	return string(data), true
}

// flatten lists the leaves of a document as dotted keys in the order of the file. Lists of scalars are one leaf. The depth
// is bounded because a document may refer to itself by an alias.
func flatten(out []setting, key string, n *yaml.Node, depth int) []setting {
	if depth > 12 || len(out) > 2000 {
		return out
	}
	join := func(k string) string {
		if key == "" {
			return k
		}
		return key + "." + k
	}
	switch n.Kind {
	case yaml.DocumentNode:
		for _, c := range n.Content {
			out = flatten(out, key, c, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = flatten(out, join(n.Content[i].Value), n.Content[i+1], depth+1)
		}
	case yaml.SequenceNode:
		var flat []string
		for i, c := range n.Content {
			if c.Kind != yaml.ScalarNode {
				out = flatten(out, join(strconv.Itoa(i)), c, depth+1)
				continue
			}
			flat = append(flat, c.Value)
		}
		if len(flat) > 0 {
			out = append(out, setting{key, strings.Join(flat, ", ")})
		}
	case yaml.AliasNode:
		out = flatten(out, key, n.Alias, depth+1)
	case yaml.ScalarNode:
		out = append(out, setting{key, n.Value})
	}
	return out
}

// number gives a figure of the manifest, NaN where it is missing or no number.
func (in *input) number(key string) float64 {
	switch v := in.manifest[key].(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return f
		}
	}
	return math.NaN()
}

// text gives a scalar of the manifest as text, "" where it is missing.
func (in *input) text(key string) string { return scalar(in.manifest[key]) }

func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	b, _ := json.Marshal(v) // a decoded JSON value always encodes
	return string(b)
}

// setting gives the configuration value of the first of the names that is there: a whole dotted key or the end of one.
func (in *input) setting(names ...string) (string, bool) {
	for _, name := range names {
		for _, s := range in.config {
			if s.Key == name || strings.HasSuffix(s.Key, "."+name) {
				return s.Value, true
			}
		}
	}
	return "", false
}

// figure gives a number of the configuration, NaN where it is missing.
func (in *input) figure(name string) float64 {
	if v, ok := in.setting(name); ok {
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return f
		}
	}
	return math.NaN()
}

// tau is the threshold of QK-Clip: from the configuration or, failing that, from any clip (gamma is tau/S). NaN if
// it is not known or QK-Clip is off.
func (in *input) tau() float64 {
	if in.clipOff() {
		return math.NaN()
	}
	if f := finite(in.figure("tau")); f > 0 {
		return f
	}
	tau := math.NaN()
	for _, s := range in.clips { // the strongest clip of a head has its largest logit
		if t := finite(s.largest * s.gamma); t > 0 && !(t <= tau) {
			tau = t
		}
	}
	return tau
}

// clipOff reports that the configuration switches QK-Clip off.
func (in *input) clipOff() bool {
	v, ok := in.setting("qk_clip.enabled")
	on, err := strconv.ParseBool(v)
	return ok && err == nil && !on
}
