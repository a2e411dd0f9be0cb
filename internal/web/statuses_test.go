package web

import "testing"

func TestStatuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text    string
		has     []int
		without []int
	}{
		{"200", []int{200}, []int{201, 404}},
		{"200,404", []int{200, 404}, []int{204, 400}},
		{"2xx,409", []int{200, 299, 409}, []int{302, 404}},
		{"5xx", []int{500, 599}, []int{200}},
	}
	for _, test := range tests {
		all, err := ParseStatuses(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
		}
		for _, status := range test.has {
			if !all.Has(status) {
				t.Errorf("%s has no %d", test.text, status)
			}
		}
		for _, status := range test.without {
			if all.Has(status) {
				t.Errorf("%s has %d", test.text, status)
			}
		}
	}
	for _, text := range []string{"", ",", "200,", "abc", "20", "2000", "1xx", "6xx", "100", "600", "-20", "+20", "2x0", "xx2", "xxx", "2XX", " 200", "200 404", "2xxx", "20x"} {
		if all, err := ParseStatuses(text); err == nil {
			t.Errorf("%q is read as %v", text, all)
		}
	}
	if none := (Statuses)(nil); !none.Has(204) || none.Has(302) {
		t.Error("none given is not 2xx")
	}
}
