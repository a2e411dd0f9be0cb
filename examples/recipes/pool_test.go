package recipes_test

import (
	"database/sql"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/prestop/prestop/internal/testserver"
)

// A poolService is the example application with a real PostgreSQL, and traffic to it.
type poolService struct {
	*traffic
	container *container
	look      *sql.DB // into the database
	long      <-chan error
}

// startPool starts both. A query is under way that lasts longer than the wait.
func startPool(t *testing.T, p *pod) *poolService {
	t.Helper()
	app := filepath.Join(t.TempDir(), "pool")
	if err := build(app, "../pool"); err != nil {
		t.Fatal(err)
	}
	look, err := sql.Open("postgres", testserver.Postgres(t, "127.0.0.2:5432"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { look.Close() })
	p.host("postgres", "127.0.0.2")
	c := p.container(t)
	c.set("PGAPPNAME", "pool")
	c.put(t, app, "/pool")
	c.start(t)
	tr := startTraffic(t, "127.0.0.1:8080", "/query")
	return &poolService{tr, c, look, tr.long("/query?seconds=4")}
}

// connections are those that PostgreSQL has from the application.
func (s *poolService) connections(t *testing.T) (n int) {
	t.Helper()
	const query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'"
	if err := s.look.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// result is what became of the requests, once the application has ended.
func (s *poolService) result(t *testing.T) (failures []string) {
	t.Helper()
	<-s.container.main.Done
	err := <-s.long
	answered, failures := s.outcome()
	t.Logf("%d answered, %d failed", answered, len(failures))
	if err != nil {
		failures = append(failures, "the long query: "+err.Error())
	}
	return failures
}

func TestDatabasePool(t *testing.T) {
	t.Parallel()
	inPod(t, "database-pool.yaml", func(t *testing.T, p *pod) {
		s := startPool(t, p)
		if s.connections(t) == 0 {
			t.Error("the pool holds no connection, so that there is nothing to drain")
		}
		got := s.container.hook(t)
		if n := s.connections(t); n != 0 {
			t.Errorf("after the second phase PostgreSQL has %d connections of the application", n)
		}
		s.container.main.signal(syscall.SIGTERM)
		if failures := s.result(t); len(failures) > 0 {
			t.Errorf("%d failed requests, the first: %s", len(failures), failures[0])
		}
		if got.status != 0 || s.container.main.status() != 0 {
			t.Errorf("the application: exit status %d; %s", s.container.main.status(), got)
		}
	}, wait, shortWait)
}

func TestDatabasePoolWithoutSecondPhase(t *testing.T) {
	t.Parallel()
	inPod(t, "database-pool.yaml", func(t *testing.T, p *pod) {
		s := startPool(t, p)
		s.container.hook(t)
		if s.connections(t) == 0 {
			t.Error("PostgreSQL has no connection of the application")
		}
	}, wait, shortWait, "- post http://localhost:8080/drain-connections", "")
}

func TestDatabasePoolWithoutWait(t *testing.T) {
	t.Parallel()
	inPod(t, "database-pool.yaml", func(t *testing.T, p *pod) {
		s := startPool(t, p)
		s.container.stop(t, syscall.SIGTERM)
		if len(s.result(t)) == 0 {
			t.Error("no request failed")
		}
	}, wait, noWait)
}

func TestDatabasePoolWithoutHook(t *testing.T) {
	t.Parallel()
	inPod(t, "database-pool.yaml", func(t *testing.T, p *pod) {
		s := startPool(t, p)
		s.container.main.signal(syscall.SIGTERM)
		if len(s.result(t)) == 0 {
			t.Error("no request failed")
		}
	})
}
