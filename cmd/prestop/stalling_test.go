package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A stalling is a file system in memory, with one directory, whose server stops answering when told to. Requests that come then
// stay in the kernel's queue, as those for a server that was stopped.
type stalling struct {
	fd int // /dev/fuse

	mu      sync.Mutex
	stalled bool
	once    bool // it stands still as soon as a file was read and closed
	files   map[string]*stallingFile
	nodes   map[uint64]*stallingFile
}

type stallingFile struct {
	id   uint64
	mode uint32
	data []byte
}

// mountStalling mounts one. The process must have a mount namespace of its own.
func mountStalling(t *testing.T, at string, files map[string]string) *stalling {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40777,user_id=0,group_id=0,allow_other", fd)
	if err := unix.Mount("stalling", at, "fuse.stalling", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		t.Fatal(err)
	}
	s := &stalling{fd: fd, files: map[string]*stallingFile{}, nodes: map[uint64]*stallingFile{}}
	for name, text := range files {
		s.add(name, 0o755, []byte(text))
	}
	served := make(chan struct{})
	go func() { defer close(served); s.serve() }()
	t.Cleanup(func() {
		s.stall()
		<-served
		unix.Close(fd) // who still waits is told that the connection is over
		_ = unix.Unmount(at, unix.MNT_DETACH)
	})
	return s
}

// stallOnceRead stops answering as soon as somebody has read a file and closed it.
func (s *stalling) stallOnceRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.once = true
}

// stall stops answering. A request that came before has been answered.
func (s *stalling) stall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stalled = true
}

func (s *stalling) serve() {
	request := make([]byte, 256<<10)
	for s.one(request) {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, 20)
	}
}

// one answers a request, if there is one.
func (s *stalling) one(buffer []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stalled {
		return false
	}
	n, err := unix.Read(s.fd, buffer)
	if err != nil {
		return err == unix.EAGAIN || err == unix.EINTR || err == unix.ENOENT // which is an interrupted request
	}
	in := buffer[:n]
	opcode, unique, node := binary.NativeEndian.Uint32(in[4:]), in[8:16], binary.NativeEndian.Uint64(in[16:])
	s.stalled = s.once && opcode == fuseRelease
	out, errno := s.answer(opcode, node, in[40:])
	if opcode == fuseForget || opcode == fuseInterrupt || opcode == fuseBatchForget {
		return true
	}
	reply := words(uint32(16+len(out)), uint32(-int32(errno)))
	_, err = unix.Write(s.fd, append(append(reply, unique...), out...))
	return err == nil || err == unix.ENOENT
}

// Operations, as in linux/fuse.h.
const (
	fuseLookup      = 1
	fuseForget      = 2
	fuseGetattr     = 3
	fuseSetattr     = 4
	fuseUnlink      = 10
	fuseRename      = 12
	fuseOpen        = 14
	fuseRead        = 15
	fuseWrite       = 16
	fuseStatfs      = 17
	fuseRelease     = 18
	fuseInit        = 26
	fuseOpendir     = 27
	fuseReaddir     = 28
	fuseReleasedir  = 29
	fuseCreate      = 35
	fuseInterrupt   = 36
	fuseBatchForget = 42
	fuseRename2     = 45
)

func (s *stalling) answer(opcode uint32, id uint64, in []byte) ([]byte, unix.Errno) {
	node := s.nodes[id]
	u64 := func(at int) uint64 { return binary.NativeEndian.Uint64(in[at:]) }
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(in[at:]) }
	switch opcode {
	case fuseInit:
		return append(words(7, 31, 0, 0, 0, 128<<10, 1, 0), make([]byte, 32)...), 0
	case fuseLookup:
		if found, ok := s.files[name(in)]; ok {
			return entry(found), 0
		}
		return nil, unix.ENOENT
	case fuseGetattr:
		return append(make([]byte, 16), attributes(id, node)...), 0
	case fuseSetattr:
		if node != nil && u32(0)&8 != 0 {
			node.data = append(node.data, make([]byte, u64(16))...)[:u64(16)]
		}
		return append(make([]byte, 16), attributes(id, node)...), 0
	case fuseCreate:
		return append(entry(s.add(name(in[16:]), u32(4), nil)), s.opened()...), 0
	case fuseOpen, fuseOpendir:
		return s.opened(), 0
	case fuseRead:
		from := min(u64(8), uint64(len(node.data)))
		return node.data[from:min(from+uint64(u32(16)), uint64(len(node.data)))], 0
	case fuseWrite:
		at, data := u64(8), in[40:40+u32(16)]
		node.data = append(node.data[:min(at, uint64(len(node.data)))], data...)
		return words(u32(16), 0), 0
	case fuseUnlink:
		delete(s.files, name(in))
		return nil, 0
	case fuseRename, fuseRename2:
		from := in[map[uint32]int{fuseRename: 8, fuseRename2: 16}[opcode]:]
		to := from[len(name(from))+1:]
		s.files[name(to)] = s.files[name(from)]
		delete(s.files, name(from))
		return nil, 0
	case fuseStatfs:
		return make([]byte, 80), 0
	case fuseReaddir, fuseRelease, fuseReleasedir, fuseForget, fuseBatchForget, fuseInterrupt:
		return nil, 0
	}
	return nil, unix.ENOSYS
}

func (s *stalling) opened() []byte {
	return make([]byte, 16)
}

func (s *stalling) add(name string, mode uint32, data []byte) *stallingFile {
	f := &stallingFile{uint64(len(s.nodes) + 2), mode&0o7777 | unix.S_IFREG, data}
	s.files[name], s.nodes[f.id] = f, f
	return f
}

func name(in []byte) string {
	text, _, _ := bytes.Cut(in, []byte{0})
	return strings.Clone(string(text))
}

func words(all ...uint32) (out []byte) {
	for _, w := range all {
		out = binary.NativeEndian.AppendUint32(out, w)
	}
	return out
}

// entry is a name's file, which the kernel asks for again each time.
func entry(f *stallingFile) []byte {
	out := binary.NativeEndian.AppendUint64(nil, f.id)
	return append(append(out, make([]byte, 32)...), attributes(f.id, f)...)
}

// attributes are those of a file, or of the directory.
func attributes(id uint64, f *stallingFile) []byte {
	mode, size := uint32(unix.S_IFDIR|0o777), 0
	if f != nil {
		mode, size = f.mode, len(f.data)
	}
	out := binary.NativeEndian.AppendUint64(nil, id)
	out = binary.NativeEndian.AppendUint64(out, uint64(size))
	out = append(out, make([]byte, 4*8+3*4)...) // blocks and times
	return append(out, words(mode, 1, 0, 0, 0, 4096, 0)...)
}
