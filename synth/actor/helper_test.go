package actor

import (
	"context"
	"testing"

	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/tasktest"
)

// play runs the scripted dialogue of a key.
func play(t testing.TB, key task.Key) (*env.Trajectory, error) {
	t.Helper()
	x, err := tasktest.Pool(t).Sample(key)
	if err != nil {
		t.Fatal(err)
	}
	return Play(context.Background(), x)
}
