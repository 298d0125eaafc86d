package sandbox

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refused are system calls that no solution needs and that reach into the kernel, into other processes or out of the
// namespaces. Each fails with EPERM. Those of one architecture only are in architecture.refused.
var refused = []uint32{
	// other processes
	unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
	// namespaces and mounts
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT,
	unix.SYS_FSPICK, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
	// parts of the kernel with a long history of holes
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_IO_URING_SETUP,
	unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_USERFAULTFD, unix.SYS_VMSPLICE,
	// memory that no limit counts until it is mapped
	unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_SHMGET, unix.SYS_SEMGET, unix.SYS_MSGGET, unix.SYS_MQ_OPEN,
	// the machine
	unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_REBOOT, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_VHANGUP,
	unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_SETTIMEOFDAY, unix.SYS_ADJTIMEX, unix.SYS_PERSONALITY,
}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS |
	unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME

// Offsets in struct seccomp_data. Both architectures are little-endian: the low half of an argument comes first.
const (
	dataNr   = 0
	dataArch = 4
	dataArg0 = 16
)

const eperm = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)

// filter is the program of the seccomp layer.
func filter() []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	jump := func(cond uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | cond | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	ret := func(what uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what} }

	p := []unix.SockFilter{
		load(dataArch), jump(unix.BPF_JEQ, architecture.audit, 1, 0), ret(unix.SECCOMP_RET_KILL_PROCESS),
		load(dataNr),
	}
	if architecture.foreign != 0 { // the same calls under other numbers
		p = append(p, jump(unix.BPF_JGE, architecture.foreign, 0, 1), ret(eperm))
	}
	for _, nr := range append(refused[:len(refused):len(refused)], architecture.refused...) {
		p = append(p, jump(unix.BPF_JEQ, nr, 0, 1), ret(eperm))
	}
	p = append(p,
		// clone3 keeps its flags in memory, where a filter cannot look; without it libraries use clone.
		jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), ret(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)),
		jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4), load(dataArg0), jump(unix.BPF_JSET, newNamespaces, 0, 1), ret(eperm), ret(unix.SECCOMP_RET_ALLOW),
		jump(unix.BPF_JEQ, unix.SYS_SOCKET, 0, 4), load(dataArg0), jump(unix.BPF_JEQ, unix.AF_UNIX, 1, 0), ret(eperm), ret(unix.SECCOMP_RET_ALLOW),
		// The supervisor holds each job at its first instruction with TRACEME and lets it go with DETACH.
		jump(unix.BPF_JEQ, unix.SYS_PTRACE, 0, 5), load(dataArg0), jump(unix.BPF_JEQ, unix.PTRACE_TRACEME, 2, 0), jump(unix.BPF_JEQ, unix.PTRACE_DETACH, 1, 0),
		ret(eperm), ret(unix.SECCOMP_RET_ALLOW),
		ret(unix.SECCOMP_RET_ALLOW),
	)
	return p
}

// seccompState says whether the kernel takes filters.
func seccompState() Layer {
	if architecture.audit == 0 {
		return Layer{Seccomp, false, "there is no filter for this architecture"}
	}
	action := uint32(unix.SECCOMP_RET_KILL_PROCESS)
	if _, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action))); e != 0 {
		return Layer{Seccomp, false, fmt.Sprintf("the kernel has no filters (%v): it needs CONFIG_SECCOMP_FILTER", e)}
	}
	return Layer{Seccomp, true, fmt.Sprintf("%d system calls are refused", len(refused)+len(architecture.refused)+3)}
}

// restrictCalls puts the filter on the calling thread and on all that it will start.
func restrictCalls() error {
	p := filter()
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	if _, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); e != 0 {
		return fmt.Errorf("seccomp: %w", e)
	}
	return nil
}
