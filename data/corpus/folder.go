package corpus

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// walk calls visit for the files of the folder that the patterns choose, sorted by path component.
// It follows links to files and to the folder itself, not to folders inside, which could form a cycle.
func (r *sourceReader) walk(ctx context.Context, visit func(path, rel string) error) error {
	root, err := filepath.EvalSymlinks(r.Path)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if p == root {
			return nil
		}
		if !r.Hidden && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			// Skipping an excluded folder saves reading it; its files would be left out one by one.
			if matchesAll(r.Exclude, rel) {
				return filepath.SkipDir
			}
			return nil
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(p)
			if err != nil || !info.Mode().IsRegular() {
				return nil
			}
		} else if !entry.Type().IsRegular() {
			return nil
		}
		if !r.chosen(rel) {
			r.counts.Other++
			return nil
		}
		return visit(p, rel)
	})
}

// chosen says whether the patterns choose a file.
func (r *sourceReader) chosen(rel string) bool {
	if matchesAny(r.Exclude, rel) {
		return false
	}
	if len(r.Include) > 0 {
		return matchesAny(r.Include, rel)
	}
	return r.Format == Text || formatOf(path.Base(rel)) == r.Format
}
