package lint

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// rounds is how often a for loop is run; 1: that is not known.
func (r *reader) rounds(loop *syntax.ForClause, text string) int {
	if r.loops++; r.loops > mostCalled || r.leave(loop.Do) {
		return 1
	}
	before, after := text[:loop.Pos().Offset()], text[loop.Pos().Offset():]
	switch list := loop.Loop.(type) {
	case *syntax.CStyleLoop:
		return max(counting(list, loop.Do, text), 1)
	case *syntax.WordIter:
		sum := 0
		for _, word := range list.Items {
			n := counted(word, func(name string) (int, bool) { return assigned(name, before, after) })
			if n == 0 {
				return 1
			}
			sum += n
		}
		return min(max(sum, 1), mostRounds)
	}
	return 1
}

// turns is how often a while or an until loop is run; 0: that is not known.
func (r *reader) turns(loop *syntax.WhileClause, text string) int {
	if r.loops++; r.loops > mostCalled || len(loop.Cond) != 1 || loop.Cond[0].Negated || r.leave(loop.Do) {
		return 0
	}
	condition := oneLine(text, loop.Cond[0].Cmd)
	if slices.Contains([]string{"true", ":"}, condition) && !loop.Until && idle(loop.Do) {
		return mostRounds
	}
	for _, part := range loop.Do {
		c := counter{}
		if part.Background || r.strict || errexit.MatchString(text) || !c.compared(condition, loop.Until) || !c.stepped(oneLine(text, part.Cmd)) {
			continue
		}
		before, after := text[:loop.Pos().Offset()], text[loop.End().Offset():]
		inside := strings.Replace(written(text, loop), written(text, part.Cmd), "", 1)
		inside = strings.Replace(inside, written(text, loop.Cond[0].Cmd), "", 1)
		first, ok := assigned(c.name, before, inside+" "+after)
		if limit, known := c.limit(before, inside+" "+after); ok && known {
			c.first, c.last = first, limit
			return c.rounds()
		}
	}
	return 0
}

// errexit matches what makes a shell end at the first command that fails. A loop may then end at any command.
var errexit = regexp.MustCompile(`\bset\s+(?:-[A-Za-z]*e|.*\berrexit\b)|^#!.*\s-[A-Za-z]*e`)

// counting is how often a loop as in C is run; 0: that is not known.
func counting(loop *syntax.CStyleLoop, body []*syntax.Stmt, text string) int {
	if loop.Init == nil || loop.Cond == nil || loop.Post == nil {
		return 0
	}
	var c counter
	first := regexp.MustCompile(`^(\w+)=(\d{1,6})$`).FindStringSubmatch(bare.Replace(oneLine(text, loop.Init)))
	if first == nil || !c.compared("(("+oneLine(text, loop.Cond)+"))", false) || !c.stepped("(("+oneLine(text, loop.Post)+"))") || first[1] != c.name {
		return 0
	}
	inside := ""
	for _, part := range body {
		inside += written(text, part) + " "
	}
	limit, known := c.limit(text[:loop.Pos().Offset()], inside)
	if !known || named(c.name, inside) > 0 {
		return 0
	}
	c.first, _ = strconv.Atoi(first[2])
	c.last = limit
	return c.rounds()
}

// A counter is the variable by which a loop counts: for how long the loop goes on.
type counter struct {
	name        string
	while       string // lt, le, gt, ge or ne
	to          string // a number, or the name of a variable
	first, last int
	step        int
}

var (
	comparison = regexp.MustCompile(`^(?:\[\[?|test) "?\$\{?(\w+)\}?"? (?:-(lt|le|gt|ge|ne|eq)|!=) "?(\d{1,6}|\$\{?\w+\}?)"?(?: \]\]?)?$`)
	arithmetic = regexp.MustCompile(`^\(\(\$?(\w+)(<=?|>=?|!=)(\d{1,6}|\$?[A-Za-z_]\w*)\)\)$`)
	stepping   = regexp.MustCompile("^(\\w+)=(?:\\$\\(\\(|\\$\\(expr|`expr)\\$?\\{?(\\w+)\\}?([+-])(\\d{1,6})(?:\\)\\)|\\)|`)$")
	increment  = regexp.MustCompile(`^(?:\(\(|let)(\w+)(?:(\+\+|--)|([+-])=(\d{1,6}))(?:\)\))?$`)
	bare       = strings.NewReplacer(" ", "", `"`, "", "'", "")
)

// compared reads a loop's condition.
func (c *counter) compared(condition string, until bool) bool {
	words := map[string]string{"": "ne", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
	found := comparison.FindStringSubmatch(condition)
	if found == nil {
		found = arithmetic.FindStringSubmatch(bare.Replace(condition))
	}
	if found == nil {
		return false
	}
	c.name, c.while = found[1], cmp.Or(words[found[2]], found[2])
	c.to = strings.Trim(found[3], "${}")
	if until {
		c.while = map[string]string{"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne"}[c.while]
	}
	return true
}

// stepped reads what a loop does with its counter in each round.
func (c *counter) stepped(line string) bool {
	sign, by := "", "1"
	if found := stepping.FindStringSubmatch(bare.Replace(line)); found != nil && found[1] == c.name && found[2] == c.name {
		sign, by = found[3], found[4]
	} else if found := increment.FindStringSubmatch(bare.Replace(line)); found != nil && found[1] == c.name {
		sign, by = cmp.Or(found[3], found[2][:min(1, len(found[2]))]), cmp.Or(found[4], "1")
	}
	c.step, _ = strconv.Atoi(by)
	if sign == "-" {
		c.step = -c.step
	}
	return sign != "" && c.step != 0
}

// limit is what a counter is compared with. A variable must be set once, before the loop.
func (c *counter) limit(before, rest string) (n int, known bool) {
	if n, err := strconv.Atoi(c.to); err == nil {
		return n, true
	}
	return assigned(c.to, before, rest)
}

// assigned is the number that a variable is set to before a loop, if nothing else sets the variable.
func assigned(name, before, rest string) (n int, known bool) {
	found := regexp.MustCompile(`(?:^|[\s;])` + name + `=["']?(\d{1,6})["']?(?:[\s;]|$)`).FindStringSubmatch(before)
	if found == nil || named(name, before) != 1 || named(name, rest) != 0 {
		return 0, false
	}
	n, err := strconv.Atoi(found[1])
	return n, err == nil
}

// named is how often a text has a variable's name without a dollar.
func named(name, text string) int {
	return len(regexp.MustCompile(`(?:^|[^$\w{])`+name+`\b`).FindAllStringIndex(text, -1))
}

// rounds is how often the loop is run; 0: that is not known.
func (c *counter) rounds() int {
	distance, step := c.last-c.first, c.step
	if c.while == "gt" || c.while == "ge" {
		distance, step = -distance, -step
	}
	switch {
	case step < 0 || c.while == "eq" || c.while == "":
		return 0
	case c.while == "le" || c.while == "ge":
		distance++
	case c.while == "ne" && (c.step < 0 || distance%step != 0):
		return 0
	}
	return max((distance+step-1)/step, 0)
}

// oneLine is a part of a script, with one blank between its words.
func oneLine(text string, n syntax.Node) string {
	if n == nil {
		return ""
	}
	return strings.Join(strings.Fields(written(text, n)), " ")
}

// idle tells whether a loop does nothing but sleep.
func idle(body []*syntax.Stmt) bool {
	return !slices.ContainsFunc(body, func(part *syntax.Stmt) bool {
		call, ok := part.Cmd.(*syntax.CallExpr)
		return !ok || part.Background || len(call.Args) == 0 || !slices.Contains([]string{"sleep", ":", "true", "echo", "date"}, call.Args[0].Lit())
	})
}

// leave tells whether a part of a loop may leave the loop, or one of its rounds. A function may.
func (r *reader) leave(body []*syntax.Stmt) bool {
	found := false
	for _, part := range body {
		syntax.Walk(part, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
				name := call.Args[0].Lit()
				_, function := r.functions[name]
				found = found || function || slices.Contains([]string{"break", "continue", "exit", "return", "exec"}, name)
			}
			return !found
		})
	}
	return found
}

var sequence = regexp.MustCompile("^(?:\\$\\(|`)\\s*seq\\s+(?:(\\d{1,6})\\s+)?(\\d{1,6})\\s*(?:\\)|`)$|^\\{(\\d{1,6})\\.\\.(\\d{1,6})\\}$")

// variableIn matches a variable in a script.
var variableIn = regexp.MustCompile(`"?\$\{?[A-Za-z_]\w*\}?"?`)

// counted is how many words a word of a loop's list is, as 5 for {1..5} or $(seq 5); 0: that is not known. number is the number that a
// variable has.
func counted(word *syntax.Word, number func(name string) (n int, known bool)) int {
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, word); err != nil {
		return 0
	}
	text := variableIn.ReplaceAllStringFunc(b.String(), func(found string) string {
		if n, known := number(strings.Trim(found, `"${}`)); known {
			return strconv.Itoa(n)
		}
		return found
	})
	if found := sequence.FindStringSubmatch(text); found != nil {
		first, _ := strconv.Atoi(cmp.Or(found[1]+found[3], "1"))
		last, _ := strconv.Atoi(found[2] + found[4])
		return max(last-first+1, 0)
	}
	if text := word.Lit(); text == "" || strings.ContainsAny(text, `*?[{\`) {
		return 0
	}
	return 1
}
