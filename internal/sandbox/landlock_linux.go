package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock is used through raw system calls: they bind the calling thread only, which is what a supervisor needs, and they
// work in programs with C code, where libraries that bind all threads do not.

const (
	landlockRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockAll   = 1<<13 - 1 // the accesses of the first version; later ones follow bit by bit
	landlockPorts = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	landlockScope = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
)

// landlockRules is what a version of the kernel's interface can forbid.
func landlockRules(version int) unix.LandlockRulesetAttr {
	a := unix.LandlockRulesetAttr{Handled_access_fs: landlockAll}
	if version >= 2 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		a.Handled_access_net = landlockPorts
	}
	if version >= 5 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 {
		a.Scoped = landlockScope
	}
	return a
}

// landlockVersion is the version of the kernel's interface, 0 where it has none.
func landlockVersion() (int, error) {
	v, _, e := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return 0, e
	}
	return int(v), nil
}

func landlockState() Layer {
	v, err := landlockVersion()
	if err != nil {
		return Layer{Landlock, false, fmt.Sprintf("the kernel has none (%v): it needs 5.13 or later with landlock among its security modules", err)}
	}
	return Layer{Landlock, true, fmt.Sprintf("version %d", v)}
}

// restrictFiles lets the calling thread and all that it will start read below the root, and write below the folder and
// to the devices that keep nothing.
func restrictFiles(folder string) error {
	version, err := landlockVersion()
	if err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	rules := landlockRules(version)
	fd, _, e := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0)
	if e != 0 {
		return fmt.Errorf("landlock: make rules: %w", e)
	}
	defer func() { _ = unix.Close(int(fd)) }() // the rules hold without the descriptor
	const write = unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	for _, r := range []struct {
		path   string
		access uint64
	}{{"/", landlockRead}, {folder, rules.Handled_access_fs}, {"/dev/null", write}, {"/dev/zero", write}, {"/dev/full", write}} {
		if err := allowBeneath(int(fd), r.path, r.access); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("landlock: allow %s: %w", r.path, err)
		}
	}
	if _, _, e := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); e != 0 {
		return fmt.Errorf("landlock: %w", e)
	}
	return nil
}

func allowBeneath(rules int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // opened as a path only, so that nothing can be lost
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	if _, _, e := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); e != 0 {
		return e
	}
	return nil
}
