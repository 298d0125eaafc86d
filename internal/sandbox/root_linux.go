package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	workFolder = "/work"  // the job's folder in the private root
	procFolder = "/.proc" // where the supervisor sees the job's processes; jobs do not have it
)

// devices are those that give nothing away.
var devices = []string{"null", "zero", "full", "random", "urandom"}

// buildRoot makes a file system of the entries, devices and an empty working folder, and makes it the root of this
// process for good. watch says why there is no list of processes.
func buildRoot(tree []entry) (watch, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make mounts private: %w", err)
	}
	// Every Linux has /proc, and nothing that the root needs is below it.
	const root = "/proc"
	if err := unix.Mount("root", root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=1m,mode=0755"); err != nil {
		return nil, fmt.Errorf("mount a memory file system: %w", err)
	}
	for _, e := range tree {
		if err := e.place(root); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(root+"/dev", 0o755); err != nil {
		return nil, err
	}
	for _, d := range devices {
		if err := bindFile("/dev/"+d, root+"/dev/"+d); err != nil {
			return nil, err
		}
	}
	for _, d := range []string{workFolder, procFolder, "/etc"} {
		if err := os.Mkdir(root+d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.Symlink(workFolder, root+"/tmp"); err != nil {
		return nil, err
	}
	if err := os.WriteFile(root+"/etc/passwd", []byte("nobody:x:65534:65534:nobody:"+workFolder+":/bin/false\n"), 0o644); err != nil {
		return nil, err
	}
	if _, err := os.Stat("/etc/ld.so.cache"); err == nil {
		if err := bindFile("/etc/ld.so.cache", root+"/etc/ld.so.cache"); err != nil {
			return nil, err
		}
	}
	watch = unix.Mount("proc", root+procFolder, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")

	if err := os.Chdir(root); err != nil {
		return nil, err
	}
	// With the same folder twice the old root lies on top of the new one, and is taken away from there.
	if err := unix.PivotRoot(".", "."); err != nil {
		return nil, fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return nil, fmt.Errorf("leave the old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return nil, err
	}
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		return nil, fmt.Errorf("make the root read-only: %w", err)
	}
	return watch, nil
}

// place puts an entry into the root.
func (e entry) place(root string) error {
	to := filepath.Join(root, e.Path)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if e.Link != "" {
		return os.Symlink(e.Link, to)
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(e.Path, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("show %s: %w", e.Path, err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	err := unix.MountSetattr(unix.AT_FDCWD, to, unix.AT_RECURSIVE, &attr)
	if errors.Is(err, unix.ENOSYS) { // before 5.12: without what is mounted below
		err = remountReadOnly(to)
	}
	if err != nil {
		return fmt.Errorf("make %s read-only: %w", e.Path, err)
	}
	return nil
}

// remountReadOnly keeps the flags that a mount has, as a user namespace may not take them away.
func remountReadOnly(path string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return err
	}
	const kept = unix.ST_NODEV | unix.ST_NOEXEC | unix.ST_NOSUID | unix.ST_NOATIME | unix.ST_NODIRATIME | unix.ST_RELATIME
	return unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|uintptr(st.Flags)&kept, "")
}

func bindFile(from, to string) error {
	if err := os.WriteFile(to, nil, 0o444); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("show %s: %w", from, err)
	}
	return nil
}

// newWorkFolder covers the working folder of the calling thread's mount namespace with an empty file system, and takes
// the list of processes away.
func newWorkFolder(l Limits) error {
	options := fmt.Sprintf("size=%d,nr_inodes=%d,mode=0700", max(l.FileBytes, int64(os.Getpagesize())), l.Files+1)
	if err := unix.Mount("work", workFolder, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options); err != nil {
		return fmt.Errorf("mount the working folder: %w", err)
	}
	if err := unix.Unmount(procFolder, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: there was none
		return fmt.Errorf("hide the list of processes: %w", err)
	}
	return nil
}

// writeFiles puts a job's files into a folder.
func writeFiles(folder string, files map[string][]byte) error {
	for name, data := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write the job's files: %w", err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("write the job's files: raise Limits.FileBytes or Limits.Files: %w", err)
		}
	}
	return nil
}
