package corpus

import (
	"fmt"
	"path"
	"strings"
)

// checkPattern finds syntax errors before any file is read.
func checkPattern(pattern string) error {
	if pattern == "" || strings.HasPrefix(pattern, "/") {
		return fmt.Errorf("pattern %q: want a path relative to the folder, such as **/*.go", pattern)
	}
	for part := range strings.SplitSeq(pattern, "/") {
		if part == "**" {
			continue
		}
		if strings.Contains(part, "**") {
			return fmt.Errorf("pattern %q: ** has to stand alone between slashes", pattern)
		}
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", pattern, err)
		}
	}
	return nil
}

// match says whether a checked pattern matches a slash-separated relative path.
func match(pattern, rel string) bool {
	if !strings.Contains(pattern, "/") && pattern != "**" {
		ok, _ := path.Match(pattern, path.Base(rel))
		return ok
	}
	return matchParts(strings.Split(pattern, "/"), strings.Split(rel, "/"))
}

func matchParts(pattern, parts []string) bool {
	for i, p := range pattern {
		if p == "**" {
			for skip := 0; skip <= len(parts)-i; skip++ {
				if matchParts(pattern[i+1:], parts[i+skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(parts) {
			return false
		}
		if ok, _ := path.Match(p, parts[i]); !ok {
			return false
		}
	}
	return len(pattern) == len(parts)
}

func matchesAny(patterns []string, rel string) bool {
	for _, p := range patterns {
		if match(p, rel) {
			return true
		}
	}
	return false
}

// matchesAll says whether some pattern matches everything in a folder: it ends in ** and the rest
// matches the folder.
func matchesAll(patterns []string, dir string) bool {
	for _, p := range patterns {
		if rest, ok := strings.CutSuffix(p, "/**"); ok && matchParts(strings.Split(rest, "/"), strings.Split(dir, "/")) {
			return true
		}
	}
	return false
}
