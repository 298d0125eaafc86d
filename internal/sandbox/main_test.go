package sandbox

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	Main() // a supervisor is this very executable
	os.Exit(m.Run())
}
