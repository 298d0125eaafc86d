// Package lab runs named experiments: an experiment is a file that says which claim it tests, what varies, with which
// seeds and budget, what is measured, and by which rule, written down before the run, the claim counts as reproduced.
// Its runs are ordinary run folders, and everything that it says is computed from them again.
package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"muonclip/configs"
	"muonclip/internal/config"
	"muonclip/internal/stage"
)

// Experiment is what a file of configs/lab says.
type Experiment struct {
	Name       string   `yaml:"-"`          // of the file, without its ending
	Title      string   `yaml:"title"`      // one line
	Claim      string   `yaml:"claim"`      // the published claim
	Source     string   `yaml:"source"`     // where it is published
	Method     string   `yaml:"method"`     // how it is brought to this scale, and what was forced to see it at all
	Base       Base     `yaml:"base"`       // what all runs share
	Grid       Grid     `yaml:"grid"`       // what varies
	Seeds      []uint64 `yaml:"seeds"`      // each arm runs once with each
	Budget     Budget   `yaml:"budget"`     // of every run; an arm may set its own train.steps or train.tokens
	Measure    []string `yaml:"measure"`    // quantities of the tables, see Quantities
	Accept     []Rule   `yaml:"accept"`     // decided before the run
	Objections []string `yaml:"objections"` // what a doubter would object
	GPU        *Variant `yaml:"gpu"`        // the same question at a size for an accelerator; nil for none

	text []byte // the file
}

// Base is what all runs of an experiment share.
type Base struct {
	Preset string   `yaml:"preset"` // of the program
	Shape  string   `yaml:"shape"`  // in its place a small model with its data that experiments share, of configs/lab/shapes
	Set    Settings `yaml:"set"`
}

// settings gives the preset that everything starts from, and what is set over it.
func (b Base) settings() (preset string, set Settings, err error) {
	if b.Shape == "" {
		return b.Preset, b.Set, nil
	}
	data, err := configs.ReadLabShape(b.Shape)
	if err != nil {
		return "", nil, fmt.Errorf("lab: %w", err)
	}
	var shape Base
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&shape); err != nil {
		return "", nil, fmt.Errorf("lab: shape %s: %w", b.Shape, err)
	}
	return shape.Preset, shape.Set.with(b.Set), nil
}

// Grid is what varies: every arm with every combination of one value of each axis.
type Grid struct {
	Arms []Arm  `yaml:"arms"` // none means one, without a name
	Axes []Axis `yaml:"axes"` // cross product; none means the arms alone
}

// Arm is one of the things that are compared.
type Arm struct {
	Name string   `yaml:"name"`
	Set  Settings `yaml:"set"`
	// From names an arm whose run with the same seed this one goes on from, by supervised fine-tuning. Empty
	// means pretraining.
	From string `yaml:"from"`
}

// Axis is one dimension of the cross product.
type Axis struct {
	Name   string `yaml:"name"`
	Values []Arm  `yaml:"values"`
	// Tune says that only the best value counts: with the first seed all values run, and for each combination of
	// the other axes the value with the least val_loss goes on with the other seeds.
	Tune bool `yaml:"tune"`
}

// Budget is the length of a run.
type Budget struct {
	Steps  int   `yaml:"steps"`
	Tokens int64 `yaml:"tokens"`
}

// Variant is an experiment at another size.
type Variant struct {
	Preset string   `yaml:"preset"` // empty means the base's preset or shape
	Set    Settings `yaml:"set"`    // over the base's settings, or in their place where Preset is given
	Seeds  []uint64 `yaml:"seeds"`  // empty means the experiment's
	Budget Budget   `yaml:"budget"`
	Arms   []Arm    `yaml:"arms"` // in place of the arms; empty means those of the experiment
	Axes   []Axis   `yaml:"axes"` // in place of the axes of the same names
	Note   string   `yaml:"note"`
}

// Names lists the experiments that are part of the program.
func Names() []string { return configs.LabNames() }

// Load reads an experiment by its name, or from a file where the name is a path that ends in .yaml.
func Load(name string) (*Experiment, error) {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, stage.UsageError{Err: fmt.Errorf("lab: read the experiment: %w", err)}
		}
		return Parse(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), data)
	}
	data, err := configs.ReadLab(name)
	if err != nil {
		names := Names()
		return nil, stage.UsageError{Err: fmt.Errorf("lab: unknown experiment %q, did you mean %q? There are %s; a file of your own ends in .yaml",
			name, config.NearestWord(name, names), strings.Join(names, ", "))}
	}
	return Parse(name, data)
}

// Parse reads an experiment and checks all of it: every arm must give a valid configuration, every rule must be about arms
// and quantities that exist. The error joins everything that is wrong.
func Parse(name string, data []byte) (*Experiment, error) {
	e := &Experiment{Name: name, text: data}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(e); err != nil {
		return nil, stage.UsageError{Err: fmt.Errorf("lab: %s: %w", name, err)}
	}
	if err := e.check(); err != nil {
		return nil, stage.UsageError{Err: err}
	}
	return e, nil
}

func (e *Experiment) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("lab: "+e.Name+": "+format, args...)) }
	for _, f := range []struct{ key, text string }{{"title", e.Title}, {"claim", e.Claim}, {"source", e.Source}} {
		if strings.TrimSpace(f.text) == "" {
			bad("%s is empty", f.key)
		}
	}
	if (e.Base.Preset == "") == (e.Base.Shape == "") {
		bad("base has the preset %q and the shape %q, want one of them", e.Base.Preset, e.Base.Shape)
	}
	if len(e.Seeds) == 0 {
		bad("seeds is empty, want at least one and better three")
	}
	if sorted := slices.Sorted(slices.Values(e.Seeds)); len(slices.Compact(sorted)) != len(e.Seeds) {
		bad("seeds %v has one twice", e.Seeds)
	}
	if len(e.Accept) == 0 {
		bad("accept is empty: an experiment decides before it runs what would convince it")
	}
	if len(e.Objections) == 0 {
		bad("objections is empty: say what a doubter would object")
	}
	for _, q := range e.Measure {
		if !knownQuantity(q) {
			bad("measure: unknown quantity %q, did you mean %q?", q, nearestQuantity(q))
		}
	}
	errs = append(errs, e.checkGrid()...)
	if err := errors.Join(errs...); err != nil {
		return err // the grid cannot be laid out before it is right
	}
	points, err := e.points()
	if err != nil {
		return err
	}
	cells := e.Cells()
	for i := range e.Accept {
		if err := e.Accept[i].check(cells); err != nil {
			bad("accept[%d]: %w", i, err)
		}
	}
	if e.GPU != nil {
		if _, err := e.variant().points(); err != nil {
			bad("gpu: %w", err)
		}
	}
	for _, p := range points {
		if len(p.config.SFT.Data) == 0 && len(p.config.Tasks) == 0 && p.from != "" {
			bad("arm %s goes on by fine-tuning and has neither tasks nor sft.data", p.arm)
		}
	}
	return errors.Join(errs...)
}

// checkGrid looks at names and axes alone.
func (e *Experiment) checkGrid() (errs []error) {
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("lab: "+e.Name+": grid: "+format, args...))
	}
	if len(e.Grid.Arms) == 0 && len(e.Grid.Axes) == 0 {
		bad("there are neither arms nor axes, so nothing varies")
	}
	seen := map[string]bool{}
	for i, a := range e.Grid.Arms {
		if !validName(a.Name) {
			bad("arms[%d] is named %q, want letters, digits, dots, and no hyphen at either end", i, a.Name)
		}
		if seen[a.Name] {
			bad("two arms are named %q", a.Name)
		}
		if a.From != "" && !seen[a.From] {
			bad("arm %s goes on from %q, want an arm that is listed before it", a.Name, a.From)
		}
		seen[a.Name] = true
	}
	tuned := 0
	for _, x := range e.Grid.Axes {
		if x.Name == "" || len(x.Values) == 0 {
			bad("an axis needs a name and values, got %q with %d", x.Name, len(x.Values))
		}
		if x.Tune {
			tuned++
		}
		values := map[string]bool{}
		for i, v := range x.Values {
			if !validName(v.Name) || values[v.Name] || v.From != "" {
				bad("axis %s: values[%d] %q: want its own name of letters, digits and dots, and no from", x.Name, i, v.Name)
			}
			values[v.Name] = true
		}
	}
	if tuned > 1 {
		bad("%d axes are tuned, want at most one", tuned)
	}
	return errs
}

// validName accepts what a folder may be named and what a name of several parts stays readable with.
func validName(s string) bool {
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return s != "" && s[0] != '.' && s[0] != '-' && s[len(s)-1] != '-'
}

// variant is the experiment at the size of its GPU variant.
func (e *Experiment) variant() *Experiment {
	v := *e
	if e.GPU.Preset != "" {
		v.Base = Base{Preset: e.GPU.Preset}
	}
	v.Base.Set = v.Base.Set.with(e.GPU.Set)
	if len(e.GPU.Seeds) > 0 {
		v.Seeds = e.GPU.Seeds
	}
	if e.GPU.Budget != (Budget{}) {
		v.Budget = e.GPU.Budget
	}
	if len(e.GPU.Arms) > 0 {
		v.Grid.Arms = e.GPU.Arms
	}
	v.Grid.Axes = slices.Clone(e.Grid.Axes)
	for _, x := range e.GPU.Axes {
		if i := slices.IndexFunc(v.Grid.Axes, func(y Axis) bool { return y.Name == x.Name }); i >= 0 {
			v.Grid.Axes[i] = x
		} else {
			v.Grid.Axes = append(v.Grid.Axes, x)
		}
	}
	return &v
}

// rulesChanged reports whether the accept rules differ from those in the folder's copy of the experiment, which was made
// when its first run began.
func (e *Experiment) rulesChanged(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, experimentFile))
	if err != nil {
		return false // nothing has run
	}
	var was Experiment
	if err := yaml.Unmarshal(data, &was); err != nil {
		return true
	}
	return !slices.EqualFunc(was.Accept, e.Accept, func(a, b Rule) bool {
		a.normalize()
		return reflect.DeepEqual(a, b)
	})
}
