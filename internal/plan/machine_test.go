package plan

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestAvailableMemory(t *testing.T) {
	const meminfo = "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n"
	tests := []struct {
		name  string
		files map[string]string
		want  MachineMemory
	}{
		{"no groups", nil, MachineMemory{8000000 << 10, "MemAvailable"}},
		{"version 2 with a limit", map[string]string{
			"proc/self/cgroup":                  "0::/user/job\n",
			"sys/fs/cgroup/user/job/memory.max": "1000000\n", "sys/fs/cgroup/user/job/memory.current": "400000\n",
		}, MachineMemory{600000, "cgroup limit"}},
		{"limit of a parent", map[string]string{
			"proc/self/cgroup":                  "0::/user/job\n",
			"sys/fs/cgroup/user/job/memory.max": "max\n", "sys/fs/cgroup/user/job/memory.current": "400000\n",
			"sys/fs/cgroup/user/memory.max": "900000\n", "sys/fs/cgroup/user/memory.current": "500000\n",
		}, MachineMemory{400000, "cgroup limit"}},
		{"container that sees only its root", map[string]string{
			"proc/self/cgroup":         "0::/../elsewhere\n",
			"sys/fs/cgroup/memory.max": "700000\n", "sys/fs/cgroup/memory.current": "100000\n",
		}, MachineMemory{600000, "cgroup limit"}},
		{"over the limit", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "5\n", "sys/fs/cgroup/memory.current": "9\n",
		}, MachineMemory{0, "cgroup limit"}},
		{"version 1", map[string]string{
			"proc/self/cgroup": "5:cpu,memory:/job\n4:pids:/x\n",
			"sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1000\n", "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "100\n",
		}, MachineMemory{900, "cgroup limit"}},
		{"limit above what is free", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "99000000000000\n", "sys/fs/cgroup/memory.current": "100\n",
		}, MachineMemory{8000000 << 10, "MemAvailable"}},
	}
	for _, tt := range tests {
		root := fstest.MapFS{"proc/meminfo": {Data: []byte(meminfo)}}
		for name, text := range tt.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		got, err := AvailableMemory(root)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
	if _, err := AvailableMemory(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no /proc: %v", err)
	}
	if _, err := AvailableMemory(fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal: 1 kB\n")}}); err == nil {
		t.Error("no MemAvailable: no error")
	}
}
