package timeline

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prestop/prestop/prestop"
)

type nothing struct{}

func (nothing) Run(context.Context, *slog.Logger) error { return nil }

func drawn(t Timeline, p Page) string {
	var out bytes.Buffer
	t.Write(&out, p)
	return out.String()
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	const s = time.Second
	wait := func(d time.Duration) prestop.Entry { return prestop.Entry{Line: "wait " + d.String(), Least: d} }
	call := prestop.Entry{Line: "post http://localhost:8080/drain", Step: nothing{}, Least: s, Most: 30 * s}
	tests := []struct {
		name string
		p    prestop.Plan
		want string
	}{
		{"nothing", prestop.Plan{Grace: 30 * s, Reserve: 5 * s}, `
STEP                        BEGINS  ENDS BY  0s              15s             30s
SIGTERM                     0s           0s  ^
reserved for the container  25s         30s                               ######
SIGKILL                     30s         30s                                    ^
`},
		{"a call and a wait", prestop.Plan{Grace: 60 * s, Reserve: 10 * s, Entries: []prestop.Entry{call, wait(20 * s)}}, `
STEP                                BEGINS  ENDS BY  0s          30s         60s
1 post http://localhost:8080/drain  0s          30s  =------------
2 wait 20s                          0-30s       50s  =========-------------
SIGTERM                             20-50s      50s           -------------^
reserved for the container          50s         60s                        #####
SIGKILL                             60s         60s                            ^
`},
		{"a floor and a report", prestop.Plan{Grace: 60 * s, Reserve: 10 * s, Floor: 40 * s, Aside: 5 * s, Entries: []prestop.Entry{call}}, `
STEP                                BEGINS  ENDS BY  0s          30s         60s
1 post http://localhost:8080/drain  0s          30s  =------------
additional wait 40s                 0s          40s  ==================
kept for the report                 40s         45s                    ==
SIGTERM                             40-45s      45s                    --^
reserved for the container          50s         60s                        #####
SIGKILL                             60s         60s                            ^
`},
		{"a floor for which there is no time", prestop.Plan{Grace: 3 * s, Reserve: 2 * s, Floor: 2 * s, Entries: []prestop.Entry{call}}, `
STEP                                BEGINS  ENDS BY  0s         1.5s          3s
1 post http://localhost:8080/drain  0s           1s  ========
additional wait 2s                  0s           0s  =
SIGTERM                             0-1s         1s  ---------^
reserved for the container          1s           3s           ##################
SIGKILL                             3s           3s                            ^
`},
		{"no time", prestop.Plan{Entries: []prestop.Entry{wait(20 * s)}}, `
STEP                        BEGINS  ENDS BY  0s              0s               0s
1 wait 20s                  0s           0s  =
SIGTERM                     0s           0s  ^
reserved for the container  0s           0s  #
SIGKILL                     0s           0s  ^
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := "\n" + drawn(New(&test.p), Page{}); got != test.want {
				t.Errorf("drawn as%s\nwant%s", got, test.want)
			}
		})
	}
}

// A page that is too narrow for bars has the times alone.
func TestTimelineOnANarrowPage(t *testing.T) {
	t.Parallel()
	const s = time.Second
	drawing := New(&prestop.Plan{Grace: 30 * s, Reserve: 5 * s, Entries: []prestop.Entry{{Line: "wait 5s", Least: 5 * s}, {Line: "post http://localhost:8080/shutdown header=Accept:text/plain", Least: s}}})
	drawing.Below(1, []string{"would fail now: connection refused by that port, at least today"})
	const want = `
BEGINS  ENDS BY  STEP
0s           5s  1 wait 5s
5s           6s  2 post
                   http://localhost:8080/shutdown
                   header=Accept:text/plain
                   would fail now: connection
                     refused by that port, at
                     least today
6s           6s  SIGTERM
25s         30s  reserved for the container
30s         30s  SIGKILL
`
	if got := "\n" + drawn(drawing, Page{Width: 48}); got != want {
		t.Errorf("drawn as%s\nwant%s", got, want)
	}
}

var numbered = regexp.MustCompile(`\b\d+ wait\b`)

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Whatever the plan: no line is wider than the page, there is a row for each step, and in colour the text is the same.
func TestTimelineOfAnyPlan(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		page := Page{Width: []int{0, 45, 60, 69, 70, 79, 120, 200}[n%8]}
		p := prestop.Plan{Grace: time.Duration(r.Int64N(int64(3 * time.Hour)))}
		p.Reserve = time.Duration(r.Int64N(int64(p.Grace) + 1))
		p.Floor = time.Duration(r.Int64N(int64(2 * p.Grace)))
		for range r.IntN(12) {
			e := prestop.Entry{Line: "wait " + strings.Repeat("x", r.IntN(min(70, page.width()-30))), Least: time.Duration(r.Int64N(int64(p.Grace)))}
			if r.IntN(2) == 0 {
				e.Step, e.Most = nothing{}, time.Duration(r.Int64N(int64(time.Hour)))
			}
			p.Entries = append(p.Entries, e)
		}
		drawing := New(&p)
		text := drawn(drawing, page)
		for line := range strings.Lines(text) {
			if utf8.RuneCountInString(line) > page.width()+1 {
				t.Fatalf("%d columns: %s", utf8.RuneCountInString(line)-1, line)
			}
		}
		if steps := len(numbered.FindAllString(text, -1)); steps < len(p.Entries) {
			t.Fatalf("%d of %d steps are drawn:\n%s", steps, len(p.Entries), text)
		}
		page.Colours = true
		if plain := escapes.ReplaceAllString(drawn(drawing, page), ""); plain != text {
			t.Fatalf("in colour it is\n%s\nand without\n%s", plain, text)
		}
	}
}

// A time of a year is drawn on a wide page too: the time and the page's width multiplied are more than a Duration holds.
func TestTimelineOfAYear(t *testing.T) {
	p := &prestop.Plan{Start: time.Now(), Grace: 366 * 24 * time.Hour, Entries: []prestop.Entry{{Line: "wait 1s", Least: time.Second, Most: time.Second}}}
	var out strings.Builder
	New(p).Write(&out, Page{Width: 400})
	if !strings.Contains(out.String(), "wait 1s") {
		t.Error(out.String())
	}
}
