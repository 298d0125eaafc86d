package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// setup is the first message to a supervisor.
type setup struct {
	Tree     []entry // of the private root
	Unsafe   bool
	Landlock bool // use it where the kernel has it
	Seccomp  bool
}

// entry is a folder of the host that the private root shows, or a symbolic link in it.
type entry struct {
	Path string
	Link string // target; empty binds the folder of the host
}

// ready answers a setup.
type ready struct {
	Layers []Layer
	Layer  string // that failed
	Error  string
}

// order is a message to a supervisor that is ready: a job, or the end of the one that runs.
type order struct {
	Seq   uint64
	Kill  Verdict // with which verdict job Seq ends; empty starts a job
	Path  string  // of the interpreter inside the root
	Args  []string
	Files map[string][]byte
	Limit Limits
}

// done answers a job. Its descriptors are stdin, stdout, stderr and, for one of a pair, the channel.
type done struct {
	Seq        uint64
	Layer      string // that failed
	Error      string // about the sandbox
	Exit       int
	Signal     int
	Verdict    Verdict
	Wall, CPU  time.Duration
	PeakMemory int64
}

const (
	maxMessage = 256 << 20 // bytes; a job's files are in memory several times
	maxPassed  = 4         // descriptors with a message
)

// send writes a message: its length in eight bytes, which carry the descriptors, and JSON.
func send(c *net.UnixConn, v any, files ...*os.File) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("sandbox: write a message: %w", err)
	}
	if len(body) > maxMessage {
		return fmt.Errorf("sandbox: a message of %d bytes is longer than %d: give the job smaller files", len(body), maxMessage)
	}
	head := binary.BigEndian.AppendUint64(nil, uint64(len(body)))
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	if _, _, err := c.WriteMsgUnix(head, rights, nil); err != nil {
		return fmt.Errorf("sandbox: write to the supervisor: %w", err)
	}
	if _, err := c.Write(body); err != nil {
		return fmt.Errorf("sandbox: write to the supervisor: %w", err)
	}
	return nil
}

// receive reads a message and the descriptors that came with it.
func receive(c *net.UnixConn, v any) ([]*os.File, error) {
	head := make([]byte, 8)
	oob := make([]byte, unix.CmsgSpace(4*maxPassed))
	n, oobn, flags, _, err := c.ReadMsgUnix(head, oob)
	if err != nil {
		return nil, err
	}
	files, err := passed(oob[:oobn], flags)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	if _, err = io.ReadFull(c, head[n:]); err == nil {
		size := binary.BigEndian.Uint64(head)
		if size > maxMessage {
			err = fmt.Errorf("sandbox: a message of %d bytes", size)
		} else {
			body := make([]byte, size)
			if _, err = io.ReadFull(c, body); err == nil {
				err = json.Unmarshal(body, v)
			}
		}
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return files, nil
}

func passed(oob []byte, flags int) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return nil, fmt.Errorf("sandbox: more than %d descriptors with a message", maxPassed)
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("sandbox: read descriptors: %w", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			closeAll(files)
			return nil, fmt.Errorf("sandbox: read descriptors: %w", err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
