package fakees

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A timeValue is a duration in Elasticsearch's grammar: a whole number and one unit.
type timeValue struct {
	count int64
	unit  string
}

// parseTimeValue reads a number with one of the units nanos, micros, ms, s, m, h and d, and also 0 and -1 without
// a unit. Case does not matter, except for m, since M would be a month. "1m30s" and "1.5h" are refused.
// The error names setting.
func parseTimeValue(s, setting string) (timeValue, error) {
	normal := strings.ToLower(strings.TrimSpace(s))
	for _, unit := range []string{"nanos", "micros", "ms", "s", "m", "h", "d"} {
		number, ok := strings.CutSuffix(normal, unit)
		if ok && (unit != "m" || strings.HasSuffix(s, "m")) {
			return parseCount(s, strings.TrimSpace(number), unit, setting)
		}
	}
	switch digits := strings.TrimLeft(strings.TrimPrefix(normal, "-"), "0"); {
	case digits == "1" && normal[0] == '-':
		return timeValue{-1, "ms"}, nil
	case digits == "" && normal != "" && normal[0] == '0':
		return timeValue{0, "s"}, nil
	}
	return timeValue{}, fmt.Errorf(
		"failed to parse setting [%s] with value [%s] as a time value: unit is missing or unrecognized", setting, s)
}

func parseCount(s, number, unit, setting string) (timeValue, error) {
	count, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err == nil && count < -1:
		return timeValue{}, fmt.Errorf(
			"failed to parse setting [%s] with value [%s] as a time value: negative durations are not supported", setting, s)
	case err == nil:
		return timeValue{count, unit}, nil
	}
	if _, err := strconv.ParseFloat(number, 64); err == nil {
		return timeValue{}, fmt.Errorf("failed to parse [%s], fractional time values are not supported", s)
	}
	return timeValue{}, fmt.Errorf("failed to parse [%s]", s)
}

// String is the value as an answer shows it. A negative value has no unit.
func (t timeValue) String() string {
	if t.count < 0 {
		return strconv.FormatInt(t.count, 10)
	}
	return strconv.FormatInt(t.count, 10) + t.unit
}

// duration is the value, but no longer than the longest duration of Go; negative for -1.
func (t timeValue) duration() time.Duration {
	nanos := t.nanos()
	if nanos >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(nanos)
}

func (t timeValue) nanos() float64 {
	unit := map[string]time.Duration{
		"nanos": time.Nanosecond, "micros": time.Microsecond, "ms": time.Millisecond,
		"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}[t.unit]
	return float64(t.count) * float64(unit)
}

// sameTime compares what the values mean: 60s is the same as 1m. Two missing values are the same.
func sameTime(a, b string) bool {
	x, errX := parseTimeValue(a, "")
	y, errY := parseTimeValue(b, "")
	if errX != nil || errY != nil {
		return a == b
	}
	return x.nanos() == y.nanos()
}
