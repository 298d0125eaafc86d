package judge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for answer, want := range map[string]Verdict{
		`{"verdict":"pass","fault":null,"criterion":null,"message":null,"reason":"All is done."}`:           {Outcome: Pass, Message: -1, Reason: "All is done."},
		" {\"reason\":\"x\",\n\"message\":2,\"criterion\":\"c\",\"fault\":\"tool\",\"verdict\":\"fail\"}\n": {Outcome: Fail, Fault: Tool, Criterion: "c", Message: 2, Reason: "x"},
		`{"verdict":"fail","fault":"agent","criterion":null,"message":0,"reason":"He said \"pass\"."}`:      {Outcome: Fail, Fault: Agent, Message: 0, Reason: `He said "pass".`},
	} {
		got, err := parse(answer, 3)
		if err != nil {
			t.Errorf("%s: %v", answer, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", answer, diff)
		}
	}
	for answer, want := range map[string]string{
		"":     "one JSON object",
		"pass": "one JSON object",
		"```json\n{\"verdict\":\"pass\",\"fault\":null,\"criterion\":null,\"message\":null,\"reason\":\"x\"}\n```": "nothing before",
		`{"verdict":"pass","fault":null,"criterion":null,"message":null,"reason":"x"} Thanks`:                      "nothing after",
		`{"verdict":"pass","fault":null,"criterion":null,"message":null,"reason":"x"}{"verdict":"fail"}`:           "nothing after",
		`{"verdict":"fail","verdict":"pass","fault":null,"criterion":null,"message":null,"reason":"x"}`:            "twice",
		`{"Verdict":"pass","fault":null,"criterion":null,"message":null,"reason":"x"}`:                             "no field",
		`{"verdict":"pass","fault":null,"criterion":null,"message":null}`:                                          `"reason" is missing`,
		`{"verdict":"pass","fault":null,"criterion":null,"message":null,"reason":" "}`:                             "must say why",
		`{"verdict":"PASS","fault":null,"criterion":null,"message":null,"reason":"x"}`:                             `must be "pass" or "fail"`,
		`{"verdict":null,"fault":null,"criterion":null,"message":null,"reason":"x"}`:                               `must be "pass" or "fail"`,
		`{"verdict":"fail","fault":null,"criterion":null,"message":null,"reason":"x"}`:                             "whose fault",
		`{"verdict":"pass","fault":"user","criterion":null,"message":null,"reason":"x"}`:                           "must be null",
		`{"verdict":"fail","fault":"developer","criterion":null,"message":null,"reason":"x"}`:                      `"fault" must be`,
		`{"verdict":"fail","fault":"","criterion":null,"message":null,"reason":"x"}`:                               `"fault" must be`,
		`{"verdict":"fail","fault":"user","criterion":null,"message":3,"reason":"x"}`:                              "run from 0 to 2",
		`{"verdict":"fail","fault":"user","criterion":null,"message":"1","reason":"x"}`:                            `"message" must be`,
		`{"verdict":"fail","fault":"user","criterion":null,"message":1.5,"reason":"x"}`:                            `"message" must be`,
		`{"verdict":"fail","fault":["user"],"criterion":null,"message":1,"reason":"x"}`:                            `"fault" must be`,
		`{"verdict":"pass","fault":null,"criterion":null,"message":null,"reason":"x"`:                              "not JSON",
	} {
		if _, err := parse(answer, 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", answer, err, want)
		}
	}
}

// FuzzParse gives any answer: a verdict that comes out is whole.
func FuzzParse(f *testing.F) {
	f.Add(`{"verdict":"pass","fault":null,"criterion":null,"message":null,"reason":"x"}`)
	f.Add(`{"verdict":"fail","fault":"tool","criterion":"c","message":1,"reason":"x"}`)
	f.Fuzz(func(t *testing.T, answer string) {
		v, err := parse(answer, 3)
		if err != nil {
			return
		}
		if (v.Outcome == Pass) == (v.Fault != Nobody) || v.Message < -1 || v.Message > 2 || v.Reason == "" {
			t.Errorf("%q gives %+v", answer, v)
		}
	})
}
