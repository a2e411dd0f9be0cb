package journal

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDir(t *testing.T) {
	t.Parallel()
	good, missing := t.TempDir(), filepath.Join(t.TempDir(), "missing")
	file := filepath.Join(good, "file")
	if err := os.WriteFile(file, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	rows := map[string]struct {
		explicit, tmpdir, want, err string
	}{
		"explicit":              {explicit: good, tmpdir: "/", want: good},
		"explicit, missing":     {explicit: missing, tmpdir: good, err: missing + ": no such file"},
		"explicit, a file":      {explicit: file, tmpdir: good, err: file + ": not a directory"},
		"TMPDIR":                {tmpdir: good, want: good},
		"TMPDIR unset":          {want: "/tmp"},
		"TMPDIR missing":        {tmpdir: missing, want: "/tmp"},
		"TMPDIR is a file":      {tmpdir: file, want: "/tmp"},
		"TMPDIR is the default": {tmpdir: "/tmp", want: "/tmp"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dirs, _ := Dirs(row.explicit, row.tmpdir)
			got, err := Dir(dirs)
			if got != row.want || (err == nil) != (row.err == "") || (err != nil && !strings.Contains(err.Error(), row.err)) {
				t.Errorf("Dir is %q, %v, expected %q and an error with %q", got, err, row.want, row.err)
			}
		})
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("the directory was made")
	}
}

func TestNoDirLeft(t *testing.T) {
	t.Parallel()
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	_, err := Dir([]string{a, b})
	if err == nil || strings.Count(err.Error(), a) != 1 || !strings.Contains(err.Error(), b) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v, expected one line that names %s and %s once", err, a, b)
	}
}

func TestDirs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		explicit, tmpdir string
		want             []string
	}{
		{"", "", []string{"/tmp", "/dev/shm"}},
		{"", "/tmp", []string{"/tmp", "/dev/shm"}},
		{"", "/var/tmp", []string{"/var/tmp", "/tmp", "/dev/shm"}},
		{"/state", "/var/tmp", []string{"/state"}},
	} {
		if got, refused := Dirs(test.explicit, test.tmpdir); refused != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q %q: %q, %v, want %q", test.explicit, test.tmpdir, got, refused, test.want)
		}
	}
}
