package child

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const s = time.Second

var errShare = errors.New("share used up")

// expectError wants err to hold text, or to be nil if that is empty.
func expectError(t *testing.T, err error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("error %q, want none", err)
	case text != "" && (err == nil || !strings.Contains(err.Error(), text)):
		t.Errorf("error %v, want %q in it", err, text)
	}
}

func expectTook(t *testing.T, took, least, most time.Duration) {
	t.Helper()
	if took < least || took > most {
		t.Errorf("took %v, want %v to %v", took, least, most)
	}
}
