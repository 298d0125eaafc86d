package actor

import (
	"context"

	"muonclip/synth/env"
	"muonclip/synth/task"
)

// Play lets the scripted expert serve the scripted user of a task. The trajectory is a function of the task.
func Play(ctx context.Context, t *task.Task) (*env.Trajectory, error) {
	g := env.Gym{NewUser: func(t *task.Task) (env.User, error) { return NewUser(t), nil }}
	return g.Run(ctx, t, NewExpert(t))
}
