package lint

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// forever is how long sleep infinity sleeps. No time is longer, so that two of them can be added.
const forever = time.Duration(1 << 61)

// slept is how long a script still sleeps after so many of its commands (0: in all), if the rest of the script is run. What cannot be read
// does not count.
func (s script) slept() []time.Duration {
	acts := slices.IndexFunc(s.commands, command.acts)
	return s.lasting(func(i int, c command) time.Duration {
		endless := c.sleeps() >= forever && (acts < i || c.background) // what stands after it is never run
		if acts >= 0 && (endless || c.times >= mostRounds) {
			return 0 // it may wait for the end of the container, which another command has begun
		}
		once := atMost(c.sleeps(), c.within)
		return max(once, atMost(times(c.times, once), c.lasts))
	})
}

// limit is how long a script may last at most, as far as its commands have a limit: by timeout, by an option, or in a loop that may be left
// before its end. A command without a limit does not count.
func (s script) limit() time.Duration {
	return s.lasting(func(_ int, c command) time.Duration {
		once, loops := atMost(c.sleeps(), c.within), max(c.times, c.upTo)
		if once == 0 && (c.acts() || c.program() == "tail") && c.program() != program { // prestop ends by itself
			once = cmp.Or(c.within, s.within)
		}
		if loops >= mostRounds || once >= forever {
			return 0
		}
		return atMost(times(loops, once), c.lasts)
	})[0]
}

// lasting is how long a script still lasts after so many of its commands, if each lasts so long. each gets a command and its place. In a
// script with branches it is the longest of them. What is run after || does not come on top of others, nor does a sleep for the rest of a
// time.
func (s script) lasting(each func(int, command) time.Duration) []time.Duration {
	all := make([]time.Duration, len(s.commands)+1)
	sum, longest := time.Duration(0), time.Duration(0)
	for i, c := range slices.Backward(s.commands) {
		if !c.background || c.joined {
			d := each(i, c)
			if longest = max(longest, d); !s.branches && !c.otherwise && !c.background && !c.rest {
				sum = add(sum, d)
			}
		}
		all[i] = atMost(max(sum, longest), s.within)
	}
	return all
}

// sleeps is how long a command sleeps once.
func (c command) sleeps() time.Duration {
	switch {
	case c.least > 0:
		return c.least
	case c.operands != nil:
		return slept(c.operands)
	}
	return c.otherSleep()
}

// slept is how long sleep sleeps with these operands.
func slept(operands []string) (d time.Duration) {
	for _, word := range operands {
		one, _ := sleepTime(word)
		d = add(d, one)
	}
	return d
}

// Commands other than sleep that do nothing but sleep. A ping of the container itself takes a second for each answer but the first. A tail
// that follows nothing never ends.
var otherSleeps = []struct {
	pattern *regexp.Regexp
	less    time.Duration
}{
	{regexp.MustCompile(`(?i)^(?:powershell|pwsh)(?:\.exe)? (?:-(?:executionpolicy|ep) \w+ |-\w+ )*(?:start-sleep|sleep)(?: -s(?:econds)?)? (\d{1,6})$`), 0},
	{regexp.MustCompile(`^python[\d.]* -c (?:import time[;\n]\s*time\.|from time import sleep[;\n]\s*)sleep\((\d{1,6})\);?$`), 0},
	{regexp.MustCompile(`^usleep (\d{1,6})\d{6}$`), 0}, // in microseconds
	{regexp.MustCompile(`^(?:perl|ruby)[\d.]* -e sleep[\s(]\s*(\d{1,6})\)?;?$`), 0},
	{regexp.MustCompile(`(?i)^(?:cmd(?:\.exe)? (?:/\w )+)?ping(?:\.exe)? (?:(?:127\.0\.0\.1|localhost) -[nc] (\d{1,6})|-[nc] (\d{1,6}) (?:127\.0\.0\.1|localhost))(?: ?>.*)?$`), time.Second},
	{regexp.MustCompile(`^tail (?:(?:-?[^-\s]\S*|--[^p]\S*) )*-[fF] /dev/null$`), -forever},
}

// otherSleep is how long a command sleeps that is no sleep; 0: that is not known.
func (c command) otherSleep() time.Duration {
	name := c.words[0][strings.LastIndexAny(c.words[0], `/\`)+1:]
	line := strings.TrimSpace(strings.Join(append([]string{name}, c.words[1:]...), " "))
	for _, other := range otherSleeps {
		if found := other.pattern.FindStringSubmatch(line); found != nil {
			return slept([]string{strings.Join(found[1:], "")}) - other.less
		}
	}
	return 0
}

// acts tells whether a command does something besides waiting.
func (c command) acts() bool {
	return !slices.Contains([]string{"sleep", "tail", "wait", "echo", "true", ":", "date", "set", "[", "test"}, c.program())
}

// behind is how many commands are in the background.
func behind(commands []command) (n int) {
	for _, c := range commands {
		if c.background {
			n++
		}
	}
	return n
}

// atMost is d, or the limit if that is shorter; 0: there is no limit.
func atMost(d, limit time.Duration) time.Duration {
	if limit > 0 {
		return min(d, limit)
	}
	return d
}

// calm tells whether a script waits in any way that is known.
func (s script) calm() bool {
	for _, c := range s.commands {
		switch c.program() {
		case "sleep", "tail", "read", "prestop":
			return true
		case "wait":
			return s.branches || behind(s.commands) > 0
		}
	}
	return s.branches
}

// endsByAnotherSignal tells whether the last command of a script asks for a graceful end, by SIGQUIT or by a word such as quit. The SIGTERM
// after the hook would cut that end short. Any other signal is none of these: after a wait, SIGTERM would have come then in any case.
func (s script) endsByAnotherSignal() bool {
	return !s.branches && slices.ContainsFunc(s.last().words, func(word string) bool {
		return slices.Contains([]string{"quit", "graceful-stop", "QUIT", "-QUIT", "SIGQUIT", "-SIGQUIT", "-3"}, word)
	})
}

// last is the last command of a script that does something.
func (s script) last() command {
	for _, c := range slices.Backward(s.commands) {
		over := c.program() == "wait" && behind(s.commands) == 0 // at once, with nothing to wait for
		if !over && !slices.Contains([]string{"true", ":", "echo", "exit", "return"}, c.program()) {
			return c
		}
	}
	return command{}
}

// goesOn tells whether a command sends a signal after which the app goes on, as Sidekiq does after SIGTSTP.
func (c command) goesOn() bool {
	return slices.ContainsFunc(c.words, func(word string) bool {
		signal := strings.TrimPrefix(strings.TrimPrefix(strings.ToUpper(word), "-"), "SIG")
		return slices.Contains([]string{"TSTP", "CONT"}, signal)
	})
}

func add(a, b time.Duration) time.Duration { return min(a+b, forever) }

// sleepTime reads sleep's operand as GNU's sleep does, infinity and 0x1e too; false: it takes no such operand.
func sleepTime(text string) (d time.Duration, ok bool) {
	hexadecimal := strings.HasPrefix(strings.ToLower(text), "0x")
	unit := time.Second
	if n := len(text); n > 0 {
		if i := strings.IndexByte("smhd", text[n-1]); i >= 0 && !(hexadecimal && text[n-1] == 'd') {
			unit, text = []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}[i], text[:n-1]
		}
	}
	if hexadecimal && !strings.ContainsAny(text, "pP") {
		text += "p0" // Go's numbers have an exponent there
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(n, 1) || !(n >= 0) || strings.Contains(text, "_") {
		return 0, false
	}
	return time.Duration(min(n*float64(unit), float64(forever))), true
}

// times is a duration so many times.
func times(n int, d time.Duration) time.Duration {
	if n >= mostRounds && d > 0 {
		return forever
	}
	return time.Duration(min(float64(max(n, 1))*float64(d), float64(forever)))
}

// Sleeps is how long the command of a hook sleeps, if it does nothing else. The command is sleep itself, or a shell with nothing else in
// its script. ok is false for any other command, and for a sleep whose length is missing or is no number.
func Sleeps(command []string) (d time.Duration, ok bool) {
	s := scriptOf(command, environment{})
	c, ok := s.only()
	if !ok || s.lost > 0 || c.program() != "sleep" || c.background || c.fed || s.doesMore() {
		return 0, false
	}
	if slices.ContainsFunc(c.words[1:], func(word string) bool { return slept([]string{word}) == 0 }) {
		return 0, false
	}
	d = atMost(atMost(slept(c.words[1:]), c.within), s.within)
	return d, d > 0
}

// doesMore tells whether a script does something besides its simple commands: it writes a file, or runs something inside of a word.
func (s script) doesMore() bool {
	if s.parsed == nil {
		return s.text != ""
	}
	more := false
	syntax.Walk(s.parsed, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Redirect:
			more = more || n.Op != syntax.DplOut && n.Word.Lit() != "/dev/null"
		case *syntax.CmdSubst, *syntax.ProcSubst, *syntax.DeclClause, *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause:
			more = true
		}
		return !more
	})
	return more
}
