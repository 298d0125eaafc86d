package report

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"muonclip/rl"
)

// EvaluationFile is the name of an Evaluation in the folder of a whole run.
const EvaluationFile = "eval.json"

// Evaluation compares the models that came out of the stages of a run, on tasks that none of them was trained on.
type Evaluation struct {
	Models  []Evaluated `json:"model"` // in the order of the stages: base, sft, rl
	Samples []Compared  `json:"samples"`
}

// Evaluated is how the model of one stage does.
type Evaluated struct {
	Name    string              `json:"name"`    // base, sft or rl
	Weights string              `json:"weights"` // their fingerprint
	Tasks   map[string]rl.Rates `json:"tasks"`   // by environment
}

// Compared is what the models did in one episode.
type Compared struct {
	Task    string             `json:"task"`
	Key     string             `json:"key"` // of the episode, as env.Key writes it
	Prompt  string             `json:"prompt"`
	Turns   map[string]string  `json:"turns"` // what happened after the prompt, by name of the model
	Rewards map[string]float64 `json:"rewards"`
}

// readEvaluation gives nil where there is none yet.
func (in *input) readEvaluation() *Evaluation {
	data, err := os.ReadFile(filepath.Join(in.dir, EvaluationFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	e := new(Evaluation)
	if err == nil {
		err = json.Unmarshal(data, e)
	}
	if err != nil {
		in.problems = append(in.problems, EvaluationFile+": "+err.Error())
		return nil
	}
	return e
}
