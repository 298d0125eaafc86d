package compute

// Fault is what the operations of a backend panic with when its device fails: there is no result, and no later
// operation will have one.
type Fault struct{ Err error }

func (f Fault) Error() string { return f.Err.Error() }

// Unwrap returns the failure.
func (f Fault) Unwrap() error { return f.Err }

// Guard is to be deferred. It turns a Fault into the error that *err then is. Other panics go on.
func Guard(err *error) {
	switch f := recover().(type) {
	case nil:
	case Fault:
		*err = f.Err
	default:
		panic(f)
	}
}
