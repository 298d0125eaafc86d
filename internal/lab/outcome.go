package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muonclip/internal/atomicfile"
	"muonclip/internal/config"
	"muonclip/internal/stage"
)

// Status of a run that is done.
const (
	Finished = "finished"
	Diverged = "diverged" // it ended with numbers that are not finite, which is a result too
)

// outcomeFile is in the run folder of a job that is done.
const outcomeFile = "lab.json"

// outcome says how a job ended.
type outcome struct {
	Experiment  string  `json:"experiment"`
	Arm         string  `json:"arm"`
	Seed        uint64  `json:"seed"`
	Status      string  `json:"status"`
	Message     string  `json:"message,omitempty"`
	UnigramLoss float64 `json:"unigram_loss"`
	Folder      string  `json:"folder"` // with the metrics, relative to the run folder: sft, or nothing
}

func (o outcome) write(dir string) error {
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return atomicfile.WriteFile(filepath.Join(dir, outcomeFile), append(data, '\n'))
}

// outcomeOf reads how a job ended; ok is false where it is not done.
func outcomeOf(dir string) (o outcome, ok bool, err error) {
	path := filepath.Join(dir, outcomeFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return o, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil {
		return o, false, stage.DamagedError{Err: fmt.Errorf("lab: %s: %w; remove the run folder to do it again", path, err)}
	}
	return o, true, nil
}

// sameConfig says what a run folder was made with that the job has not. Threads do not count.
func sameConfig(dir string, want config.Config) error {
	path := filepath.Join(dir, "config.yaml")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	was, err := config.Read(path)
	if err != nil {
		return stage.DamagedError{Err: fmt.Errorf("lab: %w", err)}
	}
	was.Train.Threads = want.Train.Threads
	old, now := strings.Split(string(was.Marshal()), "\n"), strings.Split(string(want.Marshal()), "\n")
	var changed []string
	for i := range max(len(old), len(now)) {
		a, b := lineAt(old, i), lineAt(now, i)
		if a != b && len(changed) < 5 {
			changed = append(changed, fmt.Sprintf("%q was %q", b, a))
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return stage.DamagedError{Err: fmt.Errorf("lab: %s was made with other settings (%s): the experiment has changed since; remove the folder to run it anew, "+
		"or name the experiment differently", dir, strings.Join(changed, ", "))}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return strings.TrimSpace(lines[i])
	}
	return ""
}
