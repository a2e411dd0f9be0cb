package testserver

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"testing"

	_ "github.com/lib/pq"
)

// Postgres starts a PostgreSQL server on an address from [Address], and gives the URL of its database. Its user
// may do everything and needs no password.
func Postgres(t testing.TB, address string) string {
	t.Helper()
	// The programs are not in PATH.
	initdb := Program(t, "postgresql", "/usr/lib/postgresql/*/bin/initdb")
	postgres := Program(t, "postgresql", "/usr/lib/postgresql/*/bin/postgres")
	who, dir := postgresHome(t)
	create := exec.Command(initdb, "--pgdata="+dir, "--username=postgres", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8")
	create.SysProcAttr, create.Dir = who, dir
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("%s: %s\n%s", create, err, out)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", address)
	look, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close()
	serve := exec.Command(postgres, "-D", dir, "-h", host, "-p", port, "-k", "", "-F") // no Unix socket: dir is too long for a socket's path
	serve.SysProcAttr, serve.Dir = who, dir
	server := Start(t, serve, look.PingContext)
	t.Cleanup(func() { server.Signal(syscall.SIGINT) }) // SIGTERM alone waits for clients to go
	return url
}

// postgresHome is a directory for the server's data, and the user that runs the server: PostgreSQL refuses to run as root. The directory is
// not below t.TempDir(), since other users may not enter that.
func postgresHome(t testing.TB) (*syscall.SysProcAttr, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	who := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	if os.Getuid() != 0 {
		return who, dir
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	who.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return who, dir
}
