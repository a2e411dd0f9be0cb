package lint

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

const (
	// mostRead is how many parts of a script are read, each as long as a line, and words. A loop's body is read in each of its turns.
	mostRead = 40_000
	// mostTurns is how often a loop with more turns is taken to be run.
	mostTurns = 10_000
	// mostRounds is how often a loop without an end is run.
	mostRounds = 1 << 20
	// unknown: it is not known how often a loop is run. The loop is taken to be run once in all.
	unknown = -1
)

// affords tells whether a part may be read, since not too much has been read before.
func (r *reader) affords(part syntax.Node) bool {
	r.left -= 1 + int(part.End().Offset()-part.Pos().Offset())/64
	return r.left > 0
}

// rounds is how often a for loop is run; unknown: that is not known.
func (r *reader) rounds(loop *syntax.ForClause) int {
	if !r.affords(loop) || loop.Select || r.calls(loop.Do) {
		return unknown
	}
	switch list := loop.Loop.(type) {
	case *syntax.CStyleLoop:
		if list.Init == nil || list.Cond == nil || list.Post == nil {
			return unknown
		}
		r.computed(list.Init)
		return r.turns(loop, loop.Do, list.Post, func() (met, known bool) {
			n, known := r.computed(list.Cond)
			return n != 0, known
		})
	case *syntax.WordIter:
		r.sets(loop)
		if all, known := r.fields(list.Items...); known && list.InPos.IsValid() {
			return len(all)
		}
	}
	return unknown
}

// turnsOf is how often a while or an until loop is run; unknown: that is not known.
func (r *reader) turnsOf(loop *syntax.WhileClause) int {
	if !r.affords(loop) || len(loop.Cond) != 1 || r.strict || r.calls(loop.Do) {
		return unknown
	}
	return r.turns(loop, loop.Do, nil, func() (met, known bool) {
		met, known = r.met(loop.Cond[0])
		return met != loop.Until, known
	})
}

// turns is how often a loop is run, by what it does with its variables and by the time; unknown: that is not known. Each turn takes a second
// at least. A loop that only waits, and whose condition depends on nothing, never ends.
func (r *reader) turns(loop syntax.Node, body []*syntax.Stmt, post syntax.ArithmExpr, condition func() (met, known bool)) (n int) {
	clock := r.clock
	r.timed = false
	r.within(func() {
		for ; n < mostTurns && r.affords(loop); n++ {
			r.moved = false
			on, known := condition()
			ever := n == 1 && !r.moved // what it depends on is as it was
			switch {
			case !known:
				n = unknown
			case on && ever && idle(body):
				n = mostRounds
			case on && ever:
				n = unknown
			}
			if !known || !on || ever {
				return
			}
			before := r.clock
			for _, part := range body {
				r.step(part)
			}
			if post != nil {
				r.computed(post)
			}
			r.clock = max(r.clock, before+time.Second)
		}
	})
	if r.timed && n > 0 {
		r.lasts = r.clock - clock
	}
	r.clock = clock
	return n
}

// step does what a part of a loop's body does in a turn that may end the loop: it sets variables, or takes time.
func (r *reader) step(part *syntax.Stmt) {
	call, isCall := part.Cmd.(*syntax.CallExpr)
	switch {
	case part.Background || r.setBy(part.Cmd) || isCall && r.onlyExpands(call):
	case isCall && call.Args[0].Lit() == "sleep":
		r.clock = add(r.clock, slept(r.operands(call.Args[1:])))
		fallthrough
	default:
		r.sets(part)
	}
}

// met tells whether a condition is met.
func (r *reader) met(s *syntax.Stmt) (met, known bool) {
	switch c := s.Cmd.(type) {
	case *syntax.ArithmCmd:
		n, ok := r.computed(c.X)
		met, known = n != 0, ok
	case *syntax.TestClause:
		if test, ok := c.X.(*syntax.BinaryTest); ok {
			x, isWord := test.X.(*syntax.Word)
			y, areWords := test.Y.(*syntax.Word)
			if isWord && areWords {
				met, known = r.compared(x, test.Op.String(), y)
			}
		}
	case *syntax.CallExpr:
		switch name := c.Args; {
		case len(name) == 1:
			met, known = true, slices.Contains([]string{"true", ":"}, name[0].Lit())
		case len(name) == 5 && name[0].Lit() == "[" || len(name) == 4 && name[0].Lit() == "test":
			met, known = r.compared(name[1], name[2].Lit(), name[3])
		}
	case *syntax.BinaryCmd: // a part that is not known may end the loop earlier; see leave
		x, first := r.met(c.X)
		y, second := r.met(c.Y)
		met, known = first && x || second && y, first || second
		if c.Op == syntax.AndStmt {
			met = (x || !first) && (y || !second)
		}
	}
	return met != s.Negated, known
}

// compared tells whether a comparison of two words is true.
func (r *reader) compared(x *syntax.Word, by string, y *syntax.Word) (is, known bool) {
	a, first := r.said(x)
	b, second := r.said(y)
	if known = first && second; by == "!=" || by == "=" || by == "==" {
		return (a == b) != (by == "!="), known && !strings.ContainsAny(b, "*?[")
	}
	m, err1 := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	is, ok := map[string]bool{"-lt": m < n, "-le": m <= n, "-gt": m > n, "-ge": m >= n, "-eq": m == n, "-ne": m != n}[by]
	return is, known && ok && err1 == nil && err2 == nil
}

// idle tells whether a loop does nothing but wait.
func idle(body []*syntax.Stmt) bool {
	return !slices.ContainsFunc(body, func(part *syntax.Stmt) bool {
		call, ok := part.Cmd.(*syntax.CallExpr)
		return !ok || part.Background || len(call.Args) == 0 || command{words: []string{call.Args[0].Lit()}}.acts()
	})
}

// leave tells whether a loop may end before its time: by a part of its body, which may be a function, or by one of two conditions.
func (r *reader) leave(loop syntax.Node, body []*syntax.Stmt) bool {
	if while, ok := loop.(*syntax.WhileClause); ok {
		if _, two := while.Cond[0].Cmd.(*syntax.BinaryCmd); two {
			return true
		}
	}
	return r.calls(body, "break", "continue", "exit", "return", "exec")
}

// calls tells whether a loop calls a function, or one of some commands.
func (r *reader) calls(body []*syntax.Stmt, commands ...string) (found bool) {
	for _, part := range body {
		syntax.Walk(part, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
				name := call.Args[0].Lit()
				_, function := r.functions[name]
				found = found || function || slices.Contains(commands, name)
			}
			return !found
		})
	}
	return found
}
