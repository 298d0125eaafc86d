package judge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOffline measures the offline judge on all kinds of defects: it must catch nearly all, blame nobody for clean
// dialogues, and name the culprit.
func TestOffline(t *testing.T) {
	n, perKind := 800, 30
	if testing.Short() {
		n, perKind = 120, 5
	}
	trs := clean(t, 5, n)
	m, err := measureOn(t.Context(), &Offline{}, trs, perKind, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := m.Print(&b); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + b.String())
	if m.FalseAlarms.Hits != 0 || m.Unknown.Hits != 0 {
		t.Errorf("false alarms %v, unknown %v", m.FalseAlarms, m.Unknown)
	}
	if m.Recall.Share < 0.98 || m.Attributed.Share < 0.95 {
		t.Errorf("caught %v, culprit named %v", m.Recall, m.Attributed)
	}
	for _, d := range m.Defects {
		if d.Recall.Of > 0 && d.Recall.Share < 0.8 || d.Recall.Hits > 4 && d.Attributed.Share < 0.75 {
			t.Errorf("%s: caught %v, culprit named %v", d.Defect, d.Recall, d.Attributed)
		}
		if d.Recall.Of == 0 && !testing.Short() {
			t.Errorf("%s was never planted", d.Defect)
		}
	}
	again, err := measureOn(t.Context(), &Offline{}, trs, perKind, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, again); diff != "" {
		t.Errorf("with another number of workers: %s", diff)
	}
}
