package regular

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	full := bytes.Repeat([]byte("x"), Max)
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	err = errors.Join(os.WriteFile(at("file"), []byte("text\n"), 0o600), os.WriteFile(at("empty"), nil, 0o600), os.Symlink("file", at("link")),
		os.Symlink("nowhere", at("dangling")), os.Symlink("round", at("round")), unix.Mkfifo(at("fifo"), 0o600), unix.Mkfifo(at("open"), 0o600),
		os.Symlink("open", at("link to a FIFO")), os.WriteFile(at("full"), full, 0o600), os.WriteFile(at("too long"), append(full, 'x'), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(at("open"), os.O_RDWR, 0) // a FIFO with a writer that says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for path, want := range map[string]string{
		at("file"): "text\n", at("empty"): "", at("link"): "text\n", at("full"): string(full),
	} {
		got, err := Read(path)
		if err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, want %d (%v)", path, len(got), len(want), err)
		}
	}
	for path, want := range map[string]string{
		at("missing"): "no such file", at("dangling"): "no such file", at("round"): "too many levels", at("file/x"): "not a directory", "": "no such file",
		dir: "expected a file, found a directory", at("fifo"): "found a FIFO", at("open"): "found a FIFO", at("link to a FIFO"): "found a FIFO",
		at("socket"): "found a socket", "/dev/zero": "found a device", at("too long"): "expected a file of 1 MiB at most",
	} {
		got, err := Read(path)
		if err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("%s: %d bytes, error %v, want %s", path, len(got), err, want)
		}
	}
}
