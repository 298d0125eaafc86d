package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// fields are the keys of an answer; each must be there once.
var fields = []string{"verdict", "fault", "criterion", "message", "reason"}

// parse reads a model's answer to a dialogue of so many messages: one JSON object with exactly the fields above and
// nothing around it. The error tells the model what to do better.
func parse(answer string, messages int) (Verdict, error) {
	raw, err := object(answer)
	if err != nil {
		return Verdict{}, err
	}
	for _, f := range fields {
		if raw[f] == nil {
			return Verdict{}, fmt.Errorf("%q is missing", f)
		}
	}
	var outcome, fault, criterion, reason *string
	var message *int
	for _, f := range []struct {
		name string
		into any
		want string
	}{
		{"verdict", &outcome, `"pass" or "fail"`}, {"fault", &fault, `"user", "tool", "agent" or null`}, {"criterion", &criterion, "a text or null"},
		{"message", &message, "the index of a message or null"}, {"reason", &reason, "a text"},
	} {
		if err := json.Unmarshal(raw[f.name], f.into); err != nil {
			return Verdict{}, fmt.Errorf("%q must be %s", f.name, f.want)
		}
	}
	v := Verdict{Message: -1}
	switch {
	case outcome == nil || *outcome != string(Pass) && *outcome != string(Fail):
		return Verdict{}, errors.New(`"verdict" must be "pass" or "fail"`)
	case reason == nil || strings.TrimSpace(*reason) == "":
		return Verdict{}, errors.New(`"reason" must say why`)
	case message != nil && (*message < 0 || *message >= messages):
		return Verdict{}, fmt.Errorf(`"message" is %d, but the messages run from 0 to %d`, *message, messages-1)
	case fault != nil && !slices.Contains(Faults(), Fault(*fault)):
		return Verdict{}, errors.New(`"fault" must be "user", "tool", "agent" or null`)
	case *outcome == string(Fail) && fault == nil:
		return Verdict{}, errors.New(`with "verdict" "fail", "fault" must say whose fault it is`)
	case *outcome == string(Pass) && fault != nil:
		return Verdict{}, errors.New(`with "verdict" "pass", "fault" must be null`)
	}
	v.Outcome, v.Reason = Outcome(*outcome), strings.TrimSpace(*reason)
	if fault != nil {
		v.Fault = Fault(*fault)
	}
	if criterion != nil {
		v.Criterion = *criterion
	}
	if message != nil {
		v.Message = *message
	}
	return v, nil
}

// object reads an object whose keys are known, spelled exactly and there once, so that no answer can say two things.
func object(answer string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(answer)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("the answer must be one JSON object with nothing before it")
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("the answer is not JSON: %w", err)
		}
		key, _ := t.(string)
		if !slices.Contains(fields, key) {
			return nil, fmt.Errorf("%q is no field; the fields are %s", key, strings.Join(fields, ", "))
		}
		if out[key] != nil {
			return nil, fmt.Errorf("%q is there twice", key)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("the answer is not JSON: %w", err)
		}
		out[key] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("the answer is not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the answer must be one JSON object with nothing after it")
	}
	return out, nil
}
