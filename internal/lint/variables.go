package lint

import (
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// A scope is what a part of a script has set.
type scope struct {
	set   map[string]string // the values of variables; empty: not known
	under *scope            // what was set before the part
	blind bool              // what was set before may have changed
}

// longestValue is the length of the longest value that is kept.
const longestValue = 1 << 10

// within reads a part in a scope of its own. The part sets nothing for what comes after it, as in ( ).
func (r *reader) within(do func()) *scope {
	s := &scope{set: map[string]string{}, under: r.scope}
	r.scope = s
	do()
	r.scope = s.under
	return s
}

// perhaps reads parts of which one is run, or none. A variable that had a value before may have either value afterwards.
func (r *reader) perhaps(parts ...func()) {
	var all []*scope
	for _, do := range parts {
		all = append(all, r.within(do))
	}
	for _, s := range all {
		for name, value := range s.set {
			if r.mayHave(name) {
				value = ""
			}
			r.assign(name, value)
		}
	}
}

// forget is for a part that may set any variable.
func (r *reader) forget() {
	r.lost = true
	for s := r.scope; s != nil; s = s.under {
		clear(s.set)
	}
}

// formula matches what arithmetic computes where it is a variable's value. Package expand does not.
var formula = regexp.MustCompile(`^[\w()]+[-+*/%][-+*/%\w()]+$`)

// assign sets a variable; an empty value is one that is not known.
func (r *reader) assign(name, value string) {
	if name == "SECONDS" && value == "0" && r.clock == 0 {
		delete(r.scope.set, name)
		return
	}
	if name == "SECONDS" || len(value) > longestValue || formula.MatchString(value) {
		value = ""
	}
	r.scope.set[name], r.ofTime[name] = value, r.byTime
}

// written is what the script has set a variable to.
func (r *reader) written(name string) (value string, set bool) {
	for s := r.scope; s != nil; s = s.under {
		if value, set = s.set[name]; set || s.blind && !slices.Contains(ofExpand, name) {
			return value, true
		}
	}
	return "", false
}

// mayHave tells whether a variable may have a value.
func (r *reader) mayHave(name string) bool {
	_, set := r.written(name)
	return set || r.lost || r.env.has(name) || r.env.maySet(name)
}

// ofExpand are the variables that package expand asks for, whatever the word.
var ofExpand = []string{"IFS", "PWD"}

// ofShells are the variables that shells set themselves.
var ofShells = []string{"BASHPID", "COLUMNS", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "LINES", "OPTARG", "OPTIND", "PPID", "RANDOM", "REPLY", "SECONDS", "SHLVL", "SRANDOM", "UID"}

// lastJob stands for the number of the process that was put into the background last.
const lastJob = "$!"

// value is the value of a variable where the reader is. It is empty for a variable that is not set.
func (r *reader) value(name string) (value string, known bool) {
	value, set := r.written(name)
	if set {
		_, here := r.scope.set[name]
		r.moved, r.timed = r.moved || here, r.timed || r.ofTime[name]
		return value, value != ""
	}
	v := r.env.variables[name]
	switch {
	case name == "!":
		return lastJob, true
	case slices.Contains(ofExpand, name):
		return "", true
	case name == "SECONDS" && slices.Contains([]string{"bash", "ksh", "zsh"}, path.Base(r.shell)):
		r.moved, r.timed = true, true
		return strconv.Itoa(int(r.clock / time.Second)), true
	case r.lost, slices.Contains(ofShells, name), !syntax.ValidName(name), !v.known && r.mayHave(name):
		return "", false
	}
	return v.value, true
}

// Get is a variable, for package expand.
func (r *reader) Get(name string) expand.Variable {
	value, known := r.value(name)
	r.unsure = r.unsure || !known
	r.left -= len(value) / 16 // a pattern takes time for each byte
	return expand.Variable{Set: value != "", Kind: expand.String, Str: value}
}

// Each is for package expand, which never needs all variables here.
func (r *reader) Each(func(string, expand.Variable) bool) {}

// Set sets a variable, for package expand.
func (r *reader) Set(name string, v expand.Variable) error {
	r.assign(name, v.Str)
	return nil
}

func (r *reader) config() *expand.Config {
	return &expand.Config{NoUnset: true, Env: r, CmdSubst: r.prints}
}

// sure expands something. It tells whether all that was asked for is known. Whatever the script is, a panic of package expand is an error.
func (r *reader) sure(expand func() error) (known bool) {
	before, timed := r.unsure, r.timed
	defer func() {
		if recover() != nil {
			known = false
		}
		r.unsure, r.byTime, r.timed = before, r.timed, r.timed || timed
	}()
	r.unsure, r.timed = false, false
	return expand() == nil && !r.unsure
}

// said is what a shell makes of a word; false: that is not known.
func (r *reader) said(word *syntax.Word) (text string, known bool) {
	known = r.sure(func() (err error) {
		text, err = expand.Literal(r.config(), word)
		return err
	})
	return text, known
}

// fields are the words that a shell makes of some, or the first of them; false: they are not known.
func (r *reader) fields(words ...*syntax.Word) (all []string, known bool) {
	known = r.sure(func() error {
		for field, err := range expand.FieldsSeq(r.config(), words...) {
			if r.left--; r.left < 0 {
				err = errUnknown
			}
			if err != nil || len(all) == mostTurns {
				return err
			}
			all = append(all, field)
		}
		return nil
	})
	pattern := func(word *syntax.Word) bool { return strings.ContainsAny(unquoted(word.Parts, noText), `*?[\`) } // which may match any number of files
	return all, known && !slices.ContainsFunc(words, pattern) && !(r.plain() && slices.ContainsFunc(words, bracesIn))
}

// computed is what an arithmetic expression comes to; false: that is not known. It may set variables.
func (r *reader) computed(x syntax.ArithmExpr) (n int, known bool) {
	if word, ok := x.(*syntax.Word); ok && word.Lit() == "" { // in quotes, as in let "i += 1"
		text, known := r.said(word)
		inside, err := arithmetic(text)
		if !known || err != nil {
			r.named(word)
			return 0, false
		}
		x = inside
	}
	if set, ok := x.(*syntax.BinaryArithm); ok && set.Op == syntax.Assgn { // package expand asks for the old value, too
		if name, ok := set.X.(*syntax.Word); ok {
			value := ""
			if n, known = r.computed(set.Y); known {
				value = strconv.Itoa(n)
			}
			r.assign(name.Lit(), value)
			return n, known
		}
	}
	known = r.sure(func() (err error) {
		n, err = expand.Arithm(r.config(), x)
		return err
	})
	if !known {
		r.sets(x)
	}
	return n, known
}

func arithmetic(text string) (syntax.ArithmExpr, error) {
	return syntax.NewParser().Arithmetic(strings.NewReader(text))
}

var errUnknown = errors.New("not known")

// sum matches what expr adds up.
var sum = regexp.MustCompile(`^expr -?\d{1,12} [-+*/%] -?\d{1,12}$`)

// epoch is the time at which the reader takes the script to begin, in seconds.
const epoch = 2_000_000_000

// prints writes what a command prints in $( ), for package expand.
func (r *reader) prints(w io.Writer, c *syntax.CmdSubst) error {
	if len(c.Stmts) != 1 {
		return errUnknown
	}
	call, ok := c.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Assigns) > 0 {
		return errUnknown
	}
	var words []string
	for _, arg := range call.Args {
		word, known := r.said(arg)
		if !known {
			return errUnknown
		}
		words = append(words, word)
	}
	switch line := strings.Join(words, " "); {
	case line == "date +%s":
		r.moved, r.timed = true, true
		fmt.Fprint(w, epoch+int(r.clock/time.Second))
		return nil
	case sum.MatchString(line):
		x, _ := arithmetic(strings.TrimPrefix(line, "expr "))
		n, err := expand.Arithm(r.config(), x)
		fmt.Fprint(w, n)
		return err
	case words[0] == "echo" && len(words) > 1 && !strings.HasPrefix(words[1], "-") && !strings.Contains(line, `\`):
		fmt.Fprintln(w, strings.TrimPrefix(line, "echo "))
		return nil
	case words[0] == "seq":
		return r.sequence(w, words[1:])
	}
	return errUnknown
}

// sequence writes what seq prints, or the beginning of that.
func (r *reader) sequence(w io.Writer, words []string) error {
	operands := [3]int{1, 1} // first, by and last
	places := map[int][]int{1: {2}, 2: {0, 2}, 3: {0, 1, 2}}[len(words)]
	for i, place := range places {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			return err
		}
		operands[place] = n
	}
	first, by, last := operands[0], operands[1], operands[2]
	if places == nil || by == 0 {
		return errUnknown
	}
	for i, n := first, 0; by*i <= by*last && n < mostTurns && r.left > 0; i, n, r.left = i+by, n+1, r.left-1 {
		fmt.Fprintln(w, i)
	}
	return nil
}

// assignments are made for the rest of the script.
func (r *reader) assignments(all []*syntax.Assign) {
	for _, a := range all {
		switch {
		case a.Name == nil: // an option, or a word that may be an assignment
			if option := a.Value.Lit(); option == "" || option == "-n" {
				r.forget()
			}
			continue
		case a.Naked: // as in export N
			continue
		}
		value, known := "", false
		if a.Value != nil && a.Index == nil && !a.Append {
			value, known = r.said(a.Value)
		}
		if r.sets(a); known {
			r.assign(a.Name.Value, value)
		}
	}
}

// setBy reads a part, if it does nothing but set variables.
func (r *reader) setBy(part syntax.Node) bool {
	switch part := part.(type) {
	case *syntax.CallExpr:
		if len(part.Args) > 0 {
			return false
		}
		r.assignments(part.Assigns)
	case *syntax.DeclClause:
		if part.Variant.Value == "nameref" {
			r.forget()
		}
		r.assignments(part.Args)
	case *syntax.ArithmCmd:
		r.computed(part.X)
	case *syntax.LetClause:
		for _, x := range part.Exprs {
			r.computed(x)
		}
	default:
		return false
	}
	return true
}

// onlyExpands expands the arguments of a command that does nothing else, as in : ${N:=5}; false: it does more, or they are not known.
func (r *reader) onlyExpands(call *syntax.CallExpr) bool {
	if call.Args[0].Lit() != ":" {
		return false
	}
	_, known := r.fields(call.Args...)
	return known
}

// bareName matches names without a dollar.
var bareName = regexp.MustCompile(`(?:^|[^$\w{])([A-Za-z_]\w*)`)

// named notes the variables that a word names, to what is not known.
func (r *reader) named(word *syntax.Word) {
	for _, found := range bareName.FindAllStringSubmatch(unquoted(word.Parts, noText), -1) {
		r.assign(found[1], "")
	}
}

// assigns matches operators that set what stands before or after them.
var assigns = regexp.MustCompile(`^(?:\+\+|--|(?:[-+*/%&|^]|<<|>>)?=)$`)

// sets notes the variables that a part of a script may set, to what is not known. Each name in an argument of a command is one, unless the
// command is echo: read and others set variables by their names.
func (r *reader) sets(part syntax.Node) {
	operand := func(operator string, n syntax.ArithmExpr) {
		if word, ok := n.(*syntax.Word); ok && assigns.MatchString(operator) {
			r.assign(word.Lit(), "")
		}
	}
	syntax.Walk(part, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst, *syntax.Subshell, *syntax.FuncDecl:
			return false
		case *syntax.Assign:
			if n.Name != nil {
				r.assign(n.Name.Value, "")
			}
		case *syntax.WordIter:
			r.assign(n.Name.Value, "")
		case *syntax.ParamExp:
			if n.Exp != nil && n.Param != nil && strings.HasSuffix(n.Exp.Op.String(), "=") {
				r.assign(n.Param.Value, "")
			}
		case *syntax.LetClause:
			for _, x := range n.Exprs {
				if word, ok := x.(*syntax.Word); ok {
					r.named(word)
				}
			}
		case *syntax.UnaryArithm:
			operand(n.Op.String(), n.X)
		case *syntax.BinaryArithm:
			operand(n.Op.String(), n.X)
		case *syntax.CallExpr:
			for i, word := range n.Args {
				if i > 0 && n.Args[0].Lit() != "echo" {
					r.named(word)
				}
			}
		}
		return true
	})
}
