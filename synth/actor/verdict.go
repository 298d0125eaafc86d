package actor

import "strings"

// verdict tells whether something is possible, and what stands in the way.
func (e *Expert) verdict(v vars) string {
	seg := e.now()
	v["inf"] = e.words.request(seg).inf
	var reasons []string
	for _, f := range seg.Facts {
		x, err := e.binder.Resolve(seg.Steps, f.From, nil)
		if err != nil {
			continue // facts has reported it
		}
		switch x := x.(type) {
		case bool:
			if x {
				return say(e.r, mayWords, v)
			}
		case []any:
			for _, r := range x {
				s, _ := r.(string)
				reasons = append(reasons, strings.ReplaceAll(s, "_", " "))
			}
		}
	}
	v["why"] = sentence(strings.Join(reasons, "; "))
	return say(e.r, mayNotWords, v)
}
