package ifeval

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const dataFile = "../../../../shared/data/ifeval/input_data.jsonl"

func TestDataFile(t *testing.T) {
	f, err := os.Open(dataFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the data file of IFEval is not there:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kinds := map[Kind]int{}
	prompts, instructions := 0, 0
	for p, err := range ReadJSONL(f) {
		if err != nil {
			t.Fatal(err)
		}
		prompts++
		for _, i := range p.Instructions {
			instructions++
			kinds[i.Kind]++
			if i.Kind == ResponseLanguage && !slices.Contains(Languages(), i.Args.Language) {
				t.Errorf("prompt %d asks for the unknown language %s", p.Key, i.Args.Language)
			}
			if v, err := i.Check(""); err != nil || v.Followed {
				t.Errorf("prompt %d, %s on nothing: %+v, %v", p.Key, i.Kind, v, err)
			}
			if i.Describe() == string(i.Kind) {
				t.Errorf("%s has no description", i.Kind)
			}
		}
	}
	if prompts != 540 || len(kinds) != 25 {
		t.Errorf("%d prompts with %d kinds, want 540 with 25", prompts, len(kinds))
	}
	t.Logf("%d prompts, %d instructions", prompts, instructions)
}

func TestReadJSONL(t *testing.T) {
	input := `{"key":1,"prompt":"p","instruction_id_list":["punctuation:no_comma"],"kwargs":[{}]}

not json
{"key":2,"prompt":"p","instruction_id_list":["punctuation:no_comma"],"kwargs":[]}
{"key":3,"prompt":"p","instruction_id_list":["punctuation:comma"],"kwargs":[{}]}
{"key":4,"prompt":"p","instruction_id_list":["length_constraints:number_words"],"kwargs":[{"relation":"at least","num_words":null}]}
{"key":5,"prompt":"","instruction_id_list":["punctuation:no_comma"],"kwargs":[{}]}
{"key":6,"prompt":"q","instruction_id_list":["length_constraints:number_words"],"kwargs":[{"relation":"at least","num_words":7,"language":null}]}`
	var good []Prompt
	var bad []string
	for p, err := range ReadJSONL(strings.NewReader(input)) {
		if err != nil {
			bad = append(bad, err.Error())
		} else {
			good = append(good, p)
		}
	}
	want := []Prompt{
		{Key: 1, Text: "p", Instructions: []Instruction{{Kind: NoComma}}},
		{Key: 6, Text: "q", Instructions: []Instruction{{Kind: NumberWords, Args: Args{Relation: AtLeast, NumWords: 7}}}},
	}
	if diff := cmp.Diff(want, good); diff != "" {
		t.Error(diff)
	}
	for n, part := range []string{"line 3", "line 4", "line 5", "line 6", "line 7"} {
		if n >= len(bad) || !strings.Contains(bad[n], part) {
			t.Fatalf("the errors are %q, want one of %s", bad, part)
		}
	}
}

func FuzzReadJSONL(f *testing.F) {
	f.Add(`{"key":1,"prompt":"p","instruction_id_list":["keywords:existence"],"kwargs":[{"keywords":["a"]}]}`)
	f.Add(`{"key":1,"prompt":"p","instruction_id_list":["keywords:letter_frequency"],"kwargs":[{"letter":"#","let_frequency":4,"let_relation":"at least"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		for p, err := range ReadJSONL(strings.NewReader(text)) {
			if err != nil {
				continue
			}
			line, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var again Prompt
			if err := json.Unmarshal(line, &again); err != nil {
				t.Fatalf("%s does not read back: %v", line, err)
			}
			if diff := cmp.Diff(p, again); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
