package critic

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Rubric is one criterion by which responses are compared.
type Rubric struct {
	Name   string  `yaml:"name"`   // small letters, digits, underscores
	Text   string  `yaml:"text"`   // what a judge reads
	Weight float64 `yaml:"weight"` // in the score; 0 means 1
	// Detect, where it is not nil, finds what the rubric forbids. Referee uses it.
	Detect Detector `yaml:"-"`
}

// Detector looks for something in a response and says what it found.
type Detector func(response string) (evidence string, found bool)

// Core returns K2's core rubrics (appendix F.1), in our words.
func Core() []Rubric {
	return []Rubric{
		{Name: "clarity_relevance", Text: "The response is brief and to the point, and still answers everything that was asked. Details that the " +
			"request does not need, and lists or headings where a few sentences would do, count against it."},
		{Name: "fluency_engagement",
			Text: "The response reads as a natural, lively conversation: it takes up what the user said, offers thoughts of " +
				"its own where they help, and asks or suggests something only where that moves the matter on."},
		{Name: "objective_grounded",
			Text: "The response stays with the matter and with facts. It neither praises the user or the request nor comments on " +
				"itself."},
	}
}

// Prescriptive returns K2's prescriptive rubrics (appendix F.2), which are there against reward hacking. Code can decide
// them.
func Prescriptive() []Rubric {
	return []Rubric{
		{Name: "no_initial_praise", Text: "The response does not begin with a compliment to the user or to the question.", Detect: InitialPraise},
		{Name: "no_self_justification", Text: "The response does not say why it is good or how well it does what was asked.",
			Detect: SelfJustification},
	}
}

// Correctness is the rubric for prompts whose reward a program verifies: Refine and Agree use it.
func Correctness() Rubric {
	return Rubric{Name: "correctness", Text: "The response does what the request asks for, correctly and completely."}
}

var rubricName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// LoadRubrics reads rubrics written by users from YAML files, each a list of name, text and weight. Names must differ from
// each other and from those of the built-in rubrics.
func LoadRubrics(paths ...string) ([]Rubric, error) {
	var all []Rubric
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("critic: rubrics: %w", err)
		}
		some, err := ParseRubrics(data)
		if err != nil {
			return nil, fmt.Errorf("critic: rubrics %s: %w", path, err)
		}
		all = append(all, some...)
	}
	if err := distinct(all); err != nil {
		return nil, fmt.Errorf("critic: rubrics: %w", err)
	}
	return all, nil
}

// ParseRubrics reads one YAML file of rubrics.
func ParseRubrics(data []byte) ([]Rubric, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	var all []Rubric
	if err := d.Decode(&all); errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty: write a list of name, text and weight")
	} else if err != nil {
		return nil, err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document")
	}
	for i, r := range all {
		switch {
		case !rubricName.MatchString(r.Name):
			return nil, fmt.Errorf("rubric %d: the name is %q, want small letters, digits and underscores", i+1, r.Name)
		case strings.TrimSpace(r.Text) == "":
			return nil, fmt.Errorf("rubric %s: the text is missing", r.Name)
		case r.Weight < 0 || math.IsNaN(r.Weight) || math.IsInf(r.Weight, 0):
			return nil, fmt.Errorf("rubric %s: the weight is %v, want a positive number", r.Name, r.Weight)
		}
	}
	return all, distinct(all)
}

func distinct(users []Rubric) error {
	seen := map[string]bool{}
	for _, r := range slices.Concat(Core(), Prescriptive(), []Rubric{Correctness()}, users) {
		if seen[r.Name] {
			return fmt.Errorf("rubric %s is there twice: take another name", r.Name)
		}
		seen[r.Name] = true
	}
	return nil
}
