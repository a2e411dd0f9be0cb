package fakees

import (
	"testing"
)

func TestTimeValue(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"5m": "5m", "0s": "0s", "10S": "10s", " 10 s": "10s", "7nanos": "7nanos", "7micros": "7micros", "7MS": "7ms",
		"2H": "2h", "3d": "3d", "0": "0s", "000": "0s", "-1": "-1", "-01": "-1", "-1s": "-1", "+5s": "5s",
		"": "", "5": "", "5M": "", "5m ": "", "1m30s": "", "5m0s": "", "1.5h": "", "-2s": "", "-2": "", "-": "", "-0": "",
		"s": "", "m": "", "1w": "", "1 000s": "", "9223372036854775808s": "", "0x10s": "", "1_0s": "",
	} {
		have, err := parseTimeValue(s, "x")
		if (err == nil) != (want != "") || err == nil && have.String() != want {
			t.Errorf("%q: have %v, %v, want %q", s, have, err, want)
		}
	}
	for _, s := range []string{"9223372036854775807d", "9223372036854775807s"} {
		if v, err := parseTimeValue(s, "x"); err != nil || v.duration() <= 0 {
			t.Errorf("%q: have %v, %v, want the longest duration", s, v.duration(), err)
		}
	}
}

func FuzzTimeValue(f *testing.F) {
	for _, seed := range []string{"5m", "-1", "0", "1.5h", "5M", "", "9223372036854775807d", " 1 ms"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseTimeValue(s, "x")
		if err != nil {
			return
		}
		again, err := parseTimeValue(v.String(), "x")
		if err != nil || again.String() != v.String() || v.count >= 0 && again != v {
			t.Errorf("%q is %v, which is %v, %v", s, v, again, err)
		}
	})
}
