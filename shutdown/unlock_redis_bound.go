package shutdown

import "net"

const (
	maxRedisBytes  = 1 << 20 // that one try reads
	maxRedisArrays = 16      // and their elements each; we ask for arrays of one
)

// boundedRedis lets no more through than a try may read, and no announcement of more. The library trusts a server: of
// "$9999999999" it makes a buffer of that size, and of nested arrays as many calls.
type boundedRedis struct {
	net.Conn
	left   int  // bytes
	arrays int  // begun so far
	kind   byte // first byte of the line that is being read; 0: a line begins
	length int  // that it announces so far, for a string or an array
	skip   int  // bytes to come of a string that was announced
}

// Read reads what may pass. An error stands for all that was read with it.
func (b *boundedRedis) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errBigAnswer
	}
	for _, c := range p[:n] {
		if err := b.next(c); err != nil {
			return 0, err
		}
	}
	return n, err
}

func (b *boundedRedis) next(c byte) error {
	switch {
	case b.skip > 0:
		b.skip--
	case b.kind == 0:
		return b.begin(c)
	case c == '\n':
		b.end()
	case b.kind == '$' && c == '-': // the string that is none
		b.kind = ':'
	case (b.kind == '$' || b.kind == '*') && '0' <= c && c <= '9':
		return b.digit(c)
	}
	return nil
}

func (b *boundedRedis) begin(c byte) error {
	switch c {
	case '*':
		if b.arrays++; b.arrays > maxRedisArrays {
			return errBigAnswer
		}
	case '+', '-', ':', '$':
	default:
		return errNotRedis
	}
	b.kind, b.length = c, 0
	return nil
}

func (b *boundedRedis) digit(c byte) error {
	most := maxRedisArrays
	if b.kind == '$' {
		most = maxRedisBytes
	}
	if b.length = b.length*10 + int(c-'0'); b.length > most {
		return errBigAnswer
	}
	return nil
}

func (b *boundedRedis) end() {
	if b.kind == '$' {
		b.skip = b.length + 2 // the line end after it
	}
	b.kind = 0
}
